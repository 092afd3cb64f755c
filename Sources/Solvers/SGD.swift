import CKernels
import Schema

/// Stochastic gradient descent with momentum, the rate inside the momentum as in Caffe.
struct SGD: UpdateRule {
  static let reference = RuleReference(
    "SGD", summary: "Stochastic gradient descent with momentum.",
    formula: """
      h = momentum · h + α · g
      w = w − h
      """,
    notes: "The rate is inside the momentum: a rate that falls does not make what is in h smaller.")
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
    withUnsafePointer(to: step) { nk_sgd_update(weights, history.0, gradient, $0, count) }
  }
}
