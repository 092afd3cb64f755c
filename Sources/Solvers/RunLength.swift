import Nets
import Prototxt
import Schema

/// Why a run ends before `max_iter` without a signal.
public enum EarlyEnd: Sendable, Equatable {
  /// The time that it was given is over.
  case timeLimit(seconds: Double)
  /// So many tests have brought no better score than the best.
  case patience(tests: Int)
}

/// How many iterations a run takes that is to go through its data so many times.
enum RunLength {
  /// The solver as it can be read before the size of the data is known.
  static func provisional(_ description: Message, _ options: Solver.Options) -> Message {
    guard options.epochs != nil else { return description }
    return with(1, description)
  }

  /// The solver with `max_iter` for a number of passes over the training data.
  ///
  /// - Throws: that the size of the data is not known, or the number makes no sense.
  static func description(
    _ description: Message, _ epochs: Double, _ net: Net, _ settings: SolverSettings
  ) throws(Diagnostic) -> Message {
    let samples = net.batchSize * settings.iterSize
    guard let records = net.recordCount, records > 0, samples > 0 else {
      throw .error(
        "the training data have no known size, so that \(shown(epochs)) epochs are no number of "
          + "iterations",
        help: "say how many iterations by max_iter in the solver")
    }
    let iterations = (epochs * Double(records) / Double(samples)).rounded(.up)
    guard iterations >= 1, iterations <= Double(Int32.max) else {
      throw .error(
        "\(shown(epochs)) epochs of \(records) records are no number of iterations that can be run",
        kind: .usage)
    }
    return with(Int(iterations), description)
  }

  private static func with(_ iterations: Int, _ description: Message) -> Message {
    var description = description
    description.set("max_iter", int: iterations)
    return description
  }

  private static func shown(_ epochs: Double) -> String {
    Int(exactly: epochs).map(String.init) ?? "\(epochs)"
  }
}
