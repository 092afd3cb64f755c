import Compute
import Glibc
import Prototxt
import Schema

/// How the learning rate falls: Caffe's seven policies.
///
/// With t the iteration, b the base rate, γ `gamma` and p `power`:
///
///     fixed      b
///     step       b · γ^⌊t / stepsize⌋
///     exp        b · γ^t
///     inv        b · (1 + γ t)^−p
///     multistep  b · γ^s, s the steps reached, at most one more at each iteration
///     poly       b · (1 − t / max_iter)^p
///     sigmoid    b / (1 + e^(−γ (t − stepsize)))
struct RatePolicy {
  static let names = ["fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid"]

  let name: String
  private let base: Float
  private let gamma: Float
  private let power: Float
  private let stepSize: Int
  private let stepValues: [Int]
  private let maxIterations: Int

  init(_ message: Message, _ check: inout SettingsCheck) {
    name = message.string("lr_policy")
    base = message.float("base_lr")
    gamma = message.float("gamma")
    power = message.float("power")
    stepSize = message.int("stepsize")
    stepValues = message.ints("stepvalue")
    maxIterations = message.int("max_iter")
    guard message.has("lr_policy") else { return }
    check.choice("lr_policy", name, Self.names)
    if base < 0 { check.fail("base_lr is \(base), but must be 0 or more", "base_lr") }
    for field in Self.needed[name, default: []] where !message.has(field) {
      check.fail(
        "lr_policy: \"\(name)\" needs \(field)", "lr_policy", help: "add \(field): …")
    }
    if name == "step", message.has("stepsize"), stepSize < 1 {
      check.fail("stepsize is \(stepSize), but lr_policy: \"step\" needs 1 or more", "stepsize")
    }
    if ["step", "exp", "inv", "multistep", "sigmoid"].contains(name), gamma < 0 {
      check.fail("gamma is \(gamma), but must be 0 or more", "gamma")
    }
    if zip(stepValues, stepValues.dropFirst()).contains(where: >) {
      check.fail(
        "the values of stepvalue fall", "stepvalue", help: "give them in rising order")
    }
  }

  private static let needed: [String: [String]] = [
    "step": ["gamma", "stepsize"], "exp": ["gamma"], "inv": ["gamma", "power"],
    "multistep": ["gamma", "stepvalue"], "poly": ["power"], "sigmoid": ["gamma", "stepsize"],
  ]

  /// The rate of an iteration; `step` is what `multistep` has reached, and `step` notes there.
  ///
  /// - Returns: the rate, and whether `multistep` has just advanced.
  func rate(at iteration: Int, step: inout Int) -> (rate: Float, advanced: Bool) {
    let t = Float(iteration)
    switch name {
    case "step":
      step = iteration / max(1, stepSize)
      return (base * powf(gamma, Float(step)), false)
    case "exp": return (base * powf(gamma, t), false)
    case "inv": return (base * powf(1 + gamma * t, -power), false)
    case "multistep":
      let advanced = step < stepValues.count && iteration >= stepValues[step]
      if advanced { step += 1 }
      return (base * powf(gamma, Float(step)), advanced)
    case "poly": return (base * powf(1 - t / Float(max(1, maxIterations)), power), false)
    case "sigmoid": return (base * (1 / (1 + expf(-gamma * (t - Float(stepSize))))), false)
    default: return (base, false)
    }
  }
}
