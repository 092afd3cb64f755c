import CKernels
import Compute
import Prototxt
import Schema

/// Exponential linear unit: saturates smoothly for negative inputs.
///
///     y = x where x > 0, alpha · (eˣ − 1) elsewhere
///
/// Shapes: `y` as `x`. Gradient: dx = dy where x > 0, (alpha + y) · dy elsewhere, also at 0.
///
/// May run in place: while alpha is 0 or more, the sign of `y` tells that of `x`.
///
/// From Clevert et al. 2016.
final class ELU: SampleLayer {
  static let reference = LayerReference(
    "ELU", .activation,
    summary: "Exponential linear unit: saturates smoothly for negative inputs.",
    formula: "y = x where x > 0, alpha · (eˣ − 1) elsewhere", shapes: "y: as x",
    notes: "The gradient at 0 is alpha. May run in place while alpha ≥ 0.",
    arity: .oneToOne,
    parameters: [
      ParameterTable("elu_param", ["alpha": "What y tends to, with a minus, for small inputs."])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([2, 3, 4])], kinks: [0]),
    LayerSample("elu_param { alpha: 0.4 }", bottoms: [.range([5, 7], -4...2)], kinks: [0]),
    LayerSample("elu_param { alpha: 0 }", bottoms: [.uniform([8])], kinks: [0]),
  ]
  static var runsInPlace: Bool { true }

  private let alpha: Float
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("elu_param")
    alpha = given.float("alpha")
    guard alpha >= 0 || spec.bottoms.first != spec.tops.first else {
      throw spec.error(
        "cannot run in place with an alpha below 0", at: given.location("alpha"),
        notes: [Note("the top has the bottom's name here", at: spec.message.location("top"))],
        help: "give the top a name of its own: the sign of y would no longer tell that of x")
    }
  }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = bottoms[0].leadingCount
    operations = 3 * bottoms[0].count
    return bottoms
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let part = bottom[0].part(samples, of: sampleCount)
    nk_elu_forward(
      top[0].values + part.lowerBound, bottom[0].values + part.lowerBound, alpha, part.count)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let part = bottom[0].part(samples, of: sampleCount)
    nk_elu_backward(
      bottom[0].gradient + part.lowerBound, top[0].gradient + part.lowerBound,
      top[0].values + part.lowerBound, bottom[0].values + part.lowerBound, alpha, part.count)
  }
}
