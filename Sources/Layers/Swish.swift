import CKernels
import Compute
import Schema

/// Each value times its sigmoid.
///
///     y = x / (1 + e^(−beta · x))
///
/// Shapes: `y` as `x`. Gradient: dx = (beta · y + σ · (1 − beta · y)) · dy with σ = 1 / (1 + e^(−beta · x)).
///
/// May run in place: the gradient needs nothing but `y` and σ, which is kept.
///
/// From Ramachandran et al. 2017.
final class Swish: SampleLayer {
  static let reference = LayerReference(
    "Swish", .activation, summary: "Each value times its sigmoid.",
    formula: "y = x / (1 + e^(−beta · x))", shapes: "y: as x", arity: .oneToOne,
    parameters: [ParameterTable("swish_param", ["beta": "What x is multiplied by in the sigmoid."])]
  )
  static let samples = [
    LayerSample("", bottoms: [.uniform([2, 3, 4])]),
    LayerSample("swish_param { beta: 1.7 }", bottoms: [.range([5, 7], -3...3)]),
    LayerSample("swish_param { beta: -0.5 }", bottoms: [.range([6], -3...3)]),
  ]
  static var runsInPlace: Bool { true }

  private let beta: Float
  private let sigmoids = Buffer<Float>()
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    beta = spec.parameters("swish_param").float("beta")
  }

  var backwardReads: BackwardReads { .tops }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = bottoms[0].leadingCount
    operations = 4 * bottoms[0].count
    sigmoids.reserve(bottoms[0].count)
    return bottoms
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let part = bottom[0].part(samples, of: sampleCount)
    nk_swish_forward(
      top[0].values + part.lowerBound, sigmoids.pointer + part.lowerBound,
      bottom[0].values + part.lowerBound, beta, part.count)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let part = bottom[0].part(samples, of: sampleCount)
    nk_swish_backward(
      bottom[0].gradient + part.lowerBound, top[0].gradient + part.lowerBound,
      top[0].values + part.lowerBound, sigmoids.pointer + part.lowerBound, beta, part.count)
  }
}
