import Foundation
import Prototxt
import Schema
import Testing

@testable import Solvers

@Suite("Learning rates")
struct RateTests {
  private func rates(_ text: String, _ count: Int) throws -> [Float] {
    let message = try Training.message(text)
    var check = SettingsCheck(message)
    let policy = RatePolicy(message, &check)
    #expect(check.diagnostics.all.isEmpty)
    var step = 0
    return (0..<count).map { policy.rate(at: $0, step: &step).rate }
  }

  private func expect(
    _ text: String, sourceLocation: SourceLocation = #_sourceLocation, _ formula: (Double) -> Double
  ) throws {
    for (iteration, rate) in try rates(text, 60).enumerated() {
      let want = formula(Double(iteration))
      #expect(
        abs(Double(rate) - want) <= 2e-6 * max(want, 1e-3), "\(iteration)",
        sourceLocation: sourceLocation)
    }
  }

  @Test("The formulas of all policies")
  func formulas() throws {
    try expect("lr_policy: 'fixed' base_lr: 0.3") { _ in 0.3 }
    try expect("lr_policy: 'step' base_lr: 0.3 gamma: 0.5 stepsize: 7") {
      0.3 * pow(0.5, floor($0 / 7))
    }
    try expect("lr_policy: 'exp' base_lr: 0.3 gamma: 0.9") { 0.3 * pow(0.9, $0) }
    try expect("lr_policy: 'inv' base_lr: 0.3 gamma: 0.1 power: 0.75") {
      0.3 * pow(1 + 0.1 * $0, -0.75)
    }
    try expect("lr_policy: 'poly' base_lr: 0.3 power: 2 max_iter: 60") {
      0.3 * pow(1 - $0 / 60, 2)
    }
    try expect("lr_policy: 'sigmoid' base_lr: 0.3 gamma: 0.2 stepsize: 20") {
      0.3 / (1 + exp(-0.2 * ($0 - 20)))
    }
    try expect(
      "lr_policy: 'multistep' base_lr: 0.3 gamma: 0.5 stepvalue: 5 stepvalue: 9 stepvalue: 30"
    ) { 0.3 * pow(0.5, $0 < 5 ? 0 : $0 < 9 ? 1 : $0 < 30 ? 2 : 3) }
  }

  @Test("multistep takes one step an iteration at most")
  func repeatedSteps() throws {
    let text = "lr_policy: 'multistep' base_lr: 8 gamma: 0.5 stepvalue: 2 stepvalue: 2 stepvalue: 2"
    #expect(try rates(text, 7) == [8, 8, 4, 2, 1, 1, 1])
  }

  @Test("A policy without what it needs")
  func missing() {
    func refused(_ policy: String) -> [String] {
      Training.refused {
        _ = try SolverSettings(try Training.message("base_lr: 1 max_iter: 1 \(policy)"))
      }
    }
    #expect(
      refused("lr_policy: 'step'") == [
        "lr_policy: \"step\" needs gamma | add gamma: …",
        "lr_policy: \"step\" needs stepsize | add stepsize: …",
      ])
    #expect(
      refused("lr_policy: 'step' gamma: 0.5 stepsize: 0")
        == ["stepsize is 0, but lr_policy: \"step\" needs 1 or more"])
    #expect(
      refused("lr_policy: 'inv' gamma: -1")
        == [
          "lr_policy: \"inv\" needs power | add power: …",
          "gamma is -1.0, but must be 0 or more",
        ])
    #expect(
      refused("lr_policy: 'multistep' gamma: 0.1") == [
        "lr_policy: \"multistep\" needs stepvalue | add stepvalue: …"
      ])
    #expect(
      refused("lr_policy: 'multistep' gamma: 0.1 stepvalue: 5 stepvalue: 3")
        == ["the values of stepvalue fall | give them in rising order"])
    #expect(
      refused("lr_policy: 'stepp' gamma: 0.1") == [
        "unknown lr_policy 'stepp' | did you mean 'step'? | known are fixed, step, exp, inv, "
          + "multistep, poly, sigmoid"
      ])
  }

  @Test("The mean of the last losses, by Caffe's arithmetic")
  func lossWindow() {
    var window = LossWindow(size: 3)
    // As Caffe's source has it: a running mean while it fills, then differences.
    var mean: Float = 0
    var kept: [Float] = []
    for iteration in 0..<20 {
      let loss = Float(iteration * iteration % 7) + 0.1
      if kept.count < 3 {
        kept.append(loss)
        let size = Float(kept.count)
        mean = (mean * (size - 1) + loss) / size
      } else {
        let index = iteration % 3
        mean += (loss - kept[index]) / 3
        kept[index] = loss
      }
      window.add(loss)
      #expect(window.mean == mean)
    }
    var state = Message("RunState")
    window.save(to: &state)
    var other = LossWindow(size: 3)
    other.restore(from: state)
    window.add(5)
    other.add(5)
    #expect(window.mean == other.mean)
    var larger = LossWindow(size: 9)
    larger.restore(from: state)
    larger.add(2)
    #expect(larger.mean == 2)
  }

  @Test("A window of any size takes memory only for losses there are")
  func hugeWindow() {
    var window = LossWindow(size: Int(Int32.max))
    for _ in 0..<10 { window.add(1) }
    #expect(window.mean == 1)
  }
}
