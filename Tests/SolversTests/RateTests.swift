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
    var progress = RatePolicy.Progress()
    return (0..<count).map {
      policy.rate(at: $0, smoothedLoss: 1, progress: &progress).rate
    }
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
    try expect("lr_policy: 'cosine' base_lr: 0.3 min_lr: 0.02 max_iter: 60") {
      0.02 + 0.28 * (1 + cos(.pi * $0 / 60)) / 2
    }
    try expect("lr_policy: 'cosine' base_lr: 0.3 max_iter: 80") {
      0.3 * (1 + cos(.pi * $0 / 80)) / 2
    }
  }

  @Test("A warm-up comes before any policy, and moves none of its steps")
  func warmup() throws {
    let warm = " warmup_iter: 8 warmup_start_lr: 0.06"
    func line(_ t: Double) -> Double { 0.06 + 0.24 * t / 8 }
    try expect("lr_policy: 'fixed' base_lr: 0.3" + warm) { $0 < 8 ? line($0) : 0.3 }
    try expect("lr_policy: 'fixed' base_lr: 0.3 warmup_iter: 5") { 0.3 * min(1, $0 / 5) }
    try expect("lr_policy: 'poly' base_lr: 0.3 power: 2 max_iter: 60" + warm) {
      $0 < 8 ? line($0) : 0.3 * pow(1 - $0 / 60, 2)
    }
    try expect("lr_policy: 'cosine' base_lr: 0.3 max_iter: 60" + warm) {
      $0 < 8 ? line($0) : 0.3 * (1 + cos(.pi * $0 / 60)) / 2
    }
    try expect(
      "lr_policy: 'multistep' base_lr: 0.3 gamma: 0.5 stepvalue: 5 stepvalue: 20" + warm
    ) { $0 < 8 ? line($0) : $0 < 20 ? 0.15 : 0.075 }
  }

  /// The rates of plateau for given losses, and the iterations at which it took a step.
  private func plateau(_ text: String, _ losses: [Float]) throws -> (rates: [Float], steps: [Int]) {
    let message = try Training.message("lr_policy: 'plateau' base_lr: 8 gamma: 0.5 \(text)")
    var check = SettingsCheck(message)
    let policy = RatePolicy(message, &check)
    #expect(check.diagnostics.all.isEmpty)
    var progress = RatePolicy.Progress()
    var steps: [Int] = []
    let rates = losses.enumerated().map { iteration, loss in
      let (rate, advanced) = policy.rate(
        at: iteration, smoothedLoss: loss, progress: &progress)
      if advanced { steps.append(iteration) }
      return rate
    }
    return (rates, steps)
  }

  @Test("plateau steps when the loss has had no new minimum, once for each window")
  func plateau() throws {
    // Minima at 0, 1, 2; nothing new for 3 iterations after 2, then for 2 after the step at 5.
    let losses: [Float] = [9, 8, 7, 7, 8, 7, 7.5, 7, 7, 7, 7, 7, 7]
    let found = try plateau("plateau_winsize: 3 plateau_winsize: 2", losses)
    #expect(found.rates == [8, 8, 8, 8, 8, 4, 4, 2, 2, 2, 2, 2, 2])
    #expect(found.steps == [5, 7])
    // A new minimum begins the wait anew.
    let better = try plateau("plateau_winsize: 3", [9, 9, 9, 8, 8, 8, 8, 8])
    #expect(better.steps == [6])
    let falling = try plateau("plateau_winsize: 1", (0..<20).map { -Float($0) })
    #expect(falling.steps.isEmpty && falling.rates.allSatisfy { $0 == 8 })
    // The least rate.
    let least = try plateau("plateau_winsize: [1, 1, 1, 1] min_lr: 3", [1, 1, 1, 1, 1, 1])
    #expect(least.rates == [8, 4, 3, 3, 3, 3])
    #expect(least.steps == [1, 2, 3, 4])
  }

  @Test("Losses of a warm-up do not count for plateau")
  func plateauAfterWarmup() throws {
    let losses: [Float] = [1, 1, 1, 1, 5, 5, 5, 5]
    let found = try plateau("plateau_winsize: 2 warmup_iter: 4", losses)
    #expect(found.rates == [0, 2, 4, 6, 8, 8, 4, 4])
    #expect(found.steps == [6])
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
          + "multistep, poly, sigmoid, cosine, plateau"
      ])
  }

  @Test("Fields of our own that are missing, out of range, or contradict others")
  func ownFields() throws {
    func told(_ text: String) -> [String] {
      Training.refused {
        _ = try SolverSettings(try Training.message("base_lr: 0.5 max_iter: 100 \(text)"))
      }
    }
    #expect(
      told("lr_policy: 'plateau'") == [
        "lr_policy: \"plateau\" needs gamma | add gamma: …",
        "lr_policy: \"plateau\" needs plateau_winsize | add plateau_winsize: …",
      ])
    #expect(
      told("lr_policy: 'plateau' gamma: 1.5 plateau_winsize: 3 plateau_winsize: 0 min_lr: 0.6") == [
        "min_lr is 0.6, but must not be above base_lr, 0.5",
        "plateau_winsize is 0, but must be 1 or more",
        "gamma is 1.5, but must be below 1 for plateau: the rate is to fall",
      ])
    #expect(told("lr_policy: 'cosine' min_lr: -1") == ["min_lr is -1.0, but must be 0 or more"])
    #expect(
      told("lr_policy: 'fixed' warmup_iter: -1 warmup_start_lr: -2") == [
        "warmup_iter is -1, but must be 0 or more",
        "warmup_start_lr is -2.0, but must be 0 or more",
      ])
    #expect(
      told("lr_policy: 'fixed' warmup_start_lr: 0.1") == [
        "warmup_start_lr is given without warmup_iter | "
          + "add warmup_iter: the iterations until the rate is base_lr"
      ])
    #expect(
      told("lr_policy: 'fixed' warmup_iter: 5 warmup_start_lr: 0.7") == [
        "warmup_start_lr is 0.7, but must not be above base_lr, 0.5, to which the rate rises"
      ])
    #expect(
      told("lr_policy: 'fixed' type: 'AdamW' momentum2: 1") == [
        "momentum2 is 1.0, but must be at least 0 and below 1 for AdamW",
        "AdamW needs momentum, its β₁ | add momentum: 0.9",
      ])
    let warned = try SolverSettings(
      try Training.message(
        "base_lr: 1 max_iter: 9 lr_policy: 'exp' gamma: 0.9 min_lr: 0.1 plateau_winsize: 3 "
          + "warmup_iter: 9")
    ).warnings
    #expect(
      warned.map(\.message) == [
        "the warm-up of 9 iterations is not over before max_iter, 9: the rate never reaches base_lr",
        "min_lr has no effect with lr_policy: \"exp\": only cosine and plateau have a least rate",
        "plateau_winsize has no effect with lr_policy: \"exp\"",
      ])
    #expect(warned.allSatisfy { $0.location != nil && $0.severity == .warning })
    let log = SolverLog()
    _ = try Training.solver(
      "base_lr: 1 max_iter: 9 lr_policy: 'fixed' min_lr: 0.1", log: log)
    #expect(log.lines.contains("warning"))
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
