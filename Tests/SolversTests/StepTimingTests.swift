import Compute
import Nets
import Schema
import Testing

@testable import Solvers

@Suite("Timing of steps")
struct StepTimingTests {
  private static let text = """
    base_lr: 0.1 lr_policy: 'poly' power: 0.5 max_iter: 2 momentum: 0.9 random_seed: 5
    test_iter: 1 test_interval: 1 display: 1 snapshot: 1 weights: 'nowhere.caffemodel'
    """

  private func message(_ text: String, _ scratch: Scratch) throws -> Message {
    try Training.message(
      "snapshot_prefix: '\(scratch.path)/run' \(text) net_param { \(Training.net) }")
  }

  @Test("Steps that are timed train as all steps do, and write, test and show nothing")
  func steps() throws {
    let scratch = try Scratch()
    var events: [String] = []
    var options = Solver.Options()
    options.threads = 1
    options.observe = { event in
      if case .step = event { return }
      events.append(String("\(event)".prefix { $0 != "(" }))
    }
    let timed = try Solver(
      timing: message(Self.text, scratch), path: nil, steps: 4, options: options)
    let seconds = try timed.timeSteps(1) + timed.timeSteps(3)
    #expect(seconds.count == 4 && seconds.allSatisfy { $0 >= 0 })
    #expect(timed.iteration == 4 && timed.testNets.isEmpty)
    #expect(events == ["built"])
    #expect(try scratch.files.isEmpty)

    let plain = """
      base_lr: 0.1 lr_policy: 'poly' power: 0.5 max_iter: 4 momentum: 0.9 random_seed: 5
      snapshot_after_train: false
      """
    options.observe = { _ in }
    let trained = try Solver(message(plain, scratch), path: nil, options: options)
    _ = try trained.solve()
    let weights = [timed, trained].map { $0.trainNet.parameters.map(\.blob.array) }
    #expect(weights[0] == weights[1])
  }

  @Test("A run whose numbers overflow is timed all the same")
  func overflow() throws {
    let scratch = try Scratch()
    let text = "base_lr: 1e30 lr_policy: 'fixed' max_iter: 3 random_seed: 5"
    var options = Solver.Options()
    options.threads = 1
    let solver = try Solver(timing: message(text, scratch), path: nil, steps: 3, options: options)
    #expect(try solver.timeSteps(3).count == 3)
  }
}
