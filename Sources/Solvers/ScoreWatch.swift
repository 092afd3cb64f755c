import Compute
import Nets
import Prototxt
import Schema

/// Follows one score of the tests: the best so far, and how many tests have come since.
struct ScoreWatch {
  let goal: ScoreGoal
  /// The test net that has the score.
  let net: Int
  private(set) var best: BestScore?
  private(set) var testsSinceBest = 0
  /// The iteration of the last test that was judged: one that is made again does not count twice.
  private var lastTest = -1

  /// Looks for the score among the outputs of test nets.
  ///
  /// - Throws: a diagnostic that names the outputs there are.
  init(_ goal: ScoreGoal, _ tests: [Net]) throws(Diagnostic) {
    self.goal = goal
    guard !tests.isEmpty else {
      throw .error(
        "the best weights cannot be told by '\(goal.output)': the solver tests no net",
        help: "give the solver test_iter and test_interval")
    }
    let number = tests.firstIndex { $0.outputs.contains { $0.name == goal.output } }
    guard let number, let blob = tests[number].outputs.first(where: { $0.name == goal.output })
    else {
      var names: [String] = []
      for net in tests {
        for blob in net.outputs where !names.contains(blob.name) { names.append(blob.name) }
      }
      throw .error(
        "no test net has an output '\(goal.output)' to tell the best weights by",
        help: (closestMatch(to: goal.output, in: names).map { "did you mean '\($0)'? " } ?? "")
          + "outputs are \(names.joined(separator: ", "))")
    }
    guard blob.count == 1 else {
      throw .error(
        "output '\(goal.output)' has \(blob.count) values, but the best weights are told by one",
        help: "name an output of one value")
    }
    net = number
  }

  /// Judges a test; whether it is the best so far.
  func isBest(_ outputs: [OutputValue], net: Int, iteration: Int) -> Bool {
    guard net == self.net, iteration > lastTest, let value = score(outputs) else { return false }
    return goal.isBetter(value, than: best?.value)
  }

  /// Counts a test that has been judged.
  ///
  /// A test that is not due, made because the run ends, may be the best, but tries nobody's patience: a
  /// run that goes on in slices would else end sooner than one that goes on at once.
  mutating func count(
    _ outputs: [OutputValue], net: Int, iteration: Int, isBest: Bool, isDue: Bool
  ) {
    guard net == self.net, iteration > lastTest, let value = score(outputs) else { return }
    if isBest { best = BestScore(value: value, iteration: iteration) }
    guard isDue else { return }
    lastTest = iteration
    testsSinceBest = isBest ? 0 : testsSinceBest + 1
  }

  /// Forgets the best so far: its weights are no more.
  mutating func forgetBest() { best = nil }

  private func score(_ outputs: [OutputValue]) -> Float? {
    outputs.first { $0.name == goal.output }?.value
  }

  // MARK: State

  /// Writes what it knows to a `RunState`.
  func save(to state: inout Message) {
    state.set("best_by", string: goal.text)
    if let best {
      state.set("best_value", float: best.value)
      state.set("best_iteration", int: best.iteration)
    }
    state.set("tests_since_best", int: testsSinceBest)
    if lastTest >= 0 { state.set("last_test", int: lastTest) }
  }

  /// Goes on from a `RunState`, if it is of the same score.
  mutating func restore(from state: Message) {
    guard state.string("best_by") == goal.text else { return }
    if state.has("best_value"), state.has("best_iteration") {
      best = BestScore(value: state.float("best_value"), iteration: state.int("best_iteration"))
    }
    testsSinceBest = state.int("tests_since_best")
    if state.has("last_test") { lastTest = state.int("last_test") }
  }
}
