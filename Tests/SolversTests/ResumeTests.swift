import Compute
import Foundation
import Layers
import Nets
import Prototxt
import Schema
import Testing

@testable import Solvers

/// A run that is stopped and goes on must end as one that was not.
@Suite("Resumption")
struct ResumeTests {
  private static let rules = [
    "type: 'SGD' momentum: 0.9", "type: 'Adam' momentum: 0.9", "type: 'AdaDelta' momentum: 0.9",
    "type: 'AdamW' momentum: 0.9",
    "type: 'SGD' momentum: 0.9 snapshot_format: HDF5",
  ]

  private func text(_ rule: String = Self.rules[0]) -> String {
    "base_lr: 0.05 lr_policy: 'multistep' gamma: 0.5 stepvalue: 3 stepvalue: 8 max_iter: 12 "
      + "iter_size: 2 average_loss: 5 weight_decay: 0.01 display: 3 test_interval: 4 test_iter: 2 "
      + rule
  }

  /// Everything that a run leaves behind.
  private struct Trace: Equatable {
    var weights = Data()
    var history: [[Float]] = []
    var iteration = 0
    var step = 0
    var runState = Data()
    var losses: [Float] = []
    var smoothed: [Float] = []
    var rates: [Float] = []
    var scores: [String: [Float]] = [:]

    init(_ scratch: Scratch, _ log: SolverLog, at iteration: Int) throws {
      let ending = try scratch.files.contains("snap_iter_\(iteration).solverstate.h5") ? ".h5" : ""
      weights = try scratch.data("snap_iter_\(iteration).caffemodel\(ending)")
      runState = try scratch.data("snap_iter_\(iteration).netrunstate")
      let state = try SolverStateFile(
        path: "\(scratch.path)/snap_iter_\(iteration).solverstate\(ending)")
      history = state.history.map { $0.floats() }
      self.iteration = state.iteration
      step = state.currentStep
      losses = log.losses
      smoothed = log.smoothed
      rates = log.rates
      scores = log.scores
    }
  }

  /// Runs to the end, stopped whenever `stops` says so of an event, and taken up again each time.
  private func run(
    _ text: String, threads: Int = 1, stops: @escaping (SolverEvent) -> Bool = { _ in false }
  ) throws -> Trace {
    let scratch = try Scratch()
    let log = SolverLog()
    for attempt in 0..<30 {
      let requests = StopRequests()
      log.onEvent = { if stops($0) { requests.requestStop(signal: 2) } }
      // Another seed each time: the snapshot's own counts.
      let solver = try Training.solver(text, in: scratch, threads: threads, log: log) {
        $0.requests = requests
        $0.seed = attempt == 0 ? 5 : nil
        if attempt > 0 { $0.snapshot = .automatic }
      }
      let outcome = try solver.solve()
      if outcome == .finished {
        #expect(log.contradictions.isEmpty)
        #expect(!log.lines.contains { $0.hasSuffix("not exactly") })
        return try Trace(scratch, log, at: 12)
      }
    }
    Issue.record("the run never ended")
    return try Trace(scratch, log, at: 12)
  }

  @Test("Stopped after any iteration, at any number of threads", arguments: rules)
  func exact(_ rule: String) throws {
    let want = try run(text(rule))
    #expect(want.losses.count == 12)
    for stop in [1, 5, 8, 11] {
      let got = try run(text(rule), threads: 1 + stop % 3) { event in
        if case .step(let report) = event { return report.iteration + 1 == stop }
        return false
      }
      #expect(got == want, "stopped at \(stop)")
    }
  }

  @Test("Stopped after every single iteration")
  func everyIteration() throws {
    let got = try run(text()) { if case .step = $0 { true } else { false } }
    #expect(got == (try run(text())))
  }

  @Test(
    "Stopped after any iteration of a warm-up, of plateau and of cosine",
    arguments: [
      "lr_policy: 'plateau' gamma: 0.5 plateau_winsize: [1, 2, 1] warmup_iter: 3",
      "lr_policy: 'plateau' gamma: 0.9 plateau_winsize: [2, 2, 2] min_lr: 0.03",
      "lr_policy: 'cosine' min_lr: 0.001 warmup_iter: 4 warmup_start_lr: 0.01",
    ])
  func policies(_ policy: String) throws {
    // Random labels, and a rate under which the loss jumps: it has plateaus for certain.
    let text = "base_lr: 0.5 max_iter: 12 average_loss: 2 snapshot: 1 momentum: 0.9 \(policy)"
    let want = try run(text)
    if policy.contains("plateau") { #expect(want.step > 1) }
    for stop in 1..<12 {
      let got = try run(text, threads: 1 + stop % 2) { event in
        if case .step(let report) = event { return report.iteration + 1 == stop }
        return false
      }
      #expect(got == want, "stopped at \(stop)")
    }
  }

  @Test("What plateau waits for is in the file beside the state")
  func plateauState() throws {
    let scratch = try Scratch()
    let text =
      "base_lr: 0.5 lr_policy: 'plateau' gamma: 0.5 plateau_winsize: 50 max_iter: 6 snapshot: 6 "
      + "average_loss: 3"
    let log = SolverLog()
    _ = try Training.solver(text, in: scratch, log: log).solve()
    let state = try WireFormat.read(
      "\(scratch.path)/snap_iter_6.netrunstate", as: Message("RunState").type)
    let least = try #require(log.smoothed.min())
    #expect(state.float("minimum_loss") == least)
    #expect(state.int("last_event") == log.smoothed.firstIndex(of: least))
    // No other policy has need of it.
    let plain = try trained()
    let other = try WireFormat.read(
      "\(plain.path)/snap_iter_2.netrunstate", as: Message("RunState").type)
    #expect(!other.has("minimum_loss") && !other.has("last_event"))
  }

  @Test("Stopped while a test runs: the test is made again with the same data")
  func duringTests() throws {
    let want = try run(text())
    for stop in [0, 4, 8] {
      var stopped = 0
      let got = try run(text()) { event in
        if case .testing(let iteration, _) = event, iteration == stop, stopped < 2 {
          stopped += 1
          return true
        }
        return false
      }
      #expect(stopped == 2)
      #expect(got == want, "stopped in the test at \(stop)")
    }
    // A request that comes with the end of a test stops before the iteration.
    var stopped = false
    let got = try run(text()) { event in
      if case .tested(let report) = event, report.iteration == 4, !stopped {
        stopped = true
        return true
      }
      return false
    }
    #expect(got == want)
  }

  @Test("The same bits with 1, 2 and 3 threads")
  func threads() throws {
    let want = try run(text(), threads: 1)
    for threads in 2...3 { #expect(try run(text(), threads: threads) == want) }
  }

  // MARK: Files that are missing or wrong

  /// Trains 4 iterations, with snapshots at 2 and 4.
  private func trained() throws -> Scratch {
    let scratch = try Scratch()
    _ = try Training.solver(short, in: scratch).solve()
    return scratch
  }

  private let short = "base_lr: 0.05 lr_policy: 'fixed' momentum: 0.9 max_iter: 4 snapshot: 2"

  private func resume(
    _ scratch: Scratch, _ name: String, _ log: SolverLog? = nil, _ text: String? = nil,
    net: String = Training.net
  ) throws -> Solver {
    try Training.solver(text ?? short, net: net, in: scratch, log: log) {
      $0.snapshot = .file("\(scratch.path)/\(name)")
    }
  }

  @Test("Without the file that Caffe does not write, a run goes on as in Caffe")
  func withoutRunState() throws {
    let scratch = try trained()
    try FileManager.default.removeItem(atPath: "\(scratch.path)/snap_iter_2.netrunstate")
    let log = SolverLog()
    let solver = try resume(scratch, "snap_iter_2.solverstate", log)
    #expect(solver.iteration == 2)
    #expect(
      log.remarks == [
        "\(scratch.path)/snap_iter_2.netrunstate is not there: as in Caffe, the data begin from the "
          + "first record again, and random numbers anew"
      ])
    #expect(log.lines.contains("resumed at 2, not exactly"))
    #expect(try solver.solve() == .finished)
  }

  @Test("A file of another snapshot is left out")
  func runStateOfOther() throws {
    let scratch = try trained()
    let path = "\(scratch.path)/snap_iter_2.netrunstate"
    try scratch.data("snap_iter_4.netrunstate").write(to: URL(filePath: path))
    let log = SolverLog()
    _ = try resume(scratch, "snap_iter_2.solverstate", log)
    #expect(
      log.remarks == [
        "\(path) belongs to another snapshot, and is left out: as in Caffe, the data begin from the "
          + "first record again"
      ])
  }

  @Test("A damaged file is an error that says how to do without")
  func damagedRunState() throws {
    let scratch = try trained()
    let data = try scratch.data("snap_iter_2.netrunstate")
    try data.prefix(data.count - 3).write(
      to: URL(filePath: "\(scratch.path)/snap_iter_2.netrunstate"))
    let found = Training.refused { _ = try resume(scratch, "snap_iter_2.solverstate") }
    #expect(found.count == 1)
    #expect(found.first?.contains("remove it to do so") == true, "\(found)")
  }

  @Test("Other files in place of a state")
  func wrongFiles() throws {
    let scratch = try trained()
    try scratch.write("name: 'net'", "net.txt")
    try scratch.write("", "empty")
    let state = try scratch.data("snap_iter_2.solverstate")
    try state.prefix(state.count / 2).write(to: URL(filePath: "\(scratch.path)/half.solverstate"))
    func refused(_ name: String) -> String {
      let found = Training.refused { _ = try resume(scratch, name) }
      #expect(found.count == 1, "\(name): \(found)")
      return found.first ?? ""
    }
    #expect(
      refused("snap_iter_2.caffemodel")
        == "is not the state of a solver | give a .solverstate, which "
        + "names the weights that belong to it; weights alone are given with --weights")
    #expect(
      refused("net.txt")
        == "is a text, not the state of a solver | give a .caffemodel, .solverstate or .binaryproto "
        + "file")
    #expect(refused("empty") == "is empty")
    #expect(
      refused("half.solverstate").contains("the file is damaged, cut off"),
      "\(refused("half.solverstate"))")
    #expect(refused("nowhere.solverstate").contains("no such file"))
  }

  @Test("The weights that a state names are not there")
  func missingWeights() throws {
    let scratch = try trained()
    let path = "\(scratch.path)/snap_iter_2.caffemodel"
    try FileManager.default.removeItem(atPath: path)
    let found = Training.refused { _ = try resume(scratch, "snap_iter_2.solverstate") }
    #expect(found.count == 1)
    #expect(
      found.first?.hasPrefix("the weights '\(path)' that belong to this state are not there")
        == true,
      "\(found)")
  }

  @Test("A folder that was moved stays together")
  func moved() throws {
    let scratch = try trained()
    let other = try Scratch()
    for name in try scratch.files {
      try FileManager.default.moveItem(
        atPath: "\(scratch.path)/\(name)", toPath: "\(other.path)/\(name)")
    }
    let log = SolverLog()
    #expect(try resume(other, "snap_iter_2.solverstate", log).iteration == 2)
    #expect(log.lines.contains("resumed at 2"))
  }

  @Test("A state of another type of solver, or of another net")
  func otherSolver() throws {
    let scratch = try trained()
    let adam = Training.refused {
      _ = try resume(scratch, "snap_iter_2.solverstate", nil, short + " type: 'Adam'")
    }
    #expect(
      adam == [
        "has 4 history blobs, but the solver needs 8 | the state belongs to another net or another "
          + "type of solver"
      ])
    let net = Training.refused {
      _ = try resume(
        scratch, "snap_iter_2.solverstate",
        net: Training.net.replacing("num_output: 16", with: "num_output: 12"))
    }
    #expect(net.count == 3)
    #expect(
      net.first == "history 0 of ip1[0] has 160 values in the state, but 120 in the net | "
        + "the state belongs to another net")
  }

  @Test("The newest of the snapshots with the prefix; anew if there is none")
  func automatic() throws {
    let scratch = try Scratch()
    let log = SolverLog()
    let configure: (inout Solver.Options) -> Void = { $0.snapshot = .automatic }
    let fresh = try Training.solver(short, in: scratch, log: log, configure)
    #expect(fresh.iteration == 0)
    #expect(
      log.remarks == ["no \(scratch.path)/snap_iter_N.solverstate: the run begins anew"])
    _ = try fresh.solve()
    try scratch.write("", "snap_iter_x9.solverstate")
    try scratch.write("", "snap_iter_99.solverstate.tmp")
    try scratch.write("", "other_iter_99.solverstate")
    #expect(try Training.solver(short, in: scratch, configure).iteration == 4)
  }

  @Test("A newest snapshot that is damaged does not hide an older one that is whole")
  func automaticBehindDamage() throws {
    let scratch = try Scratch()
    _ = try Training.solver(short, in: scratch).solve()
    try scratch.write("", "snap_iter_9.solverstate")
    let log = SolverLog()
    var warnings: [String] = []
    log.onEvent = { event in
      if case .warning(let warning) = event { warnings.append(warning.message) }
    }
    let solver = try Training.solver(short, in: scratch, log: log) { $0.snapshot = .automatic }
    #expect(solver.iteration == 4 && warnings == ["is empty"])
    #expect(log.remarks.contains { $0.hasPrefix("goes on from an older snapshot") })
    // Weights that are cut off count as damage too.
    let weights = try scratch.data("snap_iter_4.caffemodel")
    try weights.prefix(100).write(to: URL(filePath: "\(scratch.path)/snap_iter_4.caffemodel"))
    for name in try scratch.files where name.hasPrefix("snap_iter_2") {
      try FileManager.default.removeItem(atPath: "\(scratch.path)/\(name)")
    }
    let told = Training.refused {
      _ = try Training.solver(short, in: scratch) { $0.snapshot = .automatic }
    }
    #expect(told == ["is empty"])
  }

  @Test("Snapshots in HDF5's format are found too; of two of one iteration the one written later")
  func automaticHDF5() throws {
    let scratch = try trained()
    let log = SolverLog()
    let hdf5 = "\(short) snapshot_format: HDF5"
    _ = try resume(scratch, "snap_iter_2.solverstate", log, hdf5).solve()
    #expect(
      log.lines.filter { $0.hasPrefix("snapshot") }
        == [
          "snapshot weights snap_iter_4.caffemodel.h5", "snapshot state snap_iter_4.solverstate.h5",
        ])
    #expect(
      try SolverStateFile(path: "\(scratch.path)/snap_iter_4.solverstate.h5").learnedNet
        == "\(scratch.path)/snap_iter_4.caffemodel.h5")
    let own = try SolverStateFile(path: "\(scratch.path)/snap_iter_4.solverstate")
    let other = try SolverStateFile(path: "\(scratch.path)/snap_iter_4.solverstate.h5")
    #expect(own.history.map { $0.floats() } == other.history.map { $0.floats() })
    #expect(SnapshotFiles.states(prefix: "\(scratch.path)/snap").first?.hasSuffix(".h5") == true)
    try scratch.write("", "snap_iter_9.solverstate")
    #expect(
      SnapshotFiles.states(prefix: "\(scratch.path)/snap").first
        == "\(scratch.path)/snap_iter_9.solverstate")
  }

  @Test("Names that HDF5 cannot have are refused before training")
  func namesForHDF5() throws {
    let net = Training.net.replacing("'ip1'", with: "'block/ip1'")
    let problems = Training.refused {
      _ = try Training.solver("\(short) snapshot_format: HDF5", net: net)
    }
    #expect(problems.count == 1)
    #expect(problems.first?.hasPrefix("layer 'block/ip1' (InnerProduct): has a '/'") == true)
  }

  @Test("A run that was over goes on if max_iter grows, and does nothing if not")
  func grown() throws {
    let scratch = try trained()
    let log = SolverLog()
    _ = try resume(scratch, "snap_iter_4.solverstate", log).solve()
    #expect(log.losses.isEmpty)
    _ = try resume(
      scratch, "snap_iter_4.solverstate", nil, short.replacing("max_iter: 4", with: "max_iter: 6")
    ).solve()
    let whole = try Scratch()
    _ = try Training.solver(short.replacing("max_iter: 4", with: "max_iter: 6"), in: whole).solve()
    #expect(
      try scratch.data("snap_iter_6.caffemodel") == (try whole.data("snap_iter_6.caffemodel")))
  }

  @Test("Snapshot files are equal, bit for bit, whenever they are written of the same run")
  func sameFiles() throws {
    let (a, b) = (try trained(), try trained())
    for name in try a.files where !name.hasSuffix("solverstate") {
      #expect(try a.data(name) == (try b.data(name)), "\(name)")
    }
  }
}
