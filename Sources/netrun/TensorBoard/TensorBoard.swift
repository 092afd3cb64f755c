import Compute
import Layers
import Nets
import Prototxt
import Schema
import Solvers

/// Writes what a run measures for TensorBoard: losses, scores and rates as scalars, weights as
/// histograms, and the training net as a graph.
///
/// Each run writes a file of its own. One that goes on from a state says so, and TensorBoard leaves
/// out what earlier files have of iterations that are done again. If a file cannot be written, that is
/// said once and the run goes on.
final class TensorBoard {
  private let folder: String
  private let warn: (Diagnostic) -> Void
  private var file: EventFile?
  private var net: Net?
  private var hasTests = false
  private var hasFailed = false
  private var resumedIteration: Int?
  private var iteration = 0
  private var elapsed = 0.0
  private var samples = 0
  private var lastDisplay = (samples: 0, elapsed: 0.0)

  init(folder: String, warn: @escaping (Diagnostic) -> Void) {
    (self.folder, self.warn) = (folder, warn)
  }

  func handle(_ event: SolverEvent) {
    guard !hasFailed else { return }
    do throws(Diagnostic) {
      try take(event)
    } catch {
      hasFailed = true
      file = nil
      var warning = error
      warning.severity = .warning
      warning.help = "the run goes on without its events for TensorBoard"
      warn(warning)
    }
  }

  private func take(_ event: SolverEvent) throws(Diagnostic) {
    switch event {
    case .built(let train, let tests):
      net = train
      hasTests = !tests.isEmpty
    case .resumed(_, let iteration, _): resumedIteration = iteration
    case .solving: try begin()
    case .step(let report):
      iteration = report.iteration
      elapsed = report.elapsed
      samples += report.samples
    case .display(let report): try write(report)
    case .tested(let report): try write(report)
    case .snapshotting(_, .weights) where !hasTests: try writeHistograms(iteration)
    default: break
    }
  }

  private func begin() throws(Diagnostic) {
    let file = try EventFile(folder: folder)
    self.file = file
    if let resumedIteration {
      var session = ProtoBytes()
      session.add(1, 1)
      try file.write(file.event(step: resumedIteration) { $0.add(7, session) })
    }
    if let net {
      let graph = GraphEvents.graph(net)
      try file.write(file.event { $0.add(4, graph) })
    }
  }

  // MARK: Scalars

  private func write(_ report: DisplayReport) throws(Diagnostic) {
    let seconds = elapsed - lastDisplay.elapsed
    let seen = samples - lastDisplay.samples
    lastDisplay = (samples, elapsed)
    var summary = ProtoBytes()
    summary.addScalar("train/smoothed_loss", report.smoothedLoss)
    summary.addScalar("train/rate", report.rate)
    if seconds > 0, seen > 0 {
      summary.addScalar("train/images_per_second", Float(Double(seen) / seconds))
    }
    add(report.outputs, "train", to: &summary)
    try write(summary, step: report.iteration)
  }

  private func write(_ report: TestReport) throws(Diagnostic) {
    let kind = report.net == 0 ? "test" : "test\(report.net)"
    var summary = ProtoBytes()
    if let loss = report.loss { summary.addScalar("\(kind)/total_loss", loss) }
    add(report.outputs, kind, to: &summary)
    try write(summary, step: report.iteration)
    if report.net == 0 { try writeHistograms(report.iteration) }
  }

  /// Adds the values of outputs; those of one blob are numbered.
  private func add(_ outputs: [OutputValue], _ kind: String, to summary: inout ProtoBytes) {
    var counts: [String: Int] = [:]
    for output in outputs { counts[output.name, default: 0] += 1 }
    var places: [String: Int] = [:]
    for output in outputs {
      let place = places[output.name, default: 0]
      places[output.name] = place + 1
      let isAlone = counts[output.name] == 1
      summary.addScalar(
        "\(kind)/\(output.name)" + (isAlone ? "" : "/\(place)"), output.value)
    }
  }

  private func write(_ summary: ProtoBytes, step: Int) throws(Diagnostic) {
    guard let file else { return }
    try file.write(file.event(step: step) { $0.add(5, summary) })
  }

  // MARK: Histograms

  /// Writes how the weights are spread.
  private func writeHistograms(_ step: Int) throws(Diagnostic) {
    guard let net, file != nil else { return }
    var summary = ProtoBytes()
    for (number, node) in net.nodes.enumerated() {
      for (index, blob) in node.layer.parameters.enumerated()
      where net.ownsParameter[number][index] {
        let histogram = TensorBoardHistogram(
          UnsafeBufferPointer(start: blob.reading, count: blob.count))
        var value = ProtoBytes()
        value.add(1, "\(node.name)/\(index)")
        value.add(5, histogram.message)
        summary.add(1, value)
      }
    }
    try write(summary, step: step)
  }
}

extension ProtoBytes {
  /// Adds a number to a summary.
  fileprivate mutating func addScalar(_ tag: String, _ number: Float) {
    var value = ProtoBytes()
    value.add(1, tag)
    value.add(2, number)
    add(1, value)
  }
}
