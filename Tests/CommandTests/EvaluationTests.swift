import Foundation
import Testing

@testable import netrun

@Suite("netrun test --report")
struct EvaluationTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test("What the page and JSON tell agrees with the net's own outputs")
  func report() throws {
    let logs = try folder.copyLogs()
    try "none\none & only\n".write(
      to: logs.appending(path: "names.txt"), atomically: true, encoding: .utf8)
    let result = try Program.run(
      "test net.prototxt --weights snap_iter_20.caffemodel --against snap_iter_10.caffemodel "
        + "--names names.txt --report r.html --json", in: logs)
    #expect(result.status == 0, "\(result.errors)")
    let json = try #require(
      JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any])
    let outputs = try #require(json["outputs"] as? [String: Double])
    let told = try #require(json["classification"] as? [String: Any])
    let accuracy = try #require(told["accuracy"] as? Double)
    #expect(abs(accuracy - (outputs["accuracy"] ?? -1)) < 1e-5)
    #expect(abs((told["log_loss"] as? Double ?? -1) - (outputs["loss"] ?? 0)) < 1e-4)
    let samples = try #require(told["samples"] as? Int)
    #expect(samples == json["samples"] as? Int)
    let classes = try #require(told["classes"] as? [[String: Any]])
    #expect(classes.count == 10 && classes[1]["name"] as? String == "one & only")
    #expect(classes.compactMap { $0["support"] as? Int }.reduce(0, +) == samples)
    let mistakes = try #require(told["mistakes"] as? [[String: Int]])
    let wrong = mistakes.compactMap { $0["count"] }.reduce(0, +)
    #expect(wrong == samples - Int((accuracy * Double(samples)).rounded()))
    let worst = try #require(told["worst"] as? [[String: Any]])
    let likely = worst.compactMap { $0["truth_probability"] as? Double }
    #expect(worst.count == 24 && likely == likely.sorted() && worst[0]["key"] is String)
    let against = try #require(told["against"] as? [String: Any])
    let (mended, broken) = (against["mended"] as? Int ?? 0, against["broken"] as? Int ?? 0)
    let before = Int(((against["accuracy"] as? Double ?? 0) * Double(samples)).rounded())
    #expect(before + mended - broken == samples - wrong)
    let page = try String(contentsOf: logs.appending(path: "r.html"), encoding: .utf8)
    #expect(page.contains("data:image/png;base64,iVBORw0KGgo") && page.contains("one &amp; only"))
    #expect(page.contains("Compared with snap_iter_10.caffemodel"))
    #expect(!page.contains("http:") && !page.contains("<script"))
  }

  @Test("On the terminal, what changed")
  func comparison() throws {
    let logs = try folder.copyLogs()
    let result = try Program.run(
      "test net.prototxt --weights snap_iter_20.caffemodel --against snap_iter_20.caffemodel",
      in: logs)
    #expect(result.out.contains("against snap_iter_20.caffemodel: accuracy "))
    #expect(result.out.contains("0 answers changed, 0 for the better"), "\(result.errors)")
  }

  /// A net whose scores and labels are constants.
  private func constant(score: String, label: Int) -> String {
    """
    layer { name: 'd' type: 'DummyData' top: 's' top: 'l'
      dummy_data_param { shape { dim: 4 dim: 3 } shape { dim: 4 }
        data_filler { type: 'constant' value: \(score) }
        data_filler { type: 'constant' value: \(label) } } }
    layer { name: 'a' type: 'Accuracy' bottom: 's' bottom: 'l' top: 'accuracy'
      accuracy_param { ignore_label: 2 } }
    """
  }

  @Test("Scores that are no numbers answer nothing, and labels that do not count show nothing")
  func nothingToTell() throws {
    try folder.write(constant(score: "nan", label: 0), "nan.txt")
    try folder.write(constant(score: "1", label: 2), "ignored.txt")
    for (name, samples, text) in [
      ("nan", 4, "4 samples got no answer"), ("ignored", 0, "No sample has a label that counts"),
    ] {
      let result = try Program.run(
        "test \(name).txt --iterations 1 --report \(name).html --json", in: folder.url)
      #expect(result.status == 0, "\(result.errors)")
      let json = try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any]
      let told = try #require(json?["classification"] as? [String: Any])
      #expect(told["samples"] as? Int == samples && told["unanswered"] as? Int == samples)
      let page = try folder.text("\(name).html")
      #expect(page.contains(text) && !page.contains("Every answer was right"))
    }
  }

  @Test("A place that cannot be is told before the work is done")
  func places() throws {
    try folder.write(constant(score: "1", label: 0), "m.txt")
    for path in ["nowhere/r.html", "folder.html"] {
      if path == "folder.html" {
        try FileManager.default.createDirectory(
          at: folder.url.appending(path: path), withIntermediateDirectories: false)
      }
      let result = try Program.run("test m.txt --iterations 1 --report \(path)", in: folder.url)
      #expect(result.status == 74 && result.out.isEmpty && result.errors.contains(path))
    }
  }

  @Test("A net that compares nothing with labels has no report")
  func nothing() throws {
    try folder.write(
      "layer { name: 'd' type: 'DummyData' top: 'x' dummy_data_param { shape { dim: 2 } } }",
      "m.txt")
    let result = try Program.run("test m.txt --iterations 1 --report r.html", in: folder.url)
    #expect(result.status == 65 && result.errors.contains("compares scores of classes with labels"))
    #expect(try Program.run("test m.txt --report r.png", in: folder.url).status == 64)
  }

  @Test("Precision, recall and F1")
  func classScore() {
    let score = Evaluation.ClassScore(support: 10, answered: 8, right: 6)
    #expect(score.recall == 0.6 && score.precision == 0.75)
    #expect(abs((score.f1 ?? 0) - 2 * 0.6 * 0.75 / 1.35) < 1e-12)
    #expect(Evaluation.ClassScore().f1 == nil)
  }
}
