import Compute
import Foundation
import Nets
import Schema
import Testing

@testable import Solvers

/// Whole runs against the logs that Caffe wrote: the same lines in the same order, the same numbers.
@Suite("Caffe's own logs")
struct GoldenLogTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Goldens/legacy/logs").path

  /// The lines of a log that tell of the run, without prefixes and times.
  private func golden(_ name: String) throws -> [String] {
    let text = try String(contentsOfFile: "\(Self.folder)/\(name)", encoding: .utf8)
    let marks = [
      "Iteration ", "net output #", "Snapshotting ", "[Forward]", "[Backward]", "Gradient clipping",
    ]
    return text.split(separator: "\n").compactMap { line in
      guard let end = line.range(of: "] ")?.upperBound, marks.contains(where: line.contains)
      else { return nil }
      return String(line[end...]).replacing(#/\s\(\S+ iter/s.*?iters\)/#, with: "")
    }
  }

  /// Trains as a solver file says, and puts what it tells into Caffe's words.
  private func run(_ name: String, _ configure: (inout Solver.Options) -> Void) throws -> [String] {
    let scratch = try Scratch()
    var (message, _) = try SolverDescription.load("\(Self.folder)/\(name)")
    message.set("snapshot_prefix", string: "\(scratch.path)/snap")
    var lines: [String] = []
    var options = Solver.Options()
    options.threads = 2
    options.observe = { lines += Self.lines($0, "\(scratch.path)/") }
    configure(&options)
    _ = try Solver(message, path: "\(Self.folder)/\(name)", options: options).solve()
    return lines
  }

  private static func lines(_ event: SolverEvent, _ folder: String) -> [String] {
    func outputs(_ kind: String, _ values: [OutputValue]) -> [String] {
      values.enumerated().map { index, value in
        let text = shortNumber(Double(value.value))
        let weight = shortNumber(Double(value.lossWeight))
        let loss = shortNumber(Double(value.lossWeight * value.value))
        let tail = value.lossWeight == 0 ? "" : " (* \(weight) = \(loss) loss)"
        return "    \(kind) net output #\(index): \(value.name) = \(text)\(tail)"
      }
    }
    switch event {
    case .testing(let iteration, let net):
      return ["Iteration \(iteration), Testing net (#\(net))"]
    case .tested(let report): return outputs("Test", report.outputs)
    case .display(let report):
      return ["Iteration \(report.iteration), loss = \(shortNumber(Double(report.smoothedLoss)))"]
        + outputs("Train", report.outputs)
        + ["Iteration \(report.iteration), lr = \(shortNumber(Double(report.rate)))"]
    case .clipped(let norm, let limit, let scale):
      return [
        "Gradient clipping: scaling down gradients (L2 norm \(shortNumber(Double(norm))) > "
          + "\(shortNumber(Double(limit)))) by scale factor \(shortNumber(Double(scale)))"
      ]
    case .snapshotting(let path, .weights):
      return ["Snapshotting to binary proto file \(path.replacing(folder, with: ""))"]
    case .snapshotting(let path, .state):
      return ["Snapshotting solver state to binary proto file \(path.replacing(folder, with: ""))"]
    case .finalLoss(let iteration, let loss):
      return ["Iteration \(iteration), loss = \(shortNumber(Double(loss)))"]
    case .debug(let line): return [line.text]
    default: return []
    }
  }

  /// Expects the same words, and numbers that agree to what Caffe prints.
  private func expect(
    _ got: [String], _ want: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(got.count == want.count, sourceLocation: sourceLocation)
    for (a, b) in zip(got, want) {
      let words = [a, b].map { $0.split { " ,()".contains($0) }.map(String.init) }
      let isSame =
        words[0].count == words[1].count
        && zip(words[0], words[1]).allSatisfy { x, y in
          if x == y { return true }
          guard let x = Double(x), let y = Double(y) else { return false }
          return abs(x - y) <= 1e-4 * max(abs(y), 0.01)
        }
      #expect(
        isSame && a.prefix { $0 == " " } == b.prefix { $0 == " " }, "\(a) in place of \(b)",
        sourceLocation: sourceLocation)
    }
  }

  @Test("Training with tests and snapshots")
  func training() throws {
    let want = try golden("train.log")
    try #require(want.count > 20)
    expect(
      try run("solver.prototxt") { $0.weights = ["\(Self.folder)/init.caffemodel"] }, want)
  }

  @Test("debug_info, clipping and average_loss")
  func debugging() throws {
    let want = try golden("train_debug.log")
    try #require(want.count > 50)
    expect(
      try run("solver_debug.prototxt") { $0.weights = ["\(Self.folder)/init.caffemodel"] }, want)
  }

  @Test("Resuming Caffe's snapshot: the data begin anew")
  func resuming() throws {
    let want = try golden("train_resume.log")
    try #require(want.count > 5)
    let got = try run("solver_resume.prototxt") {
      $0.snapshot = .file("\(Self.folder)/snap_iter_10.solverstate")
    }
    expect(got, want.map { $0.replacing("resumed_iter", with: "snap_iter") })
  }
}
