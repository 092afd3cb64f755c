import Foundation
import Schema
import Testing

@testable import Nets
@testable import Solvers
@testable import netrun

@Suite("Lines of Caffe's log")
struct CaffeLogTests {
  @Test("begin with severity, month and day, time, process and place")
  func prefix() {
    setenv("TZ", "UTC", 1)
    tzset()
    let sink = StringSink()
    let log = CaffeLog(
      sink, process: 6593, now: { timeval(tv_sec: 1_574_525_653, tv_usec: 9864) })
    log.log("solver.cpp:239", "text")
    log.log("net.cpp:721", "bad", .error)
    #expect(
      sink.text == """
        I1123 16:14:13.009864  6593 solver.cpp:239] text
        E1123 16:14:13.009864  6593 net.cpp:721] bad

        """)
  }

  @Test("of a whole training run are those that Caffe wrote")
  func training() throws {
    let values = { (accuracy: Float, loss: Float) in
      [
        OutputValue(name: "accuracy", value: accuracy, lossWeight: 0),
        OutputValue(name: "loss", value: loss, lossWeight: 1),
      ]
    }
    let display = { (iteration: Int, loss: Float, rate: Float) in
      SolverEvent.display(
        DisplayReport(
          iteration: iteration, smoothedLoss: loss, rate: rate, rateStep: nil, seconds: 0.001,
          iterations: iteration == 0 ? 0 : 5,
          outputs: [OutputValue(name: "loss", value: loss, lossWeight: 1)]))
    }
    let test = { (iteration: Int, outputs: [OutputValue]) in
      [
        SolverEvent.testing(iteration: iteration, net: 0),
        .tested(
          TestReport(
            iteration: iteration, net: 0, outputs: outputs, loss: nil, batches: 4, seconds: 1)),
      ]
    }
    let snapshot = { (iteration: Int) in
      [
        SolverEvent.snapshotting(path: "snap_iter_\(iteration).caffemodel", kind: .weights),
        .snapshotting(path: "snap_iter_\(iteration).solverstate", kind: .state),
      ]
    }
    var events: [SolverEvent] = [.solving(name: "SmallDigits", policy: "step", type: "SGD")]
    events += test(0, values(0.1, 2.29746))
    events += [display(0, 2.27365, 0.05), display(5, 2.28367, 0.05)]
    events += snapshot(10) + test(10, values(0.23, 2.09725))
    events += [display(10, 2.24758, 0.025), display(15, 1.86896, 0.025)]
    events += snapshot(20) + [.finalLoss(iteration: 20, loss: 2.00825)]
    events += test(20, values(0.53, 1.63676)) + [.finished(iteration: 20)]
    let wanted = try LogLines.golden("train.log")
    let start = try #require(wanted.firstIndex { $0.hasSuffix("Solver scaffolding done.") })
    #expect(LogLines.rendered(events, display: 5) == Array(wanted[start...]))
  }

  @Test("of debug_info, clipping and resumption are those that Caffe wrote")
  func debugging() throws {
    let golden = try LogLines.golden("train_debug.log")
    let start = try #require(golden.firstIndex { $0.contains("[Forward] Layer digits") })
    let wanted = Array(golden[start...])
    // What the solver would tell, taken from the lines themselves; the places are what is tested.
    let texts = wanted.filter { $0.contains("[Forward]") || $0.contains("[Backward]") }
    let events = texts.map { line in
      SolverEvent.debug(
        DebugLine(
          text: line.split(separator: "]", maxSplits: 1).last.map { String($0.dropFirst()) } ?? "",
          isSummary: line.contains("All net params")))
    }
    #expect(LogLines.rendered(events, display: 1) == texts)
    let clip = SolverEvent.clipped(norm: 1.40364, limit: 0.5, scale: 0.356218)
    #expect(wanted.contains(LogLines.rendered([clip], display: 1)[0]))

    let resumed = SolverEvent.resumed(
      path: "snap_iter_10.solverstate", iteration: 10, isExact: true)
    let resumeLog = try LogLines.golden("train_resume.log")
    let scaffold = try #require(resumeLog.firstIndex { $0.hasSuffix("scaffolding done.") })
    #expect(
      LogLines.rendered([resumed], display: 5) == Array(resumeLog[scaffold...][..<(scaffold + 3)]))
  }

  @Test("of tests are those that Caffe wrote")
  func testing() throws {
    let golden = try LogLines.golden("test.log")
    let start = try #require(golden.firstIndex { $0.contains("Batch 0, accuracy") })
    let sink = StringSink()
    let log = CaffeLog(sink)
    let batches: [(Float, Float)] = [
      (0.52, 1.60053), (0.4, 1.73845), (0.44, 1.87538), (0.44, 1.64551),
    ]
    for (index, values) in batches.enumerated() {
      log.logBatch(
        index,
        [
          OutputValue(name: "accuracy", value: values.0, lossWeight: 0),
          OutputValue(name: "loss", value: values.1, lossWeight: 1),
        ])
    }
    log.logScores(
      [
        OutputValue(name: "accuracy", value: 0.45, lossWeight: 0),
        OutputValue(name: "loss", value: 1.71497, lossWeight: 1),
      ], loss: 1.71497)
    #expect(LogLines.masked(sink.text) == Array(golden[start...]))
  }
}

/// Logs without what differs from run to run.
enum LogLines {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Goldens/legacy/logs")

  static func golden(_ name: String) throws -> [String] {
    masked(try String(contentsOf: folder.appending(path: name), encoding: .utf8))
  }

  /// Lines with the time and process of their prefix taken out, and with no speeds.
  static func masked(_ log: String) -> [String] {
    log.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      var text = String(line)
      let prefix = #/^([IWE])\d+ \d\d:\d\d:\d\d\.\d{6} +\d+ /#
      text = text.replacing(prefix) { "\($0.1) " }
      text = text.replacing(/\([-+.e\d]+ iter\/s, [-+.e\d]+s\//, with: "(R iter/s, Ss/")
      return text.replacing(/(forward|backward|time|pass|Time|Backward): [-+.e\d]+ ms/) {
        "\($0.1): T ms"
      }
    }.filter { !$0.isEmpty }
  }

  static func rendered(_ events: [SolverEvent], display: Int) -> [String] {
    let sink = StringSink()
    var solver = Message("SolverParameter")
    solver.set("display", int: display)
    let log = CaffeTrainingLog(CaffeLog(sink), .init(solver: solver))
    events.forEach(log.handle)
    return masked(sink.text)
  }
}
