import CKernels
import Schema

/// AdaGrad, of Duchi, Hazan and Singer (2011).
struct AdaGrad: UpdateRule {
  static let reference = RuleReference(
    "AdaGrad", summary: "AdaGrad, of Duchi, Hazan and Singer (2011).",
    formula: """
      h = h + g²
      w = w − α · g / (√h + delta)
      """, notes: "`momentum` must not be given.")

  private let delta: Float

  init(_ message: Message, _ check: inout SettingsCheck) {
    delta = message.float("delta")
    check.refuseMomentum(Self.type)
  }

  func constants(iteration: Int) -> nk_update {
    var constants = nk_update()
    constants.delta = delta
    return constants
  }

  func update(
    _ weights: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>,
    _ history: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>?), _ step: nk_update,
    count: Int
  ) {
    withUnsafePointer(to: step) { nk_adagrad_update(weights, history.0, gradient, $0, count) }
  }
}
