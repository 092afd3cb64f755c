import CKernels
import Compute
import Schema

/// Binomial normal log likelihood: a smooth rectifier, also called softplus.
///
///     y = ln(1 + eˣ)
///
/// Shapes: `y` as `x`. Gradient: dx = eˣ / (1 + eˣ) · dy.
///
/// May run in place: a copy of `x` is kept for the gradient.
final class BNLL: SampleLayer {
  static let reference = LayerReference(
    "BNLL", .activation,
    summary: "Binomial normal log likelihood: a smooth rectifier, also called softplus.",
    formula: "y = ln(1 + eˣ)", shapes: "y: as x",
    notes: "In place the gradient is right too, other than in Caffe.", arity: .oneToOne)
  static let samples = [
    LayerSample("", bottoms: [.uniform([2, 3, 4])]),
    LayerSample("", bottoms: [.range([5, 7], -9...9)]),
  ]
  static var runsInPlace: Bool { true }

  private let input: KeptInput
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws { input = KeptInput(spec) }

  var backwardReads: BackwardReads { .bottoms }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = bottoms[0].leadingCount
    operations = 4 * bottoms[0].count
    input.reserve(bottoms[0])
    return bottoms
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let part = bottom[0].part(samples, of: sampleCount)
    input.keep(bottom[0], part)
    nk_bnll_forward(
      top[0].values + part.lowerBound, bottom[0].values + part.lowerBound, part.count)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let part = bottom[0].part(samples, of: sampleCount)
    nk_bnll_backward(
      bottom[0].gradient + part.lowerBound, top[0].gradient + part.lowerBound,
      input.values(bottom[0]) + part.lowerBound, part.count)
  }
}
