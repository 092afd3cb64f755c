import CKernels
import Compute
import Schema

/// Adds a number for each place along some axes.
///
///     y = x + b
///
/// Shapes: `y` as `x`. `b` has the sizes of num_axes axes of `x` from `axis` on, and is repeated along all
/// others. With two bottoms `b` is the second of them, and its number of axes counts.
///
/// Gradient: dx = dy; db is the sum of dy over what each number met. May run in place.
final class Bias: SampleLayer {
  static let reference = LayerReference(
    "Bias", .common,
    summary: "Adds a number for each place along some axes.", formula: "y = x + b",
    shapes: "y: as x; b: num_axes axes of x from `axis` on, or as the second bottom",
    notes: "With two bottoms the second is b and gets a gradient; there is no parameter then. "
      + "May run in place.",
    arity: Arity(1...2, 1...1),
    parameters: [
      ParameterTable(
        "bias_param",
        [
          "axis": "The first axis that has numbers; negative counts from the end.",
          "num_axes": "How many axes have numbers: -1 for all to the end, 0 for one number for all "
            + "values. With two bottoms the second's shape counts instead.",
          "filler": "How b is filled.",
        ])
    ])
  static let samples = [
    sample("", .uniform([3, 4, 2, 2])),
    LayerSample("", bottoms: [.uniform([4, 3])]),
    sample("axis: 1 num_axes: -1", .uniform([2, 3, 4])),
    sample("axis: 0", .uniform([4, 2, 3])),
    sample("axis: -1", .uniform([2, 3, 4])),
    sample("num_axes: 0", .uniform([3, 2, 2])),
    sample("", .uniform([3, 4, 2]), .uniform([4])),
    sample("axis: 0", .uniform([3, 4, 2]), .uniform([3, 4])),
    sample("axis: -2", .uniform([2, 3, 2]), .uniform([3, 2])),
    sample("", .uniform([3, 2, 2]), .uniform([])),
  ]
  static var runsInPlace: Bool { true }

  private static func sample(_ fields: String, _ bottoms: LayerSample.Input...) -> LayerSample {
    LayerSample(
      "bias_param { \(fields) filler { type: 'uniform' min: -1 max: 1 } }", bottoms: bottoms)
  }

  private let spec: LayerSpec
  private let context: LayerContext
  private let fromBottom: Bool
  private let filler: Filler
  private var extent = BroadcastAxes()
  private(set) var parameters: [Blob] = []
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    self.context = context
    fromBottom = spec.bottoms.count > 1
    filler = try spec.filler(spec.parameters("bias_param"), "filler")
  }

  var sampleCount: Int { extent.sampleCount }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let given = spec.parameters("bias_param")
    let (axis, numbers) =
      fromBottom
      ? (try spec.broadcastAxis(given, bottoms), bottoms[1])
      : try spec.broadcastShape(given, of: bottoms[0])
    if parameters.isEmpty, !fromBottom {
      parameters = [try spec.parameter("bias", numbers, filler, context)]
    }
    if let parameter = parameters.first {
      try spec.checkBroadcast(
        parameter.shape, "the parameter made when the net was built", axis, of: bottoms[0],
        at: given.location("axis"))
    }
    extent = BroadcastAxes(bottoms[0], axis: axis, numbers: numbers, fromBottom: fromBottom)
    operations = bottoms[0].count
    return [bottoms[0]]
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let (y, x) = (top[0].values, bottom[0].values)
    let bias = (fromBottom ? bottom[1] : parameters[0]).values
    extent.forEachRun(samples) { run in
      nk_channel_affine(
        y + run.start, x + run.start, nil, bias + run.channels.lowerBound, run.channels.count,
        run.inner)
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let dy = top[0].gradient
    if let db = fromBottom ? (pass.propagate[1] ? bottom[1].gradient : nil) : pass.gradients[0] {
      if fromBottom {
        let part = bottom[1].part(samples, of: extent.sampleCount)
        nk_fill(db + part.lowerBound, 0, part.count)
      }
      extent.forEachRun(samples) { run in
        nk_channel_sum(
          db + run.channels.lowerBound, dy + run.start, run.channels.count, run.inner)
      }
    }
    guard pass.propagate[0] else { return }
    let part = bottom[0].part(samples, of: extent.sampleCount)
    nk_copy(bottom[0].gradient + part.lowerBound, dy + part.lowerBound, part.count)
  }
}
