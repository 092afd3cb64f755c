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
  private var progress = TrainingProgress()
  private var trainNet: Net?
  /// Weights that were loaded, until it is known whether they belong to a state.
  private var weights: [WeightReport] = []
  /// How far the lines' first column reaches.
  private var digits = 0
  private var summary = TrainingSummary()

  init(_ console: Console) {
    self.console = console
    style = console.outStyle
    live = console.chatterTerminal.flatMap { terminal in
      terminal.canErase ? LiveLine(console.chatter, width: { terminal.width }) : nil
    }
  }

  /// Takes down what is known of the run before its loop begins.
  func begin(_ plan: RunPlan) {
    digits = Numbers.grouped(plan.lastIteration).count
    progress.timeLimit = plan.timeLimit
    summary.plan = plan
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
    case .snapshotting(let path, let kind): show(path, kind)
    case .endsEarly(let reason): say(TrainingSummary.text(of: reason))
    case .finished: finish("done")
    case .stopped(_, let path): finish("stopped", resumable: path)
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
        summary.accuracies.formUnion(node.topNames)
      }
      let size = LayerTable.batch(of: net)
      let layers = net.nodes.count { !LayerTable.isAutomatic($0) }
      say("test net #\(index): \(Numbers.count(layers, "layer")), batches of \(size)")
    }
    for node in train.nodes where node.spec.type == "Accuracy" {
      summary.accuracies.formUnion(node.topNames)
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
    live.update(at: report.elapsed) {
      progress.line(
        console.chatterStyle, width: console.chatterTerminal?.width, isUTF8: Environment.isUTF8)
    }
  }

  private func show(_ report: DisplayReport) {
    if let step = report.rateStep { entry(report.iteration, "rate", "step \(step)") }
    guard live == nil else { return }
    let details = progress.details(isUTF8: Environment.isUTF8)
    entry(
      report.iteration, "train",
      ([
        "loss \(Numbers.general(report.smoothedLoss))", "rate \(Numbers.general(report.rate))",
      ] + details).joined(separator: "  "))
  }

  private func show(_ report: TestReport) {
    summary.add(report)
    var texts = report.outputs.prefix(8).map { text(of: $0) }
    if report.outputs.count > 8 { texts.append("…") }
    if let loss = report.loss { texts.append("test loss \(Numbers.general(loss))") }
    let net = report.net > 0 ? "test #\(report.net)" : "test"
    entry(
      report.iteration, net,
      texts.joined(separator: "  ") + (report.best == nil ? "" : style.good("  best so far"))
        + style.dim("  \(Numbers.duration(report.seconds))"))
  }

  private func show(_ path: String, _ kind: SnapshotKind) {
    summary.add(file: path, kind)
    if kind == .state { entry(progress.done, "snapshot", path) }
  }

  private func text(of output: OutputValue) -> String {
    let value = summary.text(output.value, of: output.name)
    return "\(output.name) "
      + (summary.accuracies.contains(output.name) ? style.good(value) : value)
  }

  // MARK: The end

  private func finish(_ word: String, resumable: String? = nil) {
    live?.finish()
    var parts = ["\(style.bold(word)): \(Numbers.count(progress.count, "iteration"))"]
    parts[0] += " in \(Numbers.duration(progress.elapsed))"
    if let epochs = progress.epochCount {
      let text = TrainingProgress.tenths(epochs)
      parts.append(text == "1" ? "1 epoch" : "\(text) epochs")
    }
    if progress.speed > 0 {
      parts.append("\(Numbers.grouped(Int(progress.speed.rounded()))) images/s")
    }
    say(parts.joined(separator: ", "))
    write(summary.rendered(style, width: console.outTerminal?.width))
    if word == "stopped" {
      say(resumable.map { "go on with: --snapshot \($0)" } ?? "no snapshot was taken")
    } else if let next = summary.next {
      say("next: \(next)")
    }
    if progress.waitedShare > 0.1 {
      remark(
        "\(Numbers.percent(progress.waitedShare, 0)) of the time went by waiting for data")
    }
  }
}
