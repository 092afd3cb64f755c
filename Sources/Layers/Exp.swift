import CKernels
import Compute
import Glibc
import Schema

/// Raises a base to scaled and shifted values.
///
///     y = base^(shift + scale · x)          (base −1 stands for e)
///
/// Shapes: `y` as `x`. Gradient: dx = ln(base) · scale · y · dy.
///
/// May run in place: the gradient needs nothing but `y`.
final class Exp: SampleLayer {
  static let reference = LayerReference(
    "Exp", .activation, summary: "Raises a base to scaled and shifted values.",
    formula: "y = base^(shift + scale · x)", shapes: "y: as x", arity: .oneToOne,
    parameters: [
      ParameterTable(
        "exp_param",
        [
          "base": "The base, above 0; −1 stands for e.", "scale": "What x is multiplied by.",
          "shift": "What is added to that.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([2, 3, 4])]),
    LayerSample("exp_param { base: 2 }", bottoms: [.range([5, 7], -2...2)]),
    LayerSample("exp_param { base: 3 scale: 0.5 shift: 1 }", bottoms: [.uniform([7])]),
    LayerSample("exp_param { scale: -0.7 shift: -0.4 }", bottoms: [.uniform([4, 2])]),
    LayerSample("exp_param { base: 1 }", bottoms: [.uniform([3])]),
  ]
  static var runsInPlace: Bool { true }

  private let innerScale: Float
  private let outerScale: Float
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("exp_param")
    let logOfBase = try spec.logOfBase(given)
    innerScale = logOfBase * given.float("scale")
    let shift = given.float("shift")
    outerScale = given.float("base") == -1 ? expf(shift) : powf(given.float("base"), shift)
  }

  var backwardReads: BackwardReads { .tops }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = bottoms[0].leadingCount
    operations = 3 * bottoms[0].count
    return bottoms
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let part = bottom[0].part(samples, of: sampleCount)
    nk_scaled_exp(
      top[0].values + part.lowerBound, outerScale, innerScale,
      bottom[0].values + part.lowerBound, part.count)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let part = bottom[0].part(samples, of: sampleCount)
    nk_scaled_product(
      bottom[0].gradient + part.lowerBound, innerScale, top[0].gradient + part.lowerBound,
      top[0].values + part.lowerBound, part.count)
  }
}

extension LayerSpec {
  /// The natural logarithm of the base that `Exp` and `Log` are given.
  ///
  /// - Throws: a diagnostic at the base if there is none.
  func logOfBase(_ given: Message) throws -> Float {
    let base = given.float("base")
    guard base != -1 else { return 1 }
    guard base > 0, base < .infinity else {
      throw error(
        "base is \(base), but must be above 0 and finite", at: given.location("base"),
        help: "leave base away for e")
    }
    return logf(base)
  }
}
