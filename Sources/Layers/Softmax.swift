import CKernels
import Compute
import Schema

/// Turns scores along one axis into probabilities.
///
///     y_c = e^(x_c − max x) / Σ_k e^(x_k − max x)
///
/// Shapes: `y` as `x`. Gradient: dx_c = (dy_c − Σ_k dy_k · y_k) · y_c.
///
/// May run in place: the gradient needs nothing but `y`.
final class Softmax: SampleLayer {
  static let reference = LayerReference(
    "Softmax", .common,
    summary: "Turns scores along one axis into probabilities.",
    formula: "y_c = e^(x_c − max x) / Σ_k e^(x_k − max x)", shapes: "y: as x",
    notes: "To train, give the scores themselves to SoftmaxWithLoss.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "softmax_param",
        [
          "axis": "The axis of the classes; negative counts from the end.",
          "engine": "Accepted, without effect.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.range([3, 5], -2...2)]),
    LayerSample("", bottoms: [.uniform([2, 4, 3, 2])]),
    LayerSample("softmax_param { axis: -1 }", bottoms: [.uniform([2, 3, 4])]),
    LayerSample("softmax_param { axis: 0 }", bottoms: [.uniform([4, 3])]),
  ]
  static var runsInPlace: Bool { true }

  private let spec: LayerSpec
  private var extent = ClassAxis()

  init(_ spec: LayerSpec, _ context: LayerContext) throws { self.spec = spec }

  var backwardReads: BackwardReads { .tops }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let axis = try spec.axis(spec.parameters("softmax_param"), of: bottoms[0])
    extent = ClassAxis(bottoms[0], axis: axis)
    return bottoms
  }

  var sampleCount: Int { extent.sampleCount }

  /// A maximum, a difference, a sum and a product for each value; the exponential counts as one.
  var operations: Int { 5 * extent.outer * extent.classes * extent.inner }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let start = samples.lowerBound * extent.valuesPerSample
    nk_softmax_forward(
      top[0].values + start, bottom[0].values + start, samples.count * extent.outerPerSample,
      extent.classes, extent.inner)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let start = samples.lowerBound * extent.valuesPerSample
    nk_softmax_backward(
      bottom[0].gradient + start, top[0].gradient + start, top[0].values + start,
      samples.count * extent.outerPerSample, extent.classes, extent.inner)
  }
}
