import Compute
import Glibc
import Prototxt
import Schema

/// How the learning rate goes: Caffe's seven policies and two of our own, perhaps after a warm-up.
///
/// The formulas are those of `PolicyReference.all`. Before iteration `warmup_iter` the rate rises in
/// a straight line from `warmup_start_lr` to `base_lr`, whatever the policy; the policy's own t is
/// the iteration all the same, so that a warm-up moves none of its steps.
struct RatePolicy {
  /// How far a policy has come: all that a run must keep to go on exactly.
  struct Progress: Equatable {
    /// The step that `step`, `multistep` or `plateau` has reached; Caffe's current_step.
    var step = 0
    /// The least smoothed loss that `plateau` has seen.
    var minimumLoss = Float.infinity
    /// The iteration of that minimum, or of the last step of `plateau` if that was later.
    var lastEvent = 0
  }

  let name: String
  private let base: Float
  private let gamma: Float
  private let power: Float
  private let stepSize: Int
  private let stepValues: [Int]
  private let maxIterations: Int
  private let warmupIterations: Int
  private let warmupStart: Float
  private let least: Float
  private let windows: [Int]

  init(_ message: Message, _ check: inout SettingsCheck) {
    name = message.string("lr_policy")
    base = message.float("base_lr")
    gamma = message.float("gamma")
    power = message.float("power")
    stepSize = message.int("stepsize")
    stepValues = message.ints("stepvalue")
    maxIterations = message.int("max_iter")
    warmupIterations = message.int("warmup_iter")
    warmupStart = message.float("warmup_start_lr")
    least = message.float("min_lr")
    windows = message.ints("plateau_winsize")
    checkFields(&check)
  }

  /// Whether the policy goes by the losses, so that they belong to a run's state.
  var watchesLoss: Bool { name == "plateau" }

  /// The rate of an iteration; `progress` goes on with it.
  ///
  /// - Parameters:
  ///   - iteration: The iteration, counted from 0.
  ///   - smoothedLoss: The mean of the last losses, this iteration's included.
  ///   - progress: How far the policy has come.
  /// - Returns: the rate, and whether a step by `multistep` or `plateau` has just been taken.
  func rate(
    at iteration: Int, smoothedLoss: Float, progress: inout Progress
  ) -> (rate: Float, advanced: Bool) {
    let policy = policyRate(at: iteration, smoothedLoss, &progress)
    guard iteration < warmupIterations else { return policy }
    let share = Float(iteration) / Float(warmupIterations)
    return (warmupStart + (base - warmupStart) * share, policy.advanced)
  }

  private func policyRate(
    at iteration: Int, _ smoothedLoss: Float, _ progress: inout Progress
  ) -> (rate: Float, advanced: Bool) {
    let t = Float(iteration)
    switch name {
    case "step":
      progress.step = iteration / max(1, stepSize)
      return (base * powf(gamma, Float(progress.step)), false)
    case "exp": return (base * powf(gamma, t), false)
    case "inv": return (base * powf(1 + gamma * t, -power), false)
    case "multistep":
      let advanced = progress.step < stepValues.count && iteration >= stepValues[progress.step]
      if advanced { progress.step += 1 }
      return (base * powf(gamma, Float(progress.step)), advanced)
    case "poly": return (base * powf(1 - t / Float(max(1, maxIterations)), power), false)
    case "sigmoid": return (base * (1 / (1 + expf(-gamma * (t - Float(stepSize))))), false)
    case "cosine":
      let share = Double(iteration) / Double(max(1, maxIterations))
      return (least + (base - least) * Float((1 + cos(.pi * share)) / 2), false)
    case "plateau": return plateau(at: iteration, smoothedLoss, &progress)
    default: return (base, false)
    }
  }

  /// Takes a step when the smoothed loss has had no new minimum for long enough.
  ///
  /// The losses of a warm-up do not count: a rate that is still small says nothing of the full one.
  private func plateau(
    at iteration: Int, _ smoothedLoss: Float, _ progress: inout Progress
  ) -> (rate: Float, advanced: Bool) {
    var advanced = false
    if iteration < warmupIterations {
      progress.lastEvent = iteration
    } else if smoothedLoss < progress.minimumLoss {
      progress.minimumLoss = smoothedLoss
      progress.lastEvent = iteration
    } else if progress.step < windows.count,
      iteration - progress.lastEvent >= windows[progress.step]
    {
      progress.step += 1
      progress.lastEvent = iteration
      advanced = true
    }
    return (max(least, base * powf(gamma, Float(progress.step))), advanced)
  }
}

extension RatePolicy.Progress {
  /// Writes to a `RunState` what Caffe's own state has no place for.
  func save(to state: inout Message) {
    if minimumLoss.isFinite { state.set("minimum_loss", float: minimumLoss) }
    state.set("last_event", int: lastEvent)
  }

  /// Goes on from a `RunState`; the step comes from Caffe's state.
  mutating func restore(from state: Message) {
    if state.has("minimum_loss") { minimumLoss = state.float("minimum_loss") }
    lastEvent = state.int("last_event")
  }
}
