import Compute
import Glibc
import Nets
import Prototxt
import Schema
import Solvers

/// Writes what a run measures to `PREFIX.metrics.jsonl` and `PREFIX.metrics.csv`, a line for each
/// display and each test, so that nobody needs to read logs to draw a curve.
///
/// A run that goes on from a state goes on in its files; lines from iterations that are done again
/// are taken out. If the files cannot be written, that is said once and the run goes on.
final class Metrics {
  /// The beginning of the files' names; to be set before the loop begins.
  var prefix = "snapshot"
  private let warn: (Diagnostic) -> Void
  private var columns: [String] = []
  private var lines: AppendedFile?
  private var table: AppendedFile?
  private var resumedIteration: Int?
  /// Seconds that earlier runs took.
  private var secondsBefore = 0.0
  private var elapsed = 0.0
  private var samples = 0
  private var lastDisplay = (samples: 0, elapsed: 0.0)
  private var hasFailed = false

  init(warn: @escaping (Diagnostic) -> Void) {
    self.warn = warn
  }

  func handle(_ event: SolverEvent) {
    switch event {
    case .built(let train, let tests): columns = Metrics.columns(train, tests)
    case .resumed(_, let iteration, _): resumedIteration = iteration
    case .solving: begin()
    case .step(let report):
      elapsed = report.elapsed
      samples += report.samples
    case .display(let report): write(report)
    case .tested(let report): write(report)
    default: break
    }
  }

  // MARK: Files

  private func begin() {
    do throws(Diagnostic) {
      let lines = AppendedFile("\(prefix).metrics.jsonl")
      try lines.open(keeping: resumedIteration) { Metrics.number("iteration", inJSON: $0) }
      if let last = lines.lastLine { secondsBefore = Metrics.number("seconds", inJSON: last) ?? 0 }
      let table = AppendedFile("\(prefix).metrics.csv")
      let header = Metrics.header(columns)
      try table.open(keeping: resumedIteration, header: header) { line in
        let cells = line.split(separator: ",", maxSplits: 2, omittingEmptySubsequences: false)
        return cells.count > 1 ? Double(cells[1]) : nil
      }
      (self.lines, self.table) = (lines, table)
    } catch { fail(error) }
  }

  private func fail(_ diagnostic: Diagnostic) {
    guard !hasFailed else { return }
    hasFailed = true
    (lines, table) = (nil, nil)
    var warning = diagnostic
    warning.severity = .warning
    warning.help = "the run goes on without its metrics; give a snapshot_prefix that can be written"
    warn(warning)
  }

  private func append(_ json: JSON, _ cells: [String]) {
    guard !hasFailed else { return }
    do throws(Diagnostic) {
      try lines?.append(json.text)
      try table?.append(cells.map(Metrics.cell).joined(separator: ","))
    } catch { fail(error) }
  }

  // MARK: Lines

  private func write(_ report: DisplayReport) {
    let seconds = elapsed - lastDisplay.elapsed
    let seen = samples - lastDisplay.samples
    let speed = seconds > 0 && seen > 0 ? Metrics.rounded(Double(seen) / seconds) : nil
    lastDisplay = (samples, elapsed)
    let loss = report.outputs.reduce(Float(0)) { $0 + $1.lossWeight * $1.value }
    let time = Metrics.rounded(secondsBefore + elapsed)
    append(
      .members([
        "kind": "train", "iteration": .int(report.iteration), "loss": .float(loss),
        "smoothed_loss": .float(report.smoothedLoss), "rate": .float(report.rate),
        "seconds": .double(time), "images_per_second": speed.map { .double($0) },
        "outputs": Metrics.json(report.outputs),
      ]),
      [
        "train", "\(report.iteration)", "", "\(time)", "\(loss)", "\(report.smoothedLoss)",
        "\(report.rate)", speed.map { "\($0)" } ?? "",
      ] + cells(report.outputs, "train"))
  }

  private func write(_ report: TestReport) {
    let loss = report.loss ?? Metrics.loss(report.outputs)
    let time = Metrics.rounded(secondsBefore + elapsed)
    append(
      .members([
        "kind": "test", "iteration": .int(report.iteration), "net": .int(report.net),
        "loss": loss.map { .float($0) }, "seconds": .double(time),
        "test_seconds": .double(Metrics.rounded(report.seconds)), "batches": .int(report.batches),
        "best": report.best.map { .string($0) }, "outputs": Metrics.json(report.outputs),
      ]),
      [
        "test", "\(report.iteration)", "\(report.net)", "\(time)", loss.map { "\($0)" } ?? "", "",
        "", "",
      ] + cells(report.outputs, Metrics.kind(report.net)))
  }

  private static func loss(_ outputs: [OutputValue]) -> Float? {
    let losses = outputs.filter { $0.lossWeight != 0 }
    return losses.isEmpty ? nil : losses.reduce(0) { $0 + $1.lossWeight * $1.value }
  }

  /// Values of one blob stand together: a number, or an array of them.
  static func json(_ outputs: [OutputValue]) -> JSON {
    var members: [(name: String, value: JSON)] = []
    var values: [Float] = []
    for (index, output) in outputs.enumerated() {
      values.append(output.value)
      guard index + 1 == outputs.count || outputs[index + 1].name != output.name else { continue }
      let numbers = values.map { JSON.float($0) }
      members.append((output.name, numbers.count == 1 ? numbers[0] : .array(numbers)))
      values = []
    }
    return .object(members)
  }

  // MARK: Columns

  private static let fixedColumns = [
    "kind", "iteration", "net", "seconds", "loss", "smoothed_loss", "rate", "images_per_second",
  ]

  static func header(_ columns: [String]) -> String {
    (fixedColumns + columns).map(cell).joined(separator: ",")
  }

  private static func kind(_ net: Int) -> String { net == 0 ? "test" : "test\(net)" }

  /// A column for each value of each net's outputs: `test:accuracy`, `train:loss`.
  private static func columns(_ train: Net, _ tests: [Net]) -> [String] {
    var result = columns(train, "train")
    for (index, net) in tests.enumerated() { result += columns(net, kind(index)) }
    return result
  }

  private static func columns(_ net: Net, _ kind: String) -> [String] {
    net.outputs.flatMap { blob in
      blob.count == 1
        ? ["\(kind):\(blob.name)"] : (0..<blob.count).map { "\(kind):\(blob.name)[\($0)]" }
    }
  }

  private func cells(_ outputs: [OutputValue], _ kind: String) -> [String] {
    var values: [String: Float] = [:]
    var counts: [String: Int] = [:]
    for output in outputs {
      let index = counts[output.name, default: 0]
      counts[output.name] = index + 1
      values["\(kind):\(output.name)[\(index)]"] = output.value
      if index == 0 { values["\(kind):\(output.name)"] = output.value }
    }
    return columns.map { values[$0].map { "\($0)" } ?? "" }
  }

  static func cell(_ text: String) -> String {
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0 == "\n" }) else { return text }
    return "\""
      + text.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }

  private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }

  /// The number behind a name in a line that we have written.
  static func number(_ name: String, inJSON line: some StringProtocol) -> Double? {
    let key = Array("\"\(name)\": ".utf8)
    let bytes = Array(line.utf8)
    guard bytes.count > key.count else { return nil }
    for start in 0..<(bytes.count - key.count) where bytes[start...].starts(with: key) {
      let rest = bytes[(start + key.count)...].prefix { $0 != UInt8(ascii: ",") && $0 != 0x7d }
      return Double(String(decoding: rest, as: UTF8.self))
    }
    return nil
  }
}
