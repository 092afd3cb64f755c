import CKernels
import Compute
import Schema

/// Tells which values are above a threshold.
///
///     y = 1 where x > threshold, 0 elsewhere
///
/// Shapes: `y` as `x`. Gradient: dx = 0, so that layers below learn nothing through it.
final class Threshold: SampleLayer {
  static let reference = LayerReference(
    "Threshold", .activation, summary: "Tells which values are above a threshold.",
    formula: "y = 1 where x > threshold, 0 elsewhere", shapes: "y: as x",
    notes: "The gradient is 0; Caffe stops where one is asked for.", arity: .oneToOne,
    parameters: [
      ParameterTable("threshold_param", ["threshold": "The largest value that gives 0."])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([2, 3, 4])], kinks: [0]),
    LayerSample("threshold_param { threshold: 0.4 }", bottoms: [.uniform([5, 7])], kinks: [0.4]),
  ]
  static var runsInPlace: Bool { true }

  private let threshold: Float
  private let gradient: ZeroGradient
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    threshold = spec.parameters("threshold_param").float("threshold")
    gradient = ZeroGradient(spec, context)
  }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = bottoms[0].leadingCount
    operations = bottoms[0].count
    return bottoms
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let part = bottom[0].part(samples, of: sampleCount)
    nk_threshold(
      top[0].values + part.lowerBound, bottom[0].values + part.lowerBound, threshold, part.count)
  }

  func beginBackward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    gradient.begin(pass)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    gradient.write(bottom[0], bottom[0].part(samples, of: sampleCount), pass)
  }
}
