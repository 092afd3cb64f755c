import CKernels
import Compute
import Prototxt
import Schema

/// Rectified linear unit, with an optional slope for negative inputs.
///
///     y = max(x, 0) + negative_slope · min(x, 0)
///
/// Shapes: `y` as `x`. Gradient: dx = dy where x > 0, negative_slope · dy elsewhere, also at 0.
///
/// May run in place: while the slope is 0 or more, the sign of `y` tells that of `x`.
final class ReLU: Rectifier {
  static let reference = LayerReference(
    "ReLU", .activation,
    summary: "Rectified linear unit, with an optional slope for negative inputs.",
    formula: "y = max(x, 0) + negative_slope · min(x, 0)", shapes: "y: as x",
    notes: "The gradient at 0 is negative_slope. May run in place while negative_slope ≥ 0.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "relu_param",
        [
          "negative_slope": "What negative inputs are multiplied by.",
          "engine": "Accepted, without effect.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([2, 3, 4])], kinks: [0]),
    LayerSample("relu_param { negative_slope: 0.1 }", bottoms: [.uniform([5, 7])], kinks: [0]),
  ]

  static var runsInPlace: Bool { true }

  /// What negative inputs are multiplied by.
  let negativeSlope: Float
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("relu_param")
    negativeSlope = given.float("negative_slope")
    guard negativeSlope >= 0 || spec.bottoms.first != spec.tops.first else {
      throw spec.error(
        "cannot run in place with a negative_slope below 0", at: given.location("negative_slope"),
        notes: [Note("the top has the bottom's name here", at: spec.message.location("top"))],
        help: "give the top a name of its own: the sign of y would no longer tell that of x")
    }
  }

  var backwardReads: BackwardReads { negativeSlope >= 0 ? .tops : .bottoms }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = bottoms[0].leadingCount
    operations = bottoms[0].count
    return bottoms
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let part = bottom[0].part(samples, of: sampleCount)
    nk_relu_forward(
      top[0].values + part.lowerBound, bottom[0].values + part.lowerBound, negativeSlope,
      part.count)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let part = bottom[0].part(samples, of: sampleCount)
    // Where the slope is 0 or more, y is above 0 where x is.
    let signs = negativeSlope >= 0 ? top[0].values : bottom[0].values
    nk_relu_backward(
      bottom[0].gradient + part.lowerBound, top[0].gradient + part.lowerBound,
      signs + part.lowerBound, negativeSlope, part.count)
  }
}
