import CKernels
import Glibc
import Schema

/// Adam with decoupled weight decay (Loshchilov and Hutter 2017), which Caffe does not have.
///
/// The formula is the paper's, so `delta` is added to the corrected √v̂: `Adam` here is Caffe's, with
/// decay in the gradient and `delta` beside the plain √v.
struct AdamW: UpdateRule {
  static let reference = RuleReference(
    "AdamW",
    summary:
      "Adam with decoupled weight decay, of Loshchilov and Hutter (2017): the decay takes its "
      + "share of the weight itself and does not pass through the means.",
    formula: """
      m = β₁ · m + (1 − β₁) · g,   m̂ = m / (1 − β₁ᵗ)
      v = β₂ · v + (1 − β₂) · g²,  v̂ = v / (1 − β₂ᵗ),   t = iteration + 1
      w = w − α · (m̂ / (√v̂ + delta) + decay)
      """,
    notes: "β₁ is `momentum`, which must be given; β₂ is `momentum2`. Here g is without decay.",
    isExtension: true)
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
    if !message.has("momentum") {
      check.fail("AdamW needs momentum, its β₁", "type", help: "add momentum: 0.9")
    }
  }

  func constants(iteration: Int) -> nk_update {
    var constants = nk_update()
    let t = Double(iteration + 1)
    // m̂ / (√v̂ + δ) = √r / (1 − β₁ᵗ) · m / (√v + √r · δ), with r = 1 − β₂ᵗ.
    let root = (1 - pow(Double(momentum2), t)).squareRoot()
    constants.momentum = momentum
    constants.momentum2 = momentum2
    constants.delta = Float(root * Double(delta))
    constants.correction = Float(root / (1 - pow(Double(momentum), t)))
    return constants
  }

  func update(
    _ weights: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>,
    _ history: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>?), _ step: nk_update,
    count: Int
  ) {
    guard let second = history.1 else { return }
    withUnsafePointer(to: step) {
      nk_adamw_update(weights, history.0, second, gradient, $0, count)
    }
  }
}
