import Foundation
import Testing

@testable import netrun

@Suite("netrun report")
struct ReportCommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func parts(_ page: String) -> [String] {
    page.matches(of: /<h2[^>]*>([^<]*)</).map { String($0.output.1) }
  }

  @Test("A page of all that a run left, by its solver or by its prefix")
  func page() throws {
    let logs = try folder.copyLogs()
    let metrics =
      #"{"kind": "train", "iteration": 0, "loss": 2, "smoothed_loss": 2, "rate": 1, "seconds": 0}"#
      + "\n"
    try metrics.write(
      to: logs.appending(path: "snap.metrics.jsonl"), atomically: true, encoding: .utf8)
    let result = try Program.run("report solver.prototxt -o r.html", in: logs)
    #expect(result.status == 0 && result.out == "r.html\n", "\(result.errors)")
    let page = try String(contentsOf: logs.appending(path: "r.html"), encoding: .utf8)
    #expect(
      parts(page) == [
        "Training", "Test", "What is taken for what", "Classes", "Wrong answers", "Net", "Layers",
        "Data", "Weights", "Solver",
      ])
    #expect(page.contains("snap_iter_20.caffemodel") && page.contains("Learning rate"))
    for word in ["http:", "https:", "<script", "@import", "NaN"] { #expect(!page.contains(word)) }
    let other = try Program.run("report snap --model net.prototxt", in: logs)
    #expect(other.status == 0 && other.out == "snap.report.html\n", "\(other.errors)")
  }

  @Test("What is not here is left out, and the page says so")
  func missing() throws {
    let logs = try folder.copyLogs()
    try FileManager.default.removeItem(at: folder.url.appending(path: "solvers"))
    let result = try Program.run("report net.prototxt -o r.html", in: logs)
    #expect(result.status == 0 && result.errors.contains("the report lacks a part"))
    let page = try String(contentsOf: logs.appending(path: "r.html"), encoding: .utf8)
    #expect(page.contains("This part is missing") && page.contains("There are no metrics"))
    #expect(parts(page).contains("Weights"))
    let none = try Program.run("report nowhere", in: logs)
    #expect(none.status == 66 && none.errors.contains("netrun report solver.txt"))
    #expect(try Program.run("report snap", in: logs).status == 65)
  }
}
