import ArgumentParser
import Nets
import Prototxt
import Schema
import Solvers

/// Looks for a learning rate.
struct RateSearchCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "lr-find",
    abstract: "Find a learning rate: train while it grows, and see where the loss falls.",
    discussion: """
      Trains with the solver's rule, from its fresh weights or those given, while the rate grows by \
      the same factor in each iteration, until the loss is four times the least (or all iterations \
      are done). Draws the loss against the rate, and proposes the rate at which the loss fell \
      fastest, or a tenth of the one at which it exploded if that is less. Writes no snapshot.

      Examples:
        netrun lr-find solver.txt
        netrun lr-find solver.txt --from 1e-5 --to 1 --iterations 200
        netrun lr-find solver.txt --weights pretrained.caffemodel --csv rates.csv
        netrun lr-find solver.txt --json
      """)

  @Argument(help: "The solver, a text file.")
  var file: String?

  @Option(help: ArgumentHelp("The solver, as Caffe gives it.", valueName: "file"))
  var solver: String?

  @Option(help: "The first rate.")
  var from: Float = 1e-7

  @Option(help: "The last rate.")
  var to: Float = 10

  @Option(help: "How many rates to try.")
  var iterations = 100

  @Option(
    help: ArgumentHelp(
      "Weights to begin with, separated by commas; later files win.", valueName: "files"))
  var weights: [String] = []

  @Option(help: "The seed of all random numbers, in place of the solver's random_seed.")
  var seed: UInt64?

  @OptionGroup var state: StateOptions

  @Option(help: ArgumentHelp("Write rates and losses to a file, too.", valueName: "file"))
  var csv: String?

  @Flag(help: "Print JSON.")
  var json = false

  mutating func validate() throws {
    guard from > 0, to > from, to <= 1e6 else {
      throw ValidationError("--from must be above 0, and --to above --from, up to 1e6.")
    }
    guard (10...1_000_000).contains(iterations) else {
      throw ValidationError("--iterations must be from 10 to 1,000,000.")
    }
  }

  mutating func run(_ console: Console) throws {
    let path = try Operand.one(
      file, solver, option: "--solver", what: "the solver", command: "lr-find")
    let description: Message
    do throws(Diagnostics) {
      let loaded = try SolverDescription.load(path)
      console.show(loaded.warnings)
      description = loaded.solver
    } catch { throw DescribedFile.explain(error, path, command: "train") }
    let search = try search(description, path, console)
    if let csv { try AtomicFile.write(RateReport.csv(search), to: csv) }
    let report = RateReport(search: search, solver: path, current: description.float("base_lr"))
    if json {
      console.print(report.json.indented())
    } else {
      console.out.write(
        report.rendered(
          console.outStyle, width: console.outTerminal?.width, isUTF8: Environment.isUTF8))
    }
  }

  private func search(
    _ description: Message, _ path: String, _ console: Console
  ) throws -> RateSearch {
    var options = Solver.Options()
    options.threads = state.threads
    options.seed = seed
    options.weights = Operand.list(weights)
    options.level = state.level
    options.stages = state.stages
    options.keeps = .only([])
    options.observe = { event in
      switch event {
      case .remark(let text): console.remark(text)
      case .warning(let warning): console.show([warning])
      default: break
      }
    }
    let solver = try Solver(
      searchingRates: description, path: path, from: from, to: to, iterations: iterations,
      options: options)
    let progress = ProgressLine(console, of: "iterations")
    defer { progress.finish() }
    return try solver.searchRate { try progress.update($0, iterations) }
  }
}

/// What `netrun lr-find` tells.
struct RateReport {
  let search: RateSearch
  let solver: String
  /// The rate that the solver has now.
  let current: Float

  func rendered(_ style: Style, width: Int?, isUTF8: Bool) -> String {
    var text = chart(isUTF8).rendered(width: min(width ?? 80, 100))
    var table = Table([.init("rate", .right), .init("what happens there")])
    if let steepest = search.steepest {
      table.append([Numbers.general(steepest), "the loss falls fastest"])
    }
    if let blowUp = search.blowUp {
      table.append([Numbers.general(blowUp), "the loss explodes"])
      table.append([Numbers.general(blowUp / 10), "a tenth of that"])
    }
    if current > 0 { table.append([Numbers.general(current), "base_lr of the solver now"]) }
    text += table.rendered(style, width: width)
    guard let rate = search.suggestion else {
      return text
        + "The loss neither fell nor exploded: try other rates (--from, --to) or more --iterations.\n"
    }
    text += "\(style.bold("Try base_lr: \(Numbers.general(rate))")) in \(solver)"
    if search.blowUp == nil { text += "; no rate was too high, so a larger --to may find more" }
    return text + ".\n"
  }

  private func chart(_ isUTF8: Bool) -> RateChart {
    let losses = search.points.map { Double($0.smoothedLoss) }
    let lowest = search.lowest ?? 0
    let low = losses.min() ?? 0
    let top = losses.prefix(lowest + 1).max() ?? 0
    // A net that learns nothing has its lowest loss at the start.
    let isFlat = top - low < 0.05 * abs(low)
    return RateChart(
      points: search.points.map { (Double($0.rate), Double($0.smoothedLoss)) },
      top: isFlat ? losses.max() ?? 0 : top + 0.25 * (top - low),
      mark: search.suggestion.map(Double.init), isUTF8: isUTF8)
  }

  var json: JSON {
    .members([
      "solver": .string(solver), "base_lr": .float(current),
      "steepest_rate": search.steepest.map { .float($0) },
      "blow_up_rate": search.blowUp.map { .float($0) },
      "suggested_rate": search.suggestion.map { .float($0) },
      "points": .array(
        search.points.map { point in
          .members([
            "rate": .float(point.rate), "loss": .float(point.loss),
            "smoothed_loss": .float(point.smoothedLoss),
          ])
        }),
    ])
  }

  static func csv(_ search: RateSearch) -> String {
    "rate,loss,smoothed_loss\n"
      + search.points.map { "\($0.rate),\($0.loss),\($0.smoothedLoss)\n" }.joined()
  }
}
