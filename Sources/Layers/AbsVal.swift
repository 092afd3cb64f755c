import CKernels
import Compute
import Schema

/// The magnitude of each value.
///
///     y = |x|
///
/// Shapes: `y` as `x`. Gradient: dx = sign(x) · dy, 0 at 0.
final class AbsVal: SampleLayer {
  static let reference = LayerReference(
    "AbsVal", .activation, summary: "The magnitude of each value.", formula: "y = |x|",
    shapes: "y: as x", notes: "The gradient at 0 is 0.", arity: .oneToOne)
  static let samples = [
    LayerSample("", bottoms: [.uniform([2, 3, 4])], kinks: [0]),
    LayerSample("", bottoms: [.values([5], [-2, -0.5, 0.5, 1, -0.1])]),
  ]

  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    try spec.refuseInPlace(why: "y does not tell which sign x had")
  }

  var backwardReads: BackwardReads { .bottoms }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = bottoms[0].leadingCount
    operations = bottoms[0].count
    return bottoms
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let part = bottom[0].part(samples, of: sampleCount)
    nk_absolute(top[0].values + part.lowerBound, bottom[0].values + part.lowerBound, part.count)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let part = bottom[0].part(samples, of: sampleCount)
    nk_absolute_backward(
      bottom[0].gradient + part.lowerBound, top[0].gradient + part.lowerBound,
      bottom[0].values + part.lowerBound, part.count)
  }
}
