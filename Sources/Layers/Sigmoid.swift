import CKernels
import Compute
import Schema

/// The logistic function: squeezes each value into 0 to 1.
///
///     y = 1 / (1 + e⁻ˣ)
///
/// Shapes: `y` as `x`. Gradient: dx = dy · y · (1 − y).
///
/// May run in place: the gradient needs nothing but `y`.
final class Sigmoid: SampleLayer {
  static let reference = LayerReference(
    "Sigmoid", .activation,
    summary: "The logistic function: squeezes each value into 0 to 1.",
    formula: "y = 1 / (1 + e⁻ˣ)", shapes: "y: as x",
    arity: .oneToOne,
    parameters: [ParameterTable("sigmoid_param", ["engine": "Accepted, without effect."])])
  static let samples = [
    LayerSample("", bottoms: [.uniform([2, 3, 4])]),
    LayerSample("sigmoid_param { engine: CAFFE }", bottoms: [.range([5, 7], -3...3)]),
  ]
  static var runsInPlace: Bool { true }

  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {}

  var backwardReads: BackwardReads { .tops }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = bottoms[0].leadingCount
    operations = bottoms[0].count
    return bottoms
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let part = bottom[0].part(samples, of: sampleCount)
    nk_sigmoid_forward(
      top[0].values + part.lowerBound, bottom[0].values + part.lowerBound, part.count)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let part = bottom[0].part(samples, of: sampleCount)
    nk_sigmoid_backward(
      bottom[0].gradient + part.lowerBound, top[0].gradient + part.lowerBound,
      top[0].values + part.lowerBound, part.count)
  }
}
