import CKernels
import Glibc
import Schema

/// Adam (Kingma and Ba 2014), as Caffe has it; β₁ is `momentum`, β₂ `momentum2`.
struct Adam: UpdateRule {
  static let reference = RuleReference(
    "Adam", summary: "Adam, of Kingma and Ba (2014).",
    formula: """
      m = β₁ · m + (1 − β₁) · g
      v = β₂ · v + (1 − β₂) · g²
      w = w − α · √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + delta),   t = iteration + 1
      """,
    notes: "β₁ is `momentum`, which is 0 unless it is given (0.9 is usual), and β₂ is `momentum2`. "
      + "As in Caffe, weight decay is part of g, and delta is added to the uncorrected √v.")
  static let historyCount = 2

  private let momentum: Float
  private let momentum2: Float
  private let delta: Float

  init(_ message: Message, _ check: inout SettingsCheck) {
    momentum = message.float("momentum")
    momentum2 = message.float("momentum2")
    delta = message.float("delta")
    check.fraction("momentum", momentum, for: Self.type)
    check.fraction("momentum2", momentum2, for: Self.type)
  }

  func constants(iteration: Int) -> nk_update {
    var constants = nk_update()
    let t = Double(iteration + 1)
    let correction = (1 - pow(Double(momentum2), t)).squareRoot() / (1 - pow(Double(momentum), t))
    constants.momentum = momentum
    constants.momentum2 = momentum2
    constants.delta = delta
    constants.correction = Float(correction)
    return constants
  }

  func update(
    _ weights: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>,
    _ history: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>?), _ step: nk_update,
    count: Int
  ) {
    guard let second = history.1 else { return }
    withUnsafePointer(to: step) {
      nk_adam_update(weights, history.0, second, gradient, $0, count)
    }
  }
}
