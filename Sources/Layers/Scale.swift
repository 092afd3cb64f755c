import CKernels
import Compute
import Schema

/// Multiplies by a number for each place along some axes, and perhaps adds another.
///
///     y = s · x + b
///
/// Shapes: `y` as `x`. `s` and `b` have the sizes of num_axes axes of `x` from `axis` on, and are repeated along
/// all others. With two bottoms `s` is the second of them, and its number of axes counts.
///
/// Gradient: dx = s · dy; ds and db are the sums of x · dy and dy over what each number met.
///
/// May run in place: a copy of `x` is kept for ds.
final class Scale: SampleLayer, ChannelAffine {
  static let reference = LayerReference(
    "Scale", .common,
    summary: "Multiplies by a number for each place along some axes, and perhaps adds another.",
    formula: "y = s · x + b",
    shapes: "y: as x; s, b: num_axes axes of x from `axis` on, or as the second bottom",
    notes:
      "Behind BatchNorm, with bias_term: true, it learns scale and shift. With two bottoms the "
      + "second is s and gets a gradient; b is then the only parameter. Gradients of parameters "
      + "always add up over iter_size and shared layers; Caffe overwrites them where no axis "
      + "before the scaled ones is larger than 1. May run in place.",
    arity: Arity(1...2, 1...1),
    parameters: [
      ParameterTable(
        "scale_param",
        [
          "axis": "The first axis that has numbers; negative counts from the end.",
          "num_axes": "How many axes have numbers: -1 for all to the end, 0 for one number for all "
            + "values. With two bottoms the second's shape counts instead.",
          "filler": "How s is filled; ones where nothing is given.",
          "bias_term": "Whether b is added.",
          "bias_filler": "How b is filled.",
        ])
    ])

  private let spec: LayerSpec
  private let context: LayerContext
  private let hasBias: Bool
  private let fromBottom: Bool
  private let isInPlace: Bool
  private let filler: Filler
  private let biasFiller: Filler
  private let kept = Blob("input before scaling")
  private var extent = BroadcastAxes()
  /// Whether there is a number for each place of axis 1, and no other axis.
  private var isPerChannel = false
  private(set) var parameters: [Blob] = []
  private(set) var operations = 0

  static var runsInPlace: Bool { true }

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("scale_param")
    self.spec = spec
    self.context = context
    hasBias = given.bool("bias_term")
    fromBottom = spec.bottoms.count > 1
    isInPlace = spec.bottoms.first == spec.tops.first
    filler = try spec.filler(given, "filler", default: Filler(.constant(1)))
    biasFiller = try spec.filler(given, "bias_filler")
  }

  var sampleCount: Int { extent.sampleCount }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let given = spec.parameters("scale_param")
    let (axis, numbers) =
      fromBottom
      ? (try spec.broadcastAxis(given, bottoms), bottoms[1])
      : try spec.broadcastShape(given, of: bottoms[0])
    if parameters.isEmpty {
      var made: [Blob] = []
      if !fromBottom { made.append(try spec.parameter("scale", numbers, filler, context)) }
      if hasBias { made.append(try spec.parameter("bias", numbers, biasFiller, context)) }
      parameters = made
    }
    if let parameter = parameters.first {
      try spec.checkBroadcast(
        parameter.shape, "the parameter made when the net was built", axis, of: bottoms[0],
        at: given.location("axis"))
    }
    extent = BroadcastAxes(bottoms[0], axis: axis, numbers: numbers, fromBottom: fromBottom)
    isPerChannel = !fromBottom && axis == 1 && numbers.axes == 1
    operations = bottoms[0].count * (hasBias ? 2 : 1)
    if isInPlace { kept.reshape(bottoms[0]) }
    return [bottoms[0]]
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let (y, x) = (top[0].values, bottom[0].values)
    let scale = (fromBottom ? bottom[1] : parameters[0]).values
    let bias = hasBias ? parameters[fromBottom ? 0 : 1].values : nil
    extent.forEachRun(samples) { run in
      if isInPlace { nk_copy(kept.values + run.start, x + run.start, run.count) }
      nk_channel_affine(
        y + run.start, x + run.start, scale + run.channels.lowerBound,
        bias.map { UnsafePointer($0 + run.channels.lowerBound) }, run.channels.count, run.inner)
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let dy = top[0].gradient
    let x = isInPlace ? kept.values : bottom[0].values
    let ds = fromBottom ? (pass.propagate[1] ? bottom[1].gradient : nil) : pass.gradients[0]
    let db = hasBias ? pass.gradients[fromBottom ? 0 : 1] : nil
    if fromBottom, let ds {
      let part = bottom[1].part(samples, of: extent.sampleCount)
      nk_fill(ds + part.lowerBound, 0, part.count)
    }
    extent.forEachRun(samples) { run in
      let first = run.channels.lowerBound
      if let ds {
        nk_channel_dot(
          ds + first, dy + run.start, x + run.start, run.channels.count, run.inner)
      }
      if let db { nk_channel_sum(db + first, dy + run.start, run.channels.count, run.inner) }
    }
    guard pass.propagate[0] else { return }
    let dx = bottom[0].gradient
    let scale = (fromBottom ? bottom[1] : parameters[0]).values
    extent.forEachRun(samples) { run in
      nk_channel_affine(
        dx + run.start, dy + run.start, scale + run.channels.lowerBound, nil, run.channels.count,
        run.inner)
    }
  }
}

extension Scale {
  var affineParameters: [Blob]? { isPerChannel ? parameters : nil }

  func compose(_ scale: UnsafeMutablePointer<Float>, _ shift: UnsafeMutablePointer<Float>) {
    let numbers = parameters[0].reading
    for channel in 0..<parameters[0].count {
      scale[channel] *= numbers[channel]
      shift[channel] *= numbers[channel]
      if hasBias { shift[channel] += parameters[1].reading[channel] }
    }
  }
}

extension Scale {
  private static let filled =
    "filler { type: 'uniform' min: -1 max: 1 } bias_filler { type: 'gaussian' std: 0.5 }"

  static let samples = [
    sample("", .uniform([3, 4, 2, 2])),
    LayerSample("", bottoms: [.uniform([4, 3])]),
    sample("bias_term: true", .uniform([3, 4, 5])),
    sample("bias_term: true", .uniform([6, 3])),
    sample("axis: 1 num_axes: 2 bias_term: true", .uniform([2, 3, 2, 3])),
    sample("axis: 1 num_axes: -1", .uniform([2, 3, 4])),
    sample("axis: 0", .uniform([4, 2, 3])),
    sample("axis: 0 num_axes: -1 bias_term: true", .uniform([2, 3])),
    sample("axis: -1 bias_term: true", .uniform([2, 3, 4])),
    sample("num_axes: 0 bias_term: true", .uniform([3, 2, 2])),
    sample("", .uniform([3, 4, 2]), .uniform([4])),
    sample("axis: 0 bias_term: true", .uniform([3, 4, 2]), .uniform([3, 4])),
    sample("axis: 0", .uniform([5, 4]), .uniform([5])),
    sample("axis: 0 bias_term: true", .uniform([2, 3]), .uniform([2, 3])),
    sample("axis: 1 bias_term: true", .uniform([2, 3, 2]), .uniform([3, 2])),
    sample("bias_term: true", .uniform([3, 2, 2]), .uniform([])),
  ]

  private static func sample(_ fields: String, _ bottoms: LayerSample.Input...) -> LayerSample {
    LayerSample("scale_param { \(fields) \(filled) }", bottoms: bottoms)
  }
}
