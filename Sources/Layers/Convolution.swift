import Compute
import Prototxt
import Schema

/// Slides learned filters over the spatial axes: cross-correlation, as everywhere in neural nets.
///
///     y[m, p] = b[m] + Σ_{c, t} W[m, c, t] · x[c, p · stride + t · dilation − pad]
///
/// Shapes: `x` is batch axes, C channels at `axis`, then any number of spatial axes of sizes i; `y` the
/// same batch axes, num_output, then o = ⌊(i + 2·pad − (dilation·(kernel − 1) + 1)) / stride⌋ + 1.
/// `W` is num_output × C/group × kernel, `b` is num_output. Outputs of a group see the channels
/// of that group only.
///
/// Gradient: dW[m, c, t] += Σ_p dy[m, p] · x[c, p·stride + t·dilation − pad], db[m] += Σ_p dy[m, p];
/// dx takes each dy[m, p] · W[m, c, t] at the place that the product read. Several bottoms are
/// filtered alike, and their parameter gradients add up.
final class Convolution: ActivationFusing {
  static let reference = LayerReference(
    "Convolution", .vision,
    summary: "Slides learned filters over the spatial axes.",
    formula: "y[m, p] = b[m] + Σ_{c, t} W[m, c, t] · x[c, p · stride + t · dilation − pad]",
    shapes: "x: batch axes, C channels at `axis`, then spatial axes of sizes i; y: the same batch "
      + "axes, num_output, then ⌊(i + 2·pad − (dilation·(kernel − 1) + 1)) / stride⌋ + 1. "
      + "W: num_output × C/group × kernel; b: num_output",
    notes: "Any number of spatial axes, none included. Several bottoms of one shape are filtered "
      + "by the same weights. C and the number of axes are fixed when the net is built.",
    arity: Arity(1...Arity.unlimited, 1...Arity.unlimited, equal: true),
    parameters: [
      ParameterTable(
        "convolution_param",
        [
          "num_output": "The number of filters; must be given.",
          "bias_term": "Whether b is added.",
          "pad": "Zeros before and behind each spatial axis: once for all, or once for each.",
          "kernel_size": "Size of the filters: once for all spatial axes, or once for each.",
          "stride": "Step from output to output: once for all spatial axes, or once for each.",
          "dilation": "Step from tap to tap: once for all spatial axes, or once for each.",
          "pad_h": "Padding of the height, with two spatial axes and without pad.",
          "pad_w": "Padding of the width.",
          "kernel_h": "Height of the filters, with two spatial axes and without kernel_size.",
          "kernel_w": "Width of the filters.",
          "stride_h": "Step along the height, with two spatial axes and without stride.",
          "stride_w": "Step along the width.",
          "group": "Into how many groups channels and filters are split; divides both.",
          "weight_filler": "How W is filled; the default leaves it at zero, which never learns.",
          "bias_filler": "How b is filled.",
          "engine": "Accepted, without effect.",
          "axis": "The channel axis: those before it are the batch; negative counts from the end.",
          "force_nd_im2col": "Accepted, without effect.",
        ])
    ])

  private let spec: LayerSpec
  private let context: LayerContext
  private let outputs: Int
  private let groups: Int
  private let hasBias: Bool
  private let fields: WindowFields
  private let weightFiller: Filler
  private let biasFiller: Filler
  private var channels = 0
  private var spatialAxes = 0
  private var correlation: Correlation?
  private let packed = Blob("packed weights")
  private let packedBackward = Blob("packed weights, backward")
  private(set) var parameters: [Blob] = []
  private(set) var sampleCount = 1
  private(set) var operations = 0
  var fusedNegativeSlope: Float?

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("convolution_param")
    self.spec = spec
    self.context = context
    hasBias = given.bool("bias_term")
    var problems = Diagnostics()
    let outputs = try problems.keeping { try spec.positive(given, "num_output") }
    let groups = given.int("group")
    try problems.keeping {
      try spec.checkSize(groups, "group", least: 1, at: given.location("group"))
      guard let outputs, outputs % groups != 0 else { return }
      throw spec.error(
        "num_output is \(outputs), which cannot be split in \(groups) groups",
        at: given.location("group"), help: "num_output must be a multiple of group")
    }
    let fields = try WindowFields(spec, given, &problems)
    let weightFiller = try problems.keeping { try spec.filler(given, "weight_filler") }
    let biasFiller = try problems.keeping { try spec.filler(given, "bias_filler") }
    try problems.keeping {
      try spec.refuseInPlace(why: "each output needs inputs that others would have overwritten")
    }
    guard let outputs, let weightFiller, let biasFiller, !problems.hasErrors else {
      throw problems
    }
    self.outputs = outputs
    self.groups = groups
    self.fields = fields
    self.weightFiller = weightFiller
    self.biasFiller = biasFiller
  }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let given = spec.parameters("convolution_param")
    let bottom = bottoms[0]
    if let other = bottoms.firstIndex(where: { $0 != bottom }) {
      throw spec.error(
        "bottom \(other) is \(bottoms[other].display), but bottom 0 is \(bottom.display)",
        at: spec.message.location("bottom", other),
        help: "all bottoms of a convolution must have one shape, since they share its weights")
    }
    let axis = try spec.axis(given, of: bottom)
    let spatial = Array(bottom.dimensions[(axis + 1)...])
    try spec.checkCount(Array(bottom.dimensions[axis...]), "a sample", at: nil)
    try checkChannels(bottom, axis, at: given.location("group"))
    let window = try fields.window(spec, over: bottom, from: axis + 1)
    let places = try fields.places(spec, of: window, over: bottom, from: axis + 1)
    let weights = [outputs, bottom[axis] / groups] + window.kernel
    let place = given.location("num_output")
    try spec.checkCount(weights, "weights", at: place)
    let top = Array(bottom.dimensions[..<axis]) + [outputs] + places
    try spec.checkCount(top, "a top", at: place)
    let patches = Correlation.patchSizes(
      window, channels: weights[1], input: spatial, output: places)
    try spec.checkCount(patches, "patches", at: place)
    if parameters.isEmpty { try makeParameters(Shape(weights)) }
    (channels, spatialAxes) = (bottom[axis], spatial.count)
    sampleCount = bottom.count(from: 0, to: axis)
    let correlation = Correlation(
      window, groups: groups, channels: channels, input: spatial, outputs: outputs,
      output: places, samples: sampleCount)
    try spec.checkCount([correlation.scratchCount], "working memory", at: place)
    self.correlation = correlation
    packed.reshape([correlation.packedCount])
    let perValue = 2 * weights[1...].reduce(1, *) + (hasBias ? 1 : 0)
    let product = (bottoms.count * top.reduce(1, *)).multipliedReportingOverflow(by: perValue)
    operations = product.overflow ? .max : product.partialValue
    return Array(repeating: Shape(top), count: bottoms.count)
  }

  private func checkChannels(_ bottom: Shape, _ axis: Int, at group: SourceRange?) throws {
    let given = bottom[axis]
    guard given > 0 else {
      throw spec.error("axis \(axis) of the bottom (\(bottom.display)) holds no channels")
    }
    guard given % groups == 0 else {
      throw spec.error(
        "the bottom (\(bottom.display)) has \(given) channels, which cannot be split in \(groups) "
          + "groups",
        at: group, help: "the number of channels must be a multiple of group")
    }
    guard !parameters.isEmpty else { return }
    guard given == channels else {
      throw spec.error(
        "was built for \(channels) channels, but the bottom (\(bottom.display)) now has \(given)",
        help: "the number of channels cannot change after the net is built")
    }
    guard bottom.axes - axis - 1 == spatialAxes else {
      throw spec.error(
        "was built for \(spatialAxes) spatial axes, but the bottom (\(bottom.display)) now has "
          + "\(bottom.axes - axis - 1)",
        help: "the number of axes cannot change after the net is built")
    }
  }

  private func makeParameters(_ shape: Shape) throws {
    var made = [try spec.parameter("weights", shape, weightFiller, context)]
    if hasBias { made.append(try spec.parameter("bias", [outputs], biasFiller, context)) }
    parameters = made
  }

  var scratchCount: Int { correlation?.scratchCount ?? 0 }

  func beginForward(_ bottom: [Blob], _ top: [Blob]) throws {
    correlation?.pack(packed.values, parameters[0].values)
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    guard let correlation else { return }
    for index in bottom.indices {
      correlation.forward(
        top[index].values, bottom[index].values, weights: parameters[0].values,
        packed: packed.values, bias: hasBias ? UnsafePointer(parameters[1].values) : nil,
        slope: fusedNegativeSlope ?? 1, samples: samples, scratch: scratch)
    }
  }

  func beginBackward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    guard let correlation, pass.propagate.contains(true) else { return }
    packedBackward.reshape([correlation.packedCount])
    correlation.packBackward(packedBackward.values, parameters[0].values)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard let correlation else { return }
    for index in bottom.indices {
      let dy = top[index].gradient
      if let dw = pass.gradients[0] {
        correlation.weightGradient(
          dw, dy, bottom[index].values, samples: samples, scratch: scratch)
      }
      if hasBias, let db = pass.gradients[1] {
        correlation.biasGradient(db, dy, samples: samples)
      }
      if pass.propagate[index] {
        correlation.dataGradient(
          bottom[index].gradient, dy, weights: parameters[0].values,
          packed: packedBackward.values, samples: samples, scratch: scratch)
      }
    }
  }
}
