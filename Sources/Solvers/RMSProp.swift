import CKernels
import Schema

/// RMSProp (Tieleman and Hinton 2012).
struct RMSProp: UpdateRule {
  static let reference = RuleReference(
    "RMSProp", summary: "RMSProp, of Tieleman and Hinton (2012).",
    formula: """
      h = rms_decay · h + (1 − rms_decay) · g²
      w = w − α · g / (√h + delta)
      """, notes: "`momentum` must not be given.")

  private let delta: Float
  private let rmsDecay: Float

  init(_ message: Message, _ check: inout SettingsCheck) {
    delta = message.float("delta")
    rmsDecay = message.float("rms_decay")
    check.refuseMomentum(Self.type)
    check.fraction("rms_decay", rmsDecay, for: Self.type)
  }

  func constants(iteration: Int) -> nk_update {
    var constants = nk_update()
    constants.delta = delta
    constants.rms_decay = rmsDecay
    return constants
  }

  func update(
    _ weights: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>,
    _ history: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>?), _ step: nk_update,
    count: Int
  ) {
    withUnsafePointer(to: step) { nk_rmsprop_update(weights, history.0, gradient, $0, count) }
  }
}
