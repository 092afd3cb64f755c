import CKernels
import Compute
import Glibc
import Schema

/// Scales, shifts, and raises to a power.
///
///     y = (shift + scale · x)^power
///
/// Shapes: `y` as `x`. Gradient: dx = power · scale · (shift + scale · x)^(power − 1) · dy; where power · scale
/// is 0, `y` is constant and dx is 0.
///
/// May run in place: a copy of `x` is kept if the gradient needs it.
final class Power: SampleLayer {
  static let reference = LayerReference(
    "Power", .activation, summary: "Scales, shifts, and raises to a power.",
    formula: "y = (shift + scale · x)^power", shapes: "y: as x",
    notes:
      "Where power · scale is 0, y is constant (1 for power 0) and its gradient 0. In place the "
      + "gradient is right too, other than in Caffe.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "power_param",
        [
          "power": "The exponent.", "scale": "What x is multiplied by.",
          "shift": "What is added to that.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([2, 3, 4])]),
    LayerSample("power_param { scale: -2 shift: 3 }", bottoms: [.uniform([7])]),
    LayerSample(
      "power_param { power: 2 scale: 0.5 shift: 1 }", bottoms: [.range([5, 7], -3...3)]),
    LayerSample("power_param { power: 3 scale: 0.7 }", bottoms: [.uniform([4, 5])]),
    LayerSample(
      "power_param { power: 0.37 shift: 0.6 scale: 1.5 }", bottoms: [.range([3, 4], 0.2...2)]),
    LayerSample("power_param { power: 0.5 shift: 1 }", bottoms: [.range([3, 4], 0.2...2)]),
    LayerSample("power_param { power: -1 }", bottoms: [.range([3, 4], 0.8...2)]),
    LayerSample("power_param { power: -1.5 shift: 1 }", bottoms: [.range([3, 4], 0.2...2)]),
    LayerSample("power_param { power: 0 }", bottoms: [.uniform([6])]),
    LayerSample("power_param { power: 2 scale: 0 shift: 1.5 }", bottoms: [.uniform([2, 3])]),
  ]
  static var runsInPlace: Bool { true }

  private let power: Float
  private let scale: Float
  private let shift: Float
  /// All of y, where it is constant.
  private let constant: Float?
  private let input: KeptInput
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("power_param")
    power = given.float("power")
    scale = given.float("scale")
    shift = given.float("shift")
    constant = power * scale == 0 ? (power == 0 ? 1 : powf(shift, power)) : nil
    input = KeptInput(spec, isNeeded: constant == nil && power != 1)
  }

  var backwardReads: BackwardReads { .bottoms }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = bottoms[0].leadingCount
    operations = constant == nil ? 3 * bottoms[0].count : 0
    input.reserve(bottoms[0])
    return bottoms
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let part = bottom[0].part(samples, of: sampleCount)
    let y = top[0].values + part.lowerBound
    if let constant { return nk_fill(y, constant, part.count) }
    input.keep(bottom[0], part)
    nk_power_forward(y, bottom[0].values + part.lowerBound, power, scale, shift, part.count)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let part = bottom[0].part(samples, of: sampleCount)
    let dx = bottom[0].gradient + part.lowerBound
    let dy = top[0].gradient + part.lowerBound
    if constant != nil {
      nk_fill(dx, 0, part.count)
    } else if power == 1 {
      nk_scale(dx, scale, dy, part.count)
    } else {
      nk_power_backward(
        dx, dy, input.values(bottom[0]) + part.lowerBound, power, scale, shift, part.count)
    }
  }
}
