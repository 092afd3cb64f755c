import Foundation
import Nets
import Prototxt
import Solvers
import Testing

/// How long a run goes on, what it keeps, and that a run that goes on knows.
@Suite("How a run ends and what it keeps")
struct RunLengthTests {
  private static let solver = """
    base_lr: 0.05 lr_policy: 'fixed' momentum: 0.9 max_iter: 40
    test_iter: 2 test_interval: 5 test_net_param { \(Training.net) }
    """

  private static let dataNet = {
    let database = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Goldens/data/gray_lmdb").path
    return """
      layer { name: 'd' type: 'Data' top: 'x' top: 'label'
        data_param { source: '\(database)' batch_size: 3 backend: LMDB }
        transform_param { scale: 0.01 } }
      layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y'
        inner_product_param { num_output: 10 weight_filler { type: 'xavier' } } }
      layer { name: 'loss' type: 'EuclideanLoss' bottom: 'y' bottom: 'y' top: 'none' }
      layer { name: 'norm' type: 'Reduction' bottom: 'y' top: 'loss' loss_weight: 0.01
        reduction_param { operation: SUMSQ } }
      """
  }()

  private func run(
    _ scratch: Scratch, _ text: String = solver, _ configure: (inout Solver.Options) -> Void
  ) throws -> (solver: Solver, log: SolverLog) {
    let log = SolverLog()
    let solver = try Training.solver(text, in: scratch, log: log, configure)
    _ = try solver.solve()
    return (solver, log)
  }

  @Test(
    "The weights of the best test have a file of their own, whatever was interrupted",
    .timeLimit(.minutes(2)))
  func best() throws {
    let whole = try Scratch()
    let goal = try #require(ScoreGoal("loss:min"))
    var values: [(Int, Float)] = []
    let log = SolverLog()
    log.onEvent = { event in
      if case .tested(let report) = event {
        values.append((report.iteration, report.outputs.first { $0.name == "loss" }?.value ?? 0))
      }
    }
    let solver = try Training.solver(Self.solver + " snapshot: 5", in: whole, log: log) {
      $0.best = goal
    }
    _ = try solver.solve()
    let best = try #require(values.min { $0.1 < $1.1 })
    #expect(solver.best == BestScore(value: best.1, iteration: best.0))
    #expect(try whole.data("snap_best.caffemodel").count > 0)
    if best.0 > 0 {
      #expect(
        try whole.data("snap_best.caffemodel") == whole.data("snap_iter_\(best.0).caffemodel"))
    }

    let parts = try Scratch()
    _ = try run(parts, Self.solver.replacing("max_iter: 40", with: "max_iter: 15")) {
      $0.best = goal
    }
    let second = try run(parts, Self.solver) {
      $0.best = goal
      $0.snapshot = .automatic
    }
    #expect(second.solver.best == solver.best)
    #expect(
      try parts.data("snap_best.caffemodel") == whole.data("snap_best.caffemodel"))
    #expect(
      try parts.data("snap_iter_40.netrunstate") == whole.data("snap_iter_40.netrunstate"))
  }

  @Test("Where the best is looked for, the last weights are tested too")
  func end() throws {
    let goal = try #require(ScoreGoal("loss:min"))
    for best in [nil, goal] {
      let log = SolverLog()
      var tested: [Int] = []
      log.onEvent = { event in
        if case .tested(let report) = event { tested.append(report.iteration) }
      }
      let text = Self.solver.replacing("max_iter: 40", with: "max_iter: 7")
      _ = try Training.solver(text, in: Scratch(), log: log) { $0.best = best }.solve()
      #expect(tested == (best == nil ? [0, 5] : [0, 5, 7]))
    }
  }

  @Test(
    "A run ends after so many tests without a better one, and has ended when it goes on",
    .timeLimit(.minutes(2)))
  func patience() throws {
    let scratch = try Scratch()
    // The score of a test before any training cannot be beaten where nothing is learned.
    let text = Self.solver.replacing("base_lr: 0.05", with: "base_lr: 0")
      .replacing("type: 'gaussian'", with: "type: 'constant'")
    let goal = try #require(ScoreGoal("loss:min"))
    let constant = text.replacing("type: 'uniform' min: 0 max: 2.99", with: "value: 1")
    let first = try run(scratch, constant) {
      $0.best = goal
      $0.patience = 2
    }
    #expect(first.log.lines.suffix(3).contains("patience 2"))
    #expect(first.log.lines.last == "finished 10")
    #expect(try scratch.files.contains("snap_iter_10.solverstate"))
    let again = try run(scratch, constant) {
      $0.best = goal
      $0.patience = 2
      $0.snapshot = .automatic
    }
    #expect(again.log.lines.last == "finished 10")
    let longer = try run(scratch, constant) {
      $0.best = goal
      $0.patience = 4
      $0.snapshot = .automatic
    }
    #expect(longer.log.lines.last == "finished 20")
  }

  @Test("A test that only the end of a slice makes tries nobody's patience")
  func slices() throws {
    let scratch = try Scratch()
    let goal = try #require(ScoreGoal("loss:min"))
    let constant = Self.solver.replacing("base_lr: 0.05", with: "base_lr: 0")
      .replacing("type: 'gaussian'", with: "type: 'constant'")
      .replacing("type: 'uniform' min: 0 max: 2.99", with: "value: 1")
    for (end, last) in [(6, "finished 6"), (7, "finished 7"), (40, "finished 10")] {
      let text = constant.replacing("max_iter: 40", with: "max_iter: \(end)")
      let part = try run(scratch, text) {
        $0.best = goal
        $0.patience = 2
        if end > 6 { $0.snapshot = .automatic }
      }
      #expect(part.log.lines.last == last)
    }
  }

  @Test("Best weights that are gone, or were told by another score, begin anew and say so")
  func lostBest() throws {
    let scratch = try Scratch()
    let short = Self.solver.replacing("max_iter: 40", with: "max_iter: 10")
    let goal = try #require(ScoreGoal("loss:min"))
    _ = try run(scratch, short) { $0.best = goal }
    let other = try #require(ScoreGoal("loss:max"))
    let changed = try run(scratch, short) {
      $0.best = other
      $0.snapshot = .automatic
    }
    #expect(
      changed.log.remarks.contains { $0.contains("told by loss:min, and is now by loss:max") })
    try FileManager.default.removeItem(atPath: "\(scratch.path)/snap_best.caffemodel")
    let again = try run(scratch, Self.solver) {
      $0.best = goal
      $0.snapshot = .automatic
    }
    #expect(again.log.remarks.contains { $0.contains("snap_best.caffemodel is not there") })
    #expect(try scratch.data("snap_best.caffemodel").count > 0)
  }

  @Test(
    "A run whose time is over takes its last snapshot and test, and goes on where it was",
    .timeLimit(.minutes(2)))
  func timeLimit() throws {
    let whole = try Scratch()
    _ = try run(whole) { _ in }
    let parts = try Scratch()
    // No time at all: each run but the last ends before its first iteration, or after it.
    let first = try run(parts) { $0.timeLimit = 0 }
    #expect(first.log.lines.contains("time limit"))
    #expect(first.log.lines.last == "finished 0")
    #expect(first.log.lines.contains("tested 0 at 0"))
    let second = try run(parts) { $0.snapshot = .automatic }
    #expect(second.log.lines.last == "finished 40")
    #expect(
      try parts.data("snap_iter_40.caffemodel") == whole.data("snap_iter_40.caffemodel"))
  }

  @Test("Of the snapshots that a run writes the newest stay, and those of others too")
  func keep() throws {
    let scratch = try Scratch()
    try scratch.write("mine", "snap_iter_1.solverstate")
    try scratch.write("mine", "snap_iter_35.caffemodel.old")
    _ = try run(scratch, Self.solver + " snapshot: 5") {
      $0.keptSnapshots = 2
      $0.best = ScoreGoal("accuracy:max")
    }
    let names = ["caffemodel", "netrunstate", "solverstate"]
    let wanted =
      [35, 40].flatMap { number in names.map { "snap_iter_\(number).\($0)" } } + [
        "snap_best.caffemodel", "snap_iter_1.solverstate", "snap_iter_35.caffemodel.old",
      ]
    #expect(try scratch.files == wanted.sorted())
  }

  @Test("Passes over the data take the place of max_iter where their size is known")
  func epochs() throws {
    let net = Self.dataNet
    let text = "base_lr: 0.1 lr_policy: 'poly' power: 1 iter_size: 2"
    let solver = try Training.solver(text, net: net) { $0.epochs = 2.5 }
    let records = try #require(solver.trainNet.recordCount)
    #expect(solver.maxIterations == Int((2.5 * Double(records) / 6).rounded(.up)))
    let refused = Training.refused {
      _ = try Training.solver("base_lr: 1 lr_policy: 'fixed'") { $0.epochs = 3 }
    }
    #expect(refused.count == 1 && refused[0].contains("no known size"), "\(refused)")
    #expect(
      Training.refused { _ = try Training.solver(text, net: net) { $0.epochs = 1e12 } }.count == 1)
  }

  @Test(
    "Shuffled data go on as they would have, at any number of threads, and differ from others",
    .timeLimit(.minutes(2)))
  func shuffle() throws {
    func train(
      _ scratch: Scratch, _ iterations: Int, _ threads: Int, auto: Bool = false,
      shuffles: Bool = true
    ) throws -> (Data, [String]) {
      let log = SolverLog()
      let solver = try Training.solver(
        "base_lr: 0.01 lr_policy: 'fixed' max_iter: \(iterations)", net: Self.dataNet, in: scratch,
        threads: threads, log: log
      ) {
        $0.shuffles = shuffles
        if auto { $0.snapshot = .automatic }
      }
      _ = try solver.solve()
      return (try scratch.data("snap_iter_\(iterations).caffemodel"), log.remarks)
    }
    let whole = try train(try Scratch(), 30, 1)
    #expect(try train(try Scratch(), 30, 3).0 == whole.0)
    #expect(try train(try Scratch(), 30, 1, shuffles: false).0 != whole.0)
    let parts = try Scratch()
    _ = try train(parts, 13, 2)
    // A run that goes on knows that it shuffles, as it knows its seed.
    let rest = try train(parts, 30, 1, auto: true, shuffles: false)
    #expect(rest.0 == whole.0 && rest.1.isEmpty, "\(rest.1)")
    let log = SolverLog()
    _ = try Training.solver("base_lr: 1 lr_policy: 'fixed' max_iter: 1", log: log) {
      $0.shuffles = true
    }
    #expect(log.remarks == ["no data layer of the training net has an order to be shuffled"])
  }

  @Test("A score that no test net has is refused, with what there is")
  func unknownScore() throws {
    func refused(_ goal: String, _ text: String = RunLengthTests.solver) -> String {
      Training.refused {
        _ = try Training.solver(text) { $0.best = ScoreGoal(goal) }
      }.joined()
    }
    #expect(refused("acuracy:max").contains("did you mean 'accuracy'?"))
    #expect(refused("nothing:max").contains("outputs are accuracy, loss"))
    let untested = "base_lr: 0.05 lr_policy: 'fixed' max_iter: 4"
    #expect(refused("loss:min", untested).contains("tests no net"))
    #expect(ScoreGoal("accuracy") == nil && ScoreGoal(":max") == nil && ScoreGoal("a:up") == nil)
    let goal = try #require(ScoreGoal("a:b:max"))
    #expect(goal.output == "a:b" && goal.text == "a:b:max")
    #expect(!goal.isBetter(.nan, than: nil) && goal.isBetter(0, than: .nan))
    #expect(goal.isBetter(2, than: 1) && !goal.isBetter(1, than: 1))
  }
}
