import CKernels
import Compute
import Schema

/// Cuts values off at a least and a greatest.
///
///     y = max(min, min(x, max))
///
/// Shapes: `y` as `x`. Gradient: dx = dy where min ≤ x ≤ max, 0 elsewhere.
///
/// In place, as in Caffe, the gradient looks at the values that have been cut off already, so that all
/// of dy passes.
final class Clip: SampleLayer {
  static let reference = LayerReference(
    "Clip", .activation, summary: "Cuts values off at a least and a greatest.",
    formula: "y = max(min, min(x, max))", shapes: "y: as x",
    notes:
      "The gradient passes at the bounds too. In place it passes everywhere, as in Caffe, since "
      + "the bottom has been cut off already. NaN becomes min.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "clip_param",
        ["min": "The least value; must be given.", "max": "The greatest value; must be given."])
    ])
  static let samples = [
    LayerSample(
      "clip_param { min: -0.5 max: 0.3 }", bottoms: [.uniform([3, 5])], kinks: [-0.5, 0.3]),
    LayerSample(
      "clip_param { min: 0 max: 6 }", bottoms: [.range([2, 3, 4], -3...9)], kinks: [0, 6]),
  ]
  static var runsInPlace: Bool { true }

  private let low: Float
  private let high: Float
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("clip_param")
    for field in ["min", "max"] where !given.has(field) {
      throw spec.error("\(field) is missing", at: given.location, help: "add \(field): …")
    }
    low = given.float("min")
    high = given.float("max")
    guard low <= high else {
      throw spec.error(
        "min is \(low) and max is \(high), but min must not be above max",
        at: given.location("min"))
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
    nk_clip(
      top[0].values + part.lowerBound, bottom[0].values + part.lowerBound, low, high, part.count)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let part = bottom[0].part(samples, of: sampleCount)
    nk_clip_backward(
      bottom[0].gradient + part.lowerBound, top[0].gradient + part.lowerBound,
      bottom[0].values + part.lowerBound, low, high, part.count)
  }
}
