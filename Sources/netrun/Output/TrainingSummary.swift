import Glibc
import Solvers

/// What is known of a training run before its loop begins.
struct RunPlan {
  var lastIteration = 0
  /// Seconds that the run may take.
  var timeLimit: Double?
  /// The score that tells the best weights, and the best of the run that goes on.
  var goal: ScoreGoal?
  var best: BestScore?
  /// The file of the best weights.
  var bestPath = ""
  /// The beginning of the names of all files.
  var prefix = ""
  /// The net that `netrun test` takes, if it is a file.
  var model: String?
}

/// What is told at the end of a training run: scores, files, and what to run next.
struct TrainingSummary {
  var plan = RunPlan()
  /// The outputs that are shares of right answers.
  var accuracies: Set<String> = []

  /// One score of one test net.
  private struct Score {
    let name: String
    let output: String
    var last: BestScore
    var best: BestScore?
  }

  private var scores: [Score] = []
  private var tests: Set<Int> = []
  private var files: [String] = []
  private var weights: String?

  /// Rows of scores, and of files, that are shown at most.
  private static let rows = 12

  // MARK: Collecting

  mutating func add(_ report: TestReport) {
    tests.insert(report.iteration)
    var seen: Set<String> = []
    for output in report.outputs where seen.insert(output.name).inserted {
      let name = report.net > 0 ? "\(output.name) (test #\(report.net))" : output.name
      let score = BestScore(value: output.value, iteration: report.iteration)
      let goal = goal(output)
      if let place = scores.firstIndex(where: { $0.name == name }) {
        scores[place].last = score
        if let goal, goal.isBetter(score.value, than: scores[place].best?.value) {
          scores[place].best = score
        }
      } else {
        var best = goal.map { _ in score }
        if let goal, goal == plan.goal, let before = plan.best,
          !goal.isBetter(score.value, than: before.value)
        {
          best = before
        }
        scores.append(Score(name: name, output: output.name, last: score, best: best))
      }
    }
  }

  /// Which way a score is better, where that can be told.
  private func goal(_ output: OutputValue) -> ScoreGoal? {
    if let goal = plan.goal, goal.output == output.name { return goal }
    if accuracies.contains(output.name) { return ScoreGoal(output: output.name, direction: .max) }
    return output.lossWeight > 0 ? ScoreGoal(output: output.name, direction: .min) : nil
  }

  mutating func add(file path: String, _ kind: SnapshotKind) {
    if kind == .weights { weights = path }
    if kind == .state, let stem = TrainingSummary.stem(ofState: path) {
      add(path)
      add("\(stem).netrunstate")
    } else {
      add(path)
    }
  }

  private mutating func add(_ path: String) {
    files.removeAll { $0 == path }
    files.append(path)
  }

  private static func stem(ofState path: String) -> Substring? {
    [".solverstate", ".solverstate.h5"].first(where: path.hasSuffix).map {
      path.dropLast($0.count)
    }
  }

  // MARK: Telling

  /// A score as it is read best.
  func text(_ value: Float, of output: String) -> String {
    accuracies.contains(output) ? Numbers.percent(Double(value)) : Numbers.general(value)
  }

  /// The tables of scores and files.
  func rendered(_ style: Style, width: Int?) -> String {
    scoreTable(style, width) + fileTable(style, width)
  }

  private func scoreTable(_ style: Style, _ width: Int?) -> String {
    guard let last = scores.map(\.last.iteration).max() else { return "" }
    let hasBest = tests.count > 1 && scores.contains { $0.best != nil }
    var columns: [Table.Column] = [
      .init("test"), .init("iteration \(Numbers.grouped(last))", .right),
    ]
    if hasBest { columns += [.init("best", .right), .init("at iteration", .right)] }
    var table = Table(columns)
    for score in scores.prefix(TrainingSummary.rows) {
      var cells = [score.name, text(score.last.value, of: score.output)]
      if hasBest {
        cells += [
          score.best.map { text($0.value, of: score.output) } ?? "–",
          score.best.map { Numbers.grouped($0.iteration) } ?? "–",
        ]
      }
      table.append(cells)
    }
    return table.rendered(style, width: width)
  }

  private func fileTable(_ style: Style, _ width: Int?) -> String {
    let all = files + ["\(plan.prefix).metrics.jsonl", "\(plan.prefix).metrics.csv"]
    let sizes: [(path: String, size: Int)] = all.compactMap { path in
      var info = stat()
      return stat(path, &info) == 0 ? (path, info.st_size) : nil
    }
    guard !sizes.isEmpty else { return "" }
    var table = Table([.init("file"), .init("size", .right)])
    let shown = sizes.suffix(TrainingSummary.rows)
    if shown.count < sizes.count {
      let rest = sizes.dropLast(shown.count)
      table.append(
        ["\(rest.count) files before these", Numbers.bytes(rest.reduce(0) { $0 + $1.size })],
        isDim: true)
    }
    for (path, size) in shown { table.append([path, Numbers.bytes(size)]) }
    return table.rendered(style, width: width)
  }

  /// The command that tests what was trained, if there is such a thing.
  var next: String? {
    guard let model = plan.model else { return nil }
    let best = plan.goal != nil && FilePath.exists(plan.bestPath) ? plan.bestPath : nil
    return (best ?? weights).map { "netrun test \(model) --weights \($0)" }
  }

  static func text(of reason: EarlyEnd) -> String {
    switch reason {
    case .timeLimit(let seconds):
      "the time of \(Numbers.duration(seconds)) is over; to go on: --resume auto"
    case .patience(let tests):
      "no better test for \(Numbers.count(tests, "test")); to go on: --resume auto and more "
        + "--patience"
    }
  }
}
