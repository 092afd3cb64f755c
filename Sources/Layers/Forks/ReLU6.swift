import CKernels
import Compute
import Prototxt
import Schema

/// Rectified linear unit that ends at 6, of MobileNet v2's forks.
///
///     y = min(max(x, 0), 6) + negative_slope · min(x, 0)
///
/// Shapes: `y` as `x`. Gradient: dx = dy where 0 < x < 6, 0 from 6 on, negative_slope · dy elsewhere.
///
/// May run in place: `y` tells on which side of 0 and 6 `x` was.
final class ReLU6: SampleLayer {
  static let reference = LayerReference(
    "ReLU6", .activation,
    summary: "Rectified linear unit that ends at 6.",
    formula: "y = min(max(x, 0), 6) + negative_slope · min(x, 0)", shapes: "y: as x",
    notes: "Of the forks for MobileNet v2. The gradient at 0 is negative_slope, at 6 it is 0. May "
      + "run in place while negative_slope ≥ 0.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "relu_param",
        [
          "negative_slope": "What negative inputs are multiplied by.",
          "engine": "Accepted, without effect.",
        ])
    ], isExtension: true)
  static let samples = [
    LayerSample("", bottoms: [.range([2, 3, 4], -3...9)], kinks: [0, 6]),
    LayerSample(
      "relu_param { negative_slope: 0.1 }", bottoms: [.range([5, 7], -3...9)], kinks: [0, 6]),
  ]
  static var runsInPlace: Bool { true }

  private let slope: Float
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("relu_param")
    slope = given.float("negative_slope")
    guard slope >= 0 || spec.bottoms.first != spec.tops.first else {
      throw spec.error(
        "cannot run in place with a negative_slope below 0", at: given.location("negative_slope"),
        help: "give the top a name of its own: the sign of y would no longer tell that of x")
    }
  }

  var backwardReads: BackwardReads { .bottoms }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = bottoms[0].leadingCount
    operations = 2 * bottoms[0].count
    return bottoms
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let part = bottom[0].part(samples, of: sampleCount)
    nk_relu6_forward(
      top[0].values + part.lowerBound, bottom[0].values + part.lowerBound, slope, part.count)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let part = bottom[0].part(samples, of: sampleCount)
    nk_relu6_backward(
      bottom[0].gradient + part.lowerBound, top[0].gradient + part.lowerBound,
      bottom[0].values + part.lowerBound, slope, part.count)
  }
}
