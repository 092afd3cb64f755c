import CKernels
import Compute
import Schema

/// The logarithm of scaled and shifted values.
///
///     y = log_base(shift + scale · x)          (base −1 stands for e)
///
/// Shapes: `y` as `x`. Gradient: dx = scale / (ln(base) · (shift + scale · x)) · dy.
///
/// May run in place: a copy of `x` is kept for the gradient.
final class Log: SampleLayer {
  static let reference = LayerReference(
    "Log", .activation, summary: "The logarithm of scaled and shifted values.",
    formula: "y = log_base(shift + scale · x)", shapes: "y: as x",
    notes: "The logarithm of 0 is −∞, that of less NaN. In place the gradient is right too, other "
      + "than in Caffe.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "log_param",
        [
          "base": "The base, above 0 and not 1; −1 stands for e.",
          "scale": "What x is multiplied by.", "shift": "What is added to that.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.range([2, 3, 4], 0.5...2)]),
    LayerSample("log_param { base: 10 }", bottoms: [.range([5, 7], 0.5...20)]),
    LayerSample(
      "log_param { base: 2 scale: 2 shift: 1 }", bottoms: [.range([7], 0.1...2)]),
    LayerSample(
      "log_param { base: 0.5 scale: 0.3 shift: 0.7 }", bottoms: [.range([4, 2], 0.1...2)]),
  ]
  static var runsInPlace: Bool { true }

  private let scale: Float
  private let shift: Float
  /// 1 / ln(base).
  private let outerScale: Float
  private let input: KeptInput
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("log_param")
    scale = given.float("scale")
    shift = given.float("shift")
    let logOfBase = try spec.logOfBase(given)
    guard logOfBase != 0 else {
      throw spec.error(
        "base is 1, and no power of 1 is anything else", at: given.location("base"),
        help: "leave base away for e")
    }
    outerScale = 1 / logOfBase
    input = KeptInput(spec)
  }

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
    nk_scaled_log(
      top[0].values + part.lowerBound, outerScale, scale, shift,
      bottom[0].values + part.lowerBound, part.count)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let part = bottom[0].part(samples, of: sampleCount)
    nk_scaled_log_backward(
      bottom[0].gradient + part.lowerBound, top[0].gradient + part.lowerBound,
      scale * outerScale, scale, shift, input.values(bottom[0]) + part.lowerBound, part.count)
  }
}
