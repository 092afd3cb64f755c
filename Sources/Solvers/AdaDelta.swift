import CKernels
import Schema

/// AdaDelta (Zeiler 2012); `momentum` is the decay of both means.
struct AdaDelta: UpdateRule {
  static let reference = RuleReference(
    "AdaDelta", summary: "AdaDelta, of Zeiler (2012); m is `momentum`, the decay of both means.",
    formula: """
      h₁ = m · h₁ + (1 − m) · g²
      u  = g · √((h₂ + delta) / (h₁ + delta))
      h₂ = m · h₂ + (1 − m) · u²
      w  = w − α · u
      """)
  static let historyCount = 2

  private let momentum: Float
  private let delta: Float

  init(_ message: Message, _ check: inout SettingsCheck) {
    momentum = message.float("momentum")
    delta = message.float("delta")
  }

  func constants(iteration: Int) -> nk_update {
    var constants = nk_update()
    constants.momentum = momentum
    constants.delta = delta
    return constants
  }

  func update(
    _ weights: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>,
    _ history: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>?), _ step: nk_update,
    count: Int
  ) {
    guard let second = history.1 else { return }
    withUnsafePointer(to: step) {
      nk_adadelta_update(weights, history.0, second, gradient, $0, count)
    }
  }
}
