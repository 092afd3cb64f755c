import Foundation
import Solvers
import Testing

@testable import Nets
@testable import Solvers
@testable import netrun

@Suite("Parts of the commands")
struct CommandPartsTests {
  @Test(
    "Snapshots are known by their names",
    arguments: [
      ("lenet_iter_10000.caffemodel", 10000), ("_iter_0.caffemodel", 0),
      ("a_iter_1_iter_20.caffemodel", 20), ("lenet.caffemodel", nil),
      ("lenet_iter_.caffemodel", nil), ("lenet_iter_5.solverstate", nil),
      ("lenet_iter_x5.caffemodel", nil), ("lenet_iter_5.caffemodel.tmp", nil),
      ("lenet_iter_99999999999999999999.caffemodel", nil), ("caffemodel", nil),
    ] as [(String, Int?)])
  func snapshotNames(name: String, iteration: Int?) {
    #expect(WeightSearch.iteration(of: name) == iteration)
  }

  @Test("Numbers are found in the lines of metrics that we wrote")
  func metricNumbers() {
    let line = #"{"kind": "test", "iteration": 120, "seconds": 1.5, "outputs": {"loss": 2}}"#
    #expect(Metrics.number("iteration", inJSON: line) == 120)
    #expect(Metrics.number("seconds", inJSON: line) == 1.5)
    #expect(Metrics.number("loss", inJSON: line) == 2)
    #expect(Metrics.number("rate", inJSON: line) == nil)
    #expect(Metrics.number("iteration", inJSON: #"{"iterat"#) == nil)
  }

  @Test("Values of one output stand together in JSON")
  func metricOutputs() {
    let values = [("a", Float(1)), ("b", 0.25), ("b", 0.5), ("c", .infinity)].map {
      OutputValue(name: $0.0, value: $0.1, lossWeight: 0)
    }
    #expect(Metrics.json(values).text == #"{"a": 1, "b": [0.25, 0.5], "c": null}"#)
  }

  @Test("The live line tells what is done, the speed of the last second, and what is left")
  func progress() {
    var progress = TrainingProgress()
    for iteration in 100..<150 {
      progress.add(
        StepReport(
          iteration: iteration, maxIteration: 1000, loss: 1, smoothedLoss: 0.5, rate: 0.01,
          samples: 64, epochSize: 3200, elapsed: Double(iteration - 99) / 10,
          waitedMilliseconds: 2000))
    }
    #expect(
      progress.line(Style(isOn: false))
        == "150 of 1,000  15 %  epoch 3.0 of 20  loss 0.5  ▁▁▁▁▁▁▁▁  640 images/s  1:25 left  rate 0.01"
    )
    #expect(
      progress.line(Style(isOn: true), width: 66)
        == "150 of 1,000  epoch 3.0 of 20  loss \u{1b}[1m0.5\u{1b}[0m  640 images/s  1:25 left"
    )
    #expect(
      progress.line(Style(isOn: false), width: 72, isUTF8: false)
        == "150 of 1,000  epoch 3.0 of 20  loss 0.5  _____  640 images/s  1:25 left")
    progress.timeLimit = 65
    #expect(progress.line(Style(isOn: false), width: 20) == "loss 0.5  ▁▁▁▁▁▁▁▁")
    #expect(progress.details(isUTF8: false).contains("1:00 left"))
    #expect(progress.epochCount == 1)
    #expect(progress.count == 50 && progress.done == 150)
    #expect(progress.speed == 640)
    #expect(progress.waitedShare == 0.4)
  }

  @Test("The trace of the loss has a bar for each stretch of the run, of equal length")
  func trace() {
    var trace = LossTrace()
    trace.add(8)
    trace.add(.nan)
    #expect(trace.text(cells: 8, isUTF8: true).isEmpty)
    for loss in [4, 2, 1] as [Float] { trace.add(loss) }
    #expect(trace.text(cells: 8, isUTF8: true) == "█▆▃▁")
    #expect(trace.text(cells: 8, isUTF8: false) == "#+-_")
    #expect(trace.text(cells: 2, isUTF8: false) == "#_")
    for index in 0..<10_000 { trace.add(Float(10_000 - index)) }
    let bars = Array(trace.text(cells: 8, isUTF8: false))
    #expect(bars.count == 8 && bars.first == "#" && bars.last == "_")
    trace.add(-1)
    #expect(!trace.text(cells: 8, isUTF8: false).isEmpty)
  }

  @Test("The environment tells whether text may have other characters than ASCII's")
  func encoding() {
    #expect(Environment.isUTF8([nil, "", "de_DE.UTF-8"]))
    #expect(Environment.isUTF8(["C.utf8", "C", "C"]))
    #expect(
      !Environment.isUTF8(["C", nil, "de_DE.UTF-8"]) && !Environment.isUTF8([nil, nil, nil]))
  }

  @Test(
    "Stretches of time are numbers with units, the largest first",
    arguments: [
      ("90s", 90), ("2h30m", 9000), ("1.5h", 5400), ("1d2h3m4s", 93784), ("90", nil), ("", nil),
      ("5m2h", nil), ("0s", nil), ("-5s", nil), ("2x", nil), ("1h.", nil), ("h", nil),
    ] as [(String, Double?)])
  func stretches(text: String, seconds: Double?) {
    #expect((try? TrainingOptions.seconds(text)) == seconds)
  }

  @Test("Files are separated by commas, unless one has commas in its name")
  func lists() throws {
    #expect(Operand.list(["a,b", "c, d"]) == ["a", "b", "c", "d"])
    let folder = try TemporaryFolder()
    try folder.write("", "x,y")
    let path = folder.url.appending(path: "x,y").path
    #expect(Operand.list([path]) == [path])
  }
}
