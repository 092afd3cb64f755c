import CKernels
import Schema

/// Nesterov's accelerated gradient, in the form that Caffe uses.
struct Nesterov: UpdateRule {
  static let reference = RuleReference(
    "Nesterov", summary: "Nesterov's accelerated gradient.",
    formula: """
      h' = momentum · h + α · g
      w = w − ((1 + momentum) · h' − momentum · h)
      """)
  static let rests = true

  private let momentum: Float

  init(_ message: Message, _ check: inout SettingsCheck) {
    momentum = message.float("momentum")
  }

  func constants(iteration: Int) -> nk_update {
    var constants = nk_update()
    constants.momentum = momentum
    return constants
  }

  func update(
    _ weights: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>,
    _ history: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>?), _ step: nk_update,
    count: Int
  ) {
    withUnsafePointer(to: step) { nk_nesterov_update(weights, history.0, gradient, $0, count) }
  }
}
