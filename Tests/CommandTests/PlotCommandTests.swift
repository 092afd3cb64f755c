import Foundation
import Testing

@testable import netrun

@Suite("netrun plot")
struct PlotCommandTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write(Self.metrics, "run.metrics.jsonl")
    try folder.write(Self.table, "run.metrics.csv")
  }

  private static let metrics = """
    {"kind": "test", "iteration": 0, "net": 0, "loss": 2.5, "seconds": 0, "outputs": {"accuracy": 0.1, "loss": 2.5}}
    {"kind": "train", "iteration": 0, "loss": 2.4, "smoothed_loss": 2.4, "rate": 0.1, "seconds": 0, "outputs": {"loss": 2.4}}
    {"kind": "train", "iteration": 10, "loss": 1.5, "smoothed_loss": 2, "rate": 0.05, "seconds": 3, "outputs": {"loss": 1.5}}
    {"kind": "test", "iteration": 10, "net": 0, "loss": 1.9, "seconds": 3, "outputs": {"accuracy": 0.75, "loss": 1.9, "odd": [1, 2]}}
    {"kind": "train", "iter
    """
  private static let table = """
    kind,iteration,net,seconds,loss,smoothed_loss,rate,images_per_second,train:loss,test:accuracy,"test:a,b"
    train,0,,0,2.4,2.4,0.1,,2.4,,
    train,10,,3,1.5,2,0.05,100,1.5,,
    test,10,0,3,1.9,,,,,0.75,7
    """

  private func values(_ log: RunLog, _ kind: RunLog.Kind) -> [[Double]] {
    log.series.filter { $0.kind == kind }.map { $0.points.map(\.value) }
  }

  @Test("Our metrics, as lines of JSON and as a table")
  func ours() {
    let log = RunLog(path: "", text: Self.metrics)
    #expect(values(log, .loss) == [[2.4, 2]] && values(log, .batchLoss) == [[2.4, 1.5]])
    #expect(values(log, .testLoss) == [[2.5, 1.9]] && values(log, .accuracy) == [[0.1, 0.75]])
    #expect(values(log, .rate) == [[0.1, 0.05]] && values(log, .other("odd[1]")) == [[2]])
    let table = RunLog(path: "", text: Self.table)
    #expect(values(table, .loss) == [[2.4, 2]] && values(table, .testLoss) == [[1.9]])
    #expect(values(table, .accuracy) == [[0.75]] && values(table, .other("a,b")) == [[7]])
    #expect(table.series.first?.points.last?.seconds == 3)
  }

  @Test("What is no number stays none, and numbers of nets that cannot be are left out")
  func diverged() {
    let log = RunLog(
      path: "",
      text: """
        {"kind": "train", "iteration": 0, "loss": 2.3, "smoothed_loss": 2.3, "rate": 1}
        {"kind": "train", "iteration": 9, "loss": null, "smoothed_loss": null, "rate": 1}
        {"kind": "test", "iteration": 9, "net": 1e99, "loss": null, "outputs": {"accuracy": null}}
        """)
    #expect(values(log, .loss).first?.map(\.isNaN) == [false, true])
    #expect(values(log, .testLoss).first?.map(\.isNaN) == [true])
    #expect(values(log, .accuracy).first?.map(\.isNaN) == [true])
    let caffe = RunLog(
      path: "",
      text: """
        I0101 00:00:00.000000     1 solver.cpp:330] Iteration 5, Testing net (#1e99)
        I0101 00:00:00.000000     1 solver.cpp:397]     Test net output #0: accuracy = 0.5
        I0101 00:00:00.000000     1 solver.cpp:218] Iteration 5 (1 iter/s, 1s/1 iters), loss = 2
        """)
    #expect(values(caffe, .loss) == [[2]])
  }

  @Test("A log that Caffe wrote")
  func caffe() throws {
    let log = try RunLog(path: LogLines.folder.appending(path: "train.log").path)
    #expect(values(log, .loss) == [[2.27365, 2.28367, 2.24758, 1.86896, 2.00825]])
    #expect(values(log, .testLoss) == [[2.29746, 2.09725, 1.63676]])
    #expect(values(log, .accuracy) == [[0.1, 0.23, 0.53]])
    #expect(values(log, .rate) == [[0.05, 0.05, 0.025, 0.025]])
    let seconds = log.series.flatMap(\.points).map(\.seconds)
    #expect(seconds.allSatisfy { $0 >= 0 && $0 < 1 })
  }

  @Test("Logs of earlier years, without what stands before the text, and of several tests")
  func old() {
    let log = RunLog(
      path: "",
      text: """
        Iteration 100, Testing net (#1)
            Test net output #0: top-5 = 0.5
            Test net output #1: mean = 1
            Test net output #2: mean = 3
        Iteration 100, loss = nan
        Iteration 100, lr = 1e-05
        Iteration 50, loss = 3
        """)
    #expect(values(log, .accuracy) == [[0.5]] && values(log, .other("mean[1]")) == [[3]])
    #expect(log.series.first?.name == "test #1 top-5")
    #expect(values(log, .rate) == [[1e-5]])
    // What a resumed run does again takes the place of what was there.
    #expect(values(log, .loss) == [[3]])
  }

  @Test("A picture, a page, and letters")
  func drawn() throws {
    let picture = try Program.run("plot run.metrics.jsonl -o a.svg", in: folder.url)
    #expect(
      picture.status == 0 && picture.out == "a.svg: loss, accuracy, learning rate, odd[0], odd[1]\n"
    )
    let svg = try folder.text("a.svg")
    #expect(svg.hasPrefix("<svg ") && svg.contains(">test accuracy<") && svg.contains("</svg>"))
    let page = try Program.run(
      "plot run run.metrics.csv --name x -o a.html --x seconds", in: folder.url)
    #expect(page.status == 0, "\(page.errors)")
    #expect(try folder.text("a.html").contains("x test"))
    let letters = try Program.run("plot run.metrics.csv", in: folder.url)
    #expect(letters.out.contains("Loss  ● train 2  ● test 1.9\n") && letters.out.contains("└──"))
    #expect(!letters.out.contains("\u{1b}"))
  }

  @Test("What cannot be drawn is told, for all files at once")
  func wrong() throws {
    try folder.write("hello\n", "a.log")
    let result = try Program.run("plot a.log run.metric.jsonl", in: folder.url)
    #expect(result.status == 65 && result.errors.contains("a.log: error: tells of no training"))
    #expect(result.errors.contains("did you mean 'run.metrics.jsonl'?"))
    let png = try Program.run("plot run.metrics.csv -o a.png", in: folder.url)
    #expect(png.status == 64 && png.errors.contains("rsvg-convert") && !folder.exists("a.png"))
    #expect(try Program.run("plot no.csv", in: folder.url).status == 66)
  }

  @Test("JSON is read as it is written")
  func json() {
    let text = #"{"a": [1, -2.5e3, true, null, "q\"\u00e9\n"], "b": {}}"#
    #expect(JSON(reading: text)?.text == #"{"a": [1, -2500, true, null, "q\"é\n"], "b": {}}"#)
    for wrong in [
      "", "{", "[1,]", "{\"a\" 1}", "1 2", "\"a", "nul", String(repeating: "[", count: 999),
    ] {
      #expect(JSON(reading: wrong) == nil, "\(wrong)")
    }
  }
}
