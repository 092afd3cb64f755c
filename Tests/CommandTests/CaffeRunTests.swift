import Foundation
import Testing

@testable import netrun

/// The command lines with which Caffe wrote the golden logs give the same logs, with the same
/// numbers, line by line.
@Suite("Runs that Caffe logged")
struct CaffeRunTests {
  @Test("train")
  func train() throws {
    try compare("train -solver solver.prototxt -weights init.caffemodel", "train.log")
  }

  @Test("train, from Caffe's own snapshot")
  func resume() throws {
    try compare(
      "train --solver=solver_resume.prototxt --snapshot=snap_iter_10.solverstate",
      "train_resume.log"
    ) { !$0.hasPrefix("W netrun] ") }
  }

  @Test("train, with debug_info")
  func debug() throws {
    try compare("train -solver solver_debug.prototxt -weights init.caffemodel", "train_debug.log")
  }

  @Test("test")
  func test() throws {
    try compare(
      "test -model net.prototxt -weights snap_iter_20.caffemodel -iterations 4 -log caffe",
      "test.log")
  }

  @Test("time")
  func time() throws {
    try compare("time -model net.prototxt -iterations 3 --log caffe", "time.log") {
      // The weights are random.
      !$0.contains("Initial loss")
    }
  }

  private func compare(
    _ arguments: String, _ golden: String, where counts: (String) -> Bool = { _ in true }
  ) throws {
    let folder = try TemporaryFolder()
    let result = try Program.run(arguments, in: try folder.copyLogs())
    #expect(result.status == 0)
    let wanted = try LogLines.golden(golden).filter(counts)
    let got = LogLines.masked(result.errors).filter(counts)
    #expect(got.count == wanted.count)
    for (line, other) in zip(got, wanted) where line != other {
      #expect(Self.areClose(line, other), "\(line)\n\(other)")
    }
  }

  /// Whether two lines differ only in the last digits of their numbers.
  private static func areClose(_ line: String, _ other: String) -> Bool {
    let (a, b) = (words(line), words(other))
    return a.count == b.count
      && zip(a, b).allSatisfy { x, y in
        guard x != y else { return true }
        guard let x = Double(x), let y = Double(y) else { return false }
        return abs(x - y) <= 1e-4 * max(1e-2, abs(y))
      }
  }

  private static func words(_ line: String) -> [Substring] {
    line.split { " (),;".contains($0) }
  }
}
