import Compute
import Foundation
import Layers
import Nets
import Schema
import Testing

@testable import Solvers

@Suite("The order of a run")
struct LoopTests {
  private func lines(_ text: String, _ scratch: Scratch, _ stop: Int? = nil) throws -> [String] {
    let log = SolverLog()
    let requests = StopRequests()
    let solver = try Training.solver(
      "base_lr: 0.1 lr_policy: 'fixed' \(text)", in: scratch, log: log
    ) { $0.requests = requests }
    log.onEvent = {
      if case .step(let report) = $0, report.iteration + 1 == stop {
        requests.requestStop(signal: 2)
      }
    }
    _ = try solver.solve()
    return log.lines.filter { !$0.isEmpty }
  }

  @Test("Tests, displays, snapshots and the end, as Caffe has them")
  func order() throws {
    #expect(
      try lines("max_iter: 4 display: 2 test_interval: 2 test_iter: 3 snapshot: 2", try Scratch())
        == [
          "built 1+1", "solving fixed SGD",
          "testing 0 at 0", "tested 0 at 0", "display 0",
          "snapshot weights snap_iter_2.caffemodel", "snapshot state snap_iter_2.solverstate",
          "testing 0 at 2", "tested 0 at 2", "display 2",
          "snapshot weights snap_iter_4.caffemodel", "snapshot state snap_iter_4.solverstate",
          "final loss 4", "testing 0 at 4", "tested 0 at 4", "finished 4",
        ])
  }

  @Test("No test at the start if test_initialization says so; none at the end if it is not due")
  func testTimes() throws {
    let scratch = try Scratch()
    let found = try lines(
      "max_iter: 5 test_interval: 2 test_iter: 1 test_initialization: false "
        + "snapshot_after_train: false", scratch)
    #expect(
      found == [
        "built 1+1", "solving fixed SGD", "testing 0 at 2", "tested 0 at 2", "testing 0 at 4",
        "tested 0 at 4", "finished 5",
      ])
    #expect(try scratch.files.isEmpty)
  }

  @Test("A snapshot after training, unless there is one of that moment")
  func lastSnapshot() throws {
    let files = ["caffemodel", "netrunstate", "solverstate"]
    func names(_ text: String) throws -> [String] {
      let scratch = try Scratch()
      _ = try lines(text, scratch)
      return try scratch.files
    }
    #expect(try names("max_iter: 3") == files.map { "snap_iter_3.\($0)" })
    let two = [2, 3].flatMap { iteration in files.map { "snap_iter_\(iteration).\($0)" } }
    #expect(try names("max_iter: 3 snapshot: 2") == two)
    #expect(
      try names("max_iter: 3 snapshot: 2 snapshot_after_train: false") == Array(two.prefix(3)))
    #expect(try names("max_iter: 0") == files.map { "snap_iter_0.\($0)" })
    let scratch = try Scratch()
    let found = try lines("max_iter: 4 snapshot: 2", scratch)
    #expect(found.count { $0 == "snapshot state snap_iter_4.solverstate" } == 1)
  }

  @Test("A request to stop leaves a snapshot, even where none is due")
  func stop() throws {
    let scratch = try Scratch()
    let found = try lines("max_iter: 9 snapshot_after_train: false", scratch, 4)
    #expect(
      found.suffix(3) == [
        "snapshot weights snap_iter_4.caffemodel", "snapshot state snap_iter_4.solverstate",
        "stopped 4",
      ])
    let again = try lines("max_iter: 9 snapshot: 2", try Scratch(), 4)
    #expect(again.count { $0.hasPrefix("snapshot state snap_iter_4") } == 1)
  }

  @Test("A request for a snapshot is served once, between iterations")
  func snapshotRequest() throws {
    let scratch = try Scratch()
    let log = SolverLog()
    let requests = StopRequests()
    let solver = try Training.solver(
      "base_lr: 0.1 lr_policy: 'fixed' max_iter: 5 snapshot_after_train: false", in: scratch,
      log: log
    ) { $0.requests = requests }
    log.onEvent = {
      if case .step(let report) = $0, report.iteration == 1 { requests.requestSnapshot() }
    }
    #expect(try solver.solve() == .finished)
    #expect(try scratch.files.count == 3)
    #expect(try scratch.files.allSatisfy { $0.hasPrefix("snap_iter_2.") })
  }

  @Test("The multistep of an iteration is told with its display, or alone")
  func multistep() throws {
    let found = try lines(
      "max_iter: 5 display: 2 gamma: 0.1 stepvalue: 2 stepvalue: 3 snapshot_after_train: false",
      try Scratch()
    ).filter { $0.hasPrefix("multi") }
    #expect(found.isEmpty)
    let log = SolverLog()
    _ = try Training.solver(
      "base_lr: 0.1 lr_policy: 'multistep' max_iter: 5 display: 2 gamma: 0.1 stepvalue: 2 "
        + "stepvalue: 3 snapshot_after_train: false", log: log
    ).solve()
    #expect(log.lines.contains("multistep 3 2"))
    #expect(!log.lines.contains("multistep 2 1"))
    for (rate, want) in zip(log.rates, [0.1, 0.1, 0.01, 0.001, 0.001] as [Float]) {
      #expect(abs(rate - want) < 1e-6)
    }
  }

  @Test("Several test nets, each with its iterations and its state")
  func testNets() throws {
    let log = SolverLog()
    let text = """
      base_lr: 0.1 lr_policy: 'fixed' max_iter: 1 test_interval: 1 snapshot_after_train: false
      test_net_param { \(Training.net) } test_iter: 2 test_iter: 3 test_iter: 1
      test_state { stage: 'a' } test_state { level: 7 stage: 'b' } test_state { phase: TRAIN }
      """
    let solver = try Training.solver(text, log: log) {
      $0.level = 3
      $0.stages = ["x"]
    }
    #expect(solver.testNets.count == 3)
    #expect(
      solver.testNets.map(\.state) == [
        NetState(phase: .test, stages: ["a"]), NetState(phase: .test, level: 7, stages: ["b"]),
        NetState(phase: .train),
      ])
    #expect(solver.trainNet.state == NetState(phase: .train, level: 3, stages: ["x"]))
    _ = try solver.solve()
    #expect(log.lines.contains("tested 2 at 1"))
    for net in solver.testNets {
      for (a, b) in zip(net.parameters, solver.trainNet.parameters) {
        #expect(a.blob.sharesValues(with: b.blob))
      }
    }
  }

  @Test("States: the solver's phase, the net's own state, then train_state and test_state")
  func states() throws {
    let net =
      "state { phase: TRAIN level: 2 stage: 'own' }\n" + Training.net
    let solver = try Training.solver(
      "base_lr: 0.1 lr_policy: 'fixed' max_iter: 1 test_interval: 1 test_iter: 1 "
        + "train_state { level: 5 stage: 'train' } test_state { phase: TEST stage: 'test' }",
      net: net)
    #expect(solver.trainNet.state == NetState(phase: .train, level: 5, stages: ["own", "train"]))
    #expect(solver.testNets[0].state == NetState(phase: .test, level: 2, stages: ["own", "test"]))
  }

  @Test("Scores are the plain means over test_iter batches")
  func scores() throws {
    let log = SolverLog()
    let net = """
      layer { name: 'data' type: 'DummyData' top: 'v'
        dummy_data_param { shape { dim: 3 } data_filler { type: 'uniform' } } }
      layer { name: 'x' type: 'DummyData' top: 'x' dummy_data_param { shape { dim: 1 dim: 1 } } }
      layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' loss_weight: 1
        inner_product_param { num_output: 1 } }
      """
    let text =
      "base_lr: 0.1 lr_policy: 'fixed' max_iter: 1 test_interval: 1 test_iter: 5 "
      + "test_compute_loss: true snapshot_after_train: false"
    var losses: [Float?] = []
    log.onEvent = { if case .tested(let report) = $0 { losses.append(report.loss) } }
    _ = try Training.solver(text, net: net, log: log).solve()
    let scores = try #require(log.scores["0#0"])
    #expect(scores.count == 4)
    #expect(losses.count == 2 && losses[0] == 0)
    // The same batches, counted by hand.
    let again = try Training.solver(text, net: net)
    var sums = [Float](repeating: 0, count: 3)
    for _ in 0..<5 {
      try again.testNets[0].forward()
      let values = try #require(again.testNets[0].blob("v")).array
      for index in 0..<3 { sums[index] += values[index] / 5 }
    }
    for (score, sum) in zip(scores, sums) { #expect(abs(score - sum) < 1e-6) }
  }
}
