import Layers
import Nets
import Prototxt
import Solvers

/// Shows a training run to somebody at a terminal: the table of layers, one live line, and above it
/// what is worth keeping.
final class HumanTrainingLog {
  private let console: Console
  private let style: Style
  private let live: LiveLine?
  private var accuracies: Set<String> = []
  private var progress = TrainingProgress()
  private var lastTest: TestReport?
  private var snapshot: String?
  private var trainNet: Net?
  /// Weights that were loaded, until it is known whether they belong to a state.
  private var weights: [WeightReport] = []
  /// How far the lines' first column reaches.
  private let digits: Int

  init(_ console: Console, lastIteration: Int) {
    self.console = console
    digits = Numbers.grouped(lastIteration).count
    style = console.outStyle
    live = console.chatterTerminal.flatMap { terminal in
      terminal.canErase ? LiveLine(console.chatter, width: { terminal.width }) : nil
    }
  }

  func handle(_ event: SolverEvent) {
    switch event {
    case .remark(let text): remark(text)
    case .warning(let warning): show(warning)
    case .built(let train, let tests): show(train, tests)
    case .loadedWeights(let report): weights.append(report)
    case .resumed(let path, let iteration, let isExact):
      say(
        "going on from \(path) at iteration \(Numbers.grouped(iteration))"
          + (isExact ? ", exactly where it was" : ""))
      for report in weights { for text in WeightNotes.lines(report) { remark(text) } }
      weights = []
    case .solving(_, let policy, let type):
      showWeights()
      say("training by \(type), learning rate '\(policy)'")
    case .debug(let line): say(line.text)
    case .display(let report): show(report)
    case .rateStep(let iteration, let step): entry(iteration, "rate", "step \(step)")
    case .step(let report): show(report)
    case .tested(let report): show(report)
    case .snapshotting(let path, .weights): snapshot = path
    case .snapshotting(let path, .state): entry(progress.done, "snapshot", path)
    case .finished(let iteration): finish(iteration, "done")
    case .stopped(let iteration, let path): finish(iteration, "stopped", resumable: path)
    case .clipped, .testing, .finalLoss: break
    }
  }

  /// Takes the live line away, before an error is shown.
  func end() { live?.finish() }

  // MARK: Lines

  private func say(_ text: String) { write(text + "\n") }

  private func write(_ text: String) {
    if let live { live.scroll(text, to: console.out) } else { console.out.write(text) }
  }

  private func remark(_ text: String) {
    let line = "\(console.chatterStyle.note("note:")) \(text)\n"
    if let live { live.scroll(line) } else { console.chatter.write(line) }
  }

  private func show(_ warning: Diagnostic) {
    let text = warning.rendered(color: console.chatterStyle.isOn) + "\n"
    if let live { live.scroll(text) } else { console.chatter.write(text) }
  }

  private func entry(_ iteration: Int, _ kind: String, _ text: String) {
    let number = Numbers.grouped(iteration)
    let blank = String(repeating: " ", count: max(0, digits - number.count))
    let padding = String(repeating: " ", count: max(0, 8 - kind.count))
    say("iteration \(blank)\(number)  \(style.dim(kind))\(padding)  \(text)")
  }

  // MARK: The start

  private func show(_ train: Net, _ tests: [Net]) {
    trainNet = train
    let table = LayerTable(train)
    let title = train.name.isEmpty ? "training net" : "\(train.name), training net"
    let batch = table.batch > 1 ? ", batches of \(table.batch)" : ""
    say("\(style.bold(title))\(batch)")
    write(table.rendered(style, width: console.outTerminal?.width))
    for (index, net) in tests.enumerated() {
      for node in net.nodes where node.spec.type == "Accuracy" {
        accuracies.formUnion(node.topNames)
      }
      let size = LayerTable.batch(of: net)
      let layers = net.nodes.count { !LayerTable.isAutomatic($0) }
      say("test net #\(index): \(Numbers.count(layers, "layer")), batches of \(size)")
    }
    for node in train.nodes where node.spec.type == "Accuracy" {
      accuracies.formUnion(node.topNames)
    }
  }

  private func showWeights() {
    guard let trainNet else { return }
    for report in weights {
      write(WeightTable(report, trainNet).rendered(style, width: console.outTerminal?.width))
    }
    weights = []
  }

  // MARK: The run

  private func show(_ report: StepReport) {
    progress.add(report)
    guard let live else { return }
    live.update(at: report.elapsed) { progress.line(console.chatterStyle) }
  }

  private func show(_ report: DisplayReport) {
    if let step = report.rateStep { entry(report.iteration, "rate", "step \(step)") }
    guard live == nil else { return }
    entry(
      report.iteration, "train",
      "loss \(Numbers.general(report.smoothedLoss))  rate \(Numbers.general(report.rate))")
  }

  private func show(_ report: TestReport) {
    lastTest = report
    var texts = report.outputs.prefix(8).map { text(of: $0) }
    if report.outputs.count > 8 { texts.append("…") }
    if let loss = report.loss { texts.append("test loss \(Numbers.general(loss))") }
    let net = report.net > 0 ? "test #\(report.net)" : "test"
    entry(
      report.iteration, net,
      texts.joined(separator: "  ") + style.dim("  \(Numbers.duration(report.seconds))"))
  }

  private func text(of output: OutputValue) -> String {
    accuracies.contains(output.name)
      ? "\(output.name) \(style.good(Numbers.percent(Double(output.value))))"
      : "\(output.name) \(Numbers.general(output.value))"
  }

  // MARK: The end

  private func finish(_ iteration: Int, _ word: String, resumable: String? = nil) {
    live?.finish()
    var line = "\(style.bold(word)): \(Numbers.count(progress.count, "iteration"))"
    line += " in \(Numbers.duration(progress.elapsed))"
    if progress.speed > 0 {
      line += ", \(Numbers.grouped(Int(progress.speed.rounded()))) images/s"
    }
    say(line)
    if word == "stopped" {
      say(
        resumable.map { "go on with: --snapshot \($0)" } ?? "no snapshot was taken")
      return
    }
    if let lastTest, lastTest.iteration == iteration {
      for output in lastTest.outputs.prefix(8) { say("  " + text(of: output)) }
    }
    if let snapshot { say("weights: \(snapshot)") }
    if progress.waitedShare > 0.1 {
      remark(
        "\(Numbers.percent(progress.waitedShare, 0)) of the time went by waiting for data")
    }
  }
}

/// How far a run has come, and how fast it is.
struct TrainingProgress {
  private(set) var last: StepReport?
  private var first: StepReport?
  private var samples = 0
  /// The speed is measured over about a second.
  private var mark = (elapsed: 0.0, samples: 0, iteration: 0)
  private var recent = (samplesPerSecond: 0.0, iterationsPerSecond: 0.0)
  private(set) var count = 0

  /// Iterations that the net has learned from, in all runs.
  var done: Int { last.map { $0.iteration + 1 } ?? 0 }
  var elapsed: Double { last?.elapsed ?? 0 }
  /// Samples per second of the whole run.
  var speed: Double { elapsed > 0 ? Double(samples) / elapsed : 0 }
  /// The share of the time that went by waiting for data.
  var waitedShare: Double {
    elapsed > 1 ? (last?.waitedMilliseconds ?? 0) / 1000 / elapsed : 0
  }

  mutating func add(_ report: StepReport) {
    if first == nil {
      first = report
      mark = (0, 0, report.iteration)
    }
    last = report
    count += 1
    samples += report.samples
    let seconds = report.elapsed - mark.elapsed
    if seconds >= 1 || (recent.iterationsPerSecond == 0 && seconds > 0) {
      recent = (
        Double(samples - mark.samples) / seconds,
        Double(report.iteration + 1 - mark.iteration) / seconds
      )
      if seconds >= 1 { mark = (report.elapsed, samples, report.iteration + 1) }
    }
  }

  /// The live line.
  func line(_ style: Style) -> String {
    guard let last else { return "" }
    let share = Double(done) / Double(max(1, last.maxIteration))
    var parts = [
      "\(Numbers.grouped(done)) of \(Numbers.grouped(last.maxIteration))",
      style.bold(Numbers.percent(share, 0)),
      "loss \(style.bold(Numbers.general(last.smoothedLoss)))",
    ]
    if recent.samplesPerSecond > 0 {
      parts.append("\(Numbers.grouped(Int(recent.samplesPerSecond.rounded()))) images/s")
    }
    if recent.iterationsPerSecond > 0 {
      let left = Double(last.maxIteration - done) / recent.iterationsPerSecond
      parts.append("\(Numbers.clock(left)) left")
    }
    parts.append("rate \(Numbers.general(last.rate))")
    if let size = last.epochSize, size > 0, last.samples > 0 {
      let epochs = Double(done) * Double(last.samples) / Double(size)
      parts.append("epoch \(Numbers.fixed(epochs, 1))")
    }
    return parts.joined(separator: "  ")
  }
}

/// What a user should know of weights that were loaded.
enum WeightNotes {
  static func lines(_ report: WeightReport) -> [String] {
    var result: [String] = []
    if !report.fresh.isEmpty {
      result.append(
        "\(report.path) has no weights for \(names(report.fresh)): they keep what their fillers gave"
      )
    }
    if !report.ignored.isEmpty {
      result.append("\(report.path) has layers that the net has not: \(names(report.ignored))")
    }
    return result
  }

  private static func names(_ all: [String]) -> String {
    let shown = all.prefix(6).map { "'\($0)'" }.joined(separator: ", ")
    return all.count > 6 ? "\(shown) and \(all.count - 6) more" : shown
  }
}
