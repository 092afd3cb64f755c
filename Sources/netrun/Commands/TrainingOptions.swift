import ArgumentParser
import Solvers

/// How long a run goes on, and what it keeps.
struct TrainingOptions: ParsableArguments {
  @Option(help: "Passes over the training data, in place of the solver's max_iter.")
  var epochs: Double?

  @Option(
    help: ArgumentHelp(
      "End after so long, with snapshot and test: 90s, 45m, 2h30m.", valueName: "time"),
    transform: TrainingOptions.seconds)
  var maxTime: Double?

  @Option(
    help: ArgumentHelp(
      "Keep the weights of the best test in PREFIX_best.caffemodel: accuracy:max, loss:min.",
      valueName: "score"), transform: TrainingOptions.goal)
  var bestBy: ScoreGoal?

  @Option(help: "End after so many tests without a better score; with --best-by.")
  var patience: Int?

  @Option(help: "Keep so many of the snapshots that this run writes, the newest.")
  var keep: Int?

  @Flag(
    help: "Shuffle the training data in each pass: databases, lists of images, HDF5 files.")
  var shuffle = false

  mutating func validate() throws {
    if let epochs, !(epochs > 0 && epochs.isFinite) {
      throw ValidationError("--epochs must be above 0.")
    }
    if let patience, patience < 1 { throw ValidationError("--patience must be 1 or more.") }
    if patience != nil, bestBy == nil {
      throw ValidationError(
        "--patience needs a score that tells which test is better: --best-by accuracy:max.")
    }
    if let keep, keep < 1 { throw ValidationError("--keep must be 1 or more.") }
  }

  /// Says to a solver what was given.
  func apply(to options: inout Solver.Options) {
    options.epochs = epochs
    options.timeLimit = maxTime
    options.best = bestBy
    options.patience = patience
    options.keptSnapshots = keep
    options.shuffles = shuffle
  }

  private static func goal(_ text: String) throws -> ScoreGoal {
    guard let goal = ScoreGoal(text) else {
      throw ValidationError(
        "'\(text)' is no score: name an output of a test net and which way is better, "
          + "as accuracy:max or loss:min.")
    }
    return goal
  }

  /// The seconds of a stretch of time such as `2h30m`.
  static func seconds(_ text: String) throws -> Double {
    let units: [Character: Double] = ["d": 86400, "h": 3600, "m": 60, "s": 1]
    var total = 0.0
    var digits = ""
    var last = Double.infinity
    var isGood = !text.isEmpty
    for character in text {
      if let unit = units[character], let number = Double(digits), unit < last {
        total += number * unit
        (digits, last) = ("", unit)
      } else if character.isASCII, character.isNumber || character == "." {
        digits.append(character)
      } else {
        isGood = false
      }
    }
    guard isGood, digits.isEmpty, total > 0, total.isFinite else {
      throw ValidationError("'\(text)' is no stretch of time; write it as 90s, 45m or 2h30m.")
    }
    return total
  }
}
