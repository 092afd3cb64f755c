import Compute
import Prototxt
import Schema

/// A layer that filters each channel by itself: what the three names for it in Caffe's forks share.
protocol DepthwiseLayer: ActivationFusing, SampleLayer {
  /// The parameters and the arithmetic.
  var filter: DepthwiseFilter { get }
}

extension DepthwiseLayer {
  static var parameterNotes: String {
    "W has the shape that Convolution gives it with group: C, so that weights can go from one to "
      + "the other by name. num_output may be a multiple of C, with that many filters for each "
      + "channel in a row; left out, it is C. group may be left out, 1 or C."
  }

  static var depthwiseSamples: [LayerSample] {
    [
      sample("num_output: 3 kernel_size: 3 pad: 1", [2, 3, 5, 6]),
      sample("num_output: 4 kernel_size: 3 pad: 1 stride: 2 group: 4", [2, 4, 7, 6]),
      sample("num_output: 4 kernel_h: 2 kernel_w: 3 bias_term: false", [3, 2, 4, 5]),
      sample("num_output: 2 kernel_size: 3 dilation: 2 pad: 3", [1, 2, 6, 7]),
      sample("kernel_size: 2 stride_h: 1 stride_w: 3", [2, 3, 3, 8]),
    ]
  }

  private static func sample(_ fields: String, _ shape: Shape) -> LayerSample {
    LayerSample(
      "convolution_param { \(fields) weight_filler { type: 'gaussian' std: 0.4 }"
        + " bias_filler { type: 'uniform' min: -0.5 max: 0.5 } }", bottoms: [.uniform(shape)])
  }

  var parameters: [Blob] { filter.parameters }
  var sampleCount: Int { filter.sampleCount }
  var operations: Int { filter.operations }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] { [try filter.reshape(bottoms)] }

  var scratchCount: Int { filter.scratchCount }

  func beginForward(_ bottom: [Blob], _ top: [Blob]) throws { filter.beginForward() }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    filter.forward(
      top[0].values, bottom[0].values, samples: samples, slope: fusedNegativeSlope ?? 1,
      scratch: scratch)
  }

  func beginBackward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    if pass.propagate[0] { filter.beginBackward() }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let dy = top[0].gradient
    filter.parameterGradients(
      pass.gradients, dy, bottom[0].values, samples: samples, scratch: scratch)
    if pass.propagate[0] {
      filter.dataGradient(bottom[0].gradient, dy, samples: samples, scratch: scratch)
    }
  }
}

/// Filters each channel by itself: the parameters, and the arithmetic of it.
final class DepthwiseFilter {
  private let spec: LayerSpec
  private let context: LayerContext
  private let given: Message
  private let fields: WindowFields
  private let weightFiller: Filler
  private let biasFiller: Filler
  private let hasBias: Bool
  /// Convolution's own arithmetic, with a group for each channel: measured, it is faster than plain loops
  /// over planes.
  private var correlation: Correlation?
  private let packed = Blob("packed weights")
  private let packedBackward = Blob("packed weights, backward")
  private var channels = 0
  private(set) var parameters: [Blob] = []
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("convolution_param")
    self.spec = spec
    self.context = context
    self.given = given
    hasBias = given.bool("bias_term")
    var problems = Diagnostics()
    if given.has("num_output") {
      try problems.keeping { _ = try spec.positive(given, "num_output") }
    }
    if given.int("axis") != 1 {
      problems.append(spec.error("axis must be 1 here", at: given.location("axis")))
    }
    let fields = try WindowFields(spec, given, &problems)
    let weightFiller = try problems.keeping { try spec.filler(given, "weight_filler") }
    let biasFiller = try problems.keeping { try spec.filler(given, "bias_filler") }
    guard let weightFiller, let biasFiller, !problems.hasErrors else { throw problems }
    self.fields = fields
    self.weightFiller = weightFiller
    self.biasFiller = biasFiller
  }

  func reshape(_ bottoms: [Shape]) throws -> Shape {
    try spec.requireImages(bottoms)
    let bottom = bottoms[0]
    let outputs = given.has("num_output") ? given.int("num_output") : bottom[1]
    try checkChannels(bottom, outputs)
    let window = try fields.window(spec, over: bottom, from: 2)
    let places = try fields.places(spec, of: window, over: bottom, from: 2)
    let top = [bottom[0], outputs] + places
    try spec.checkCount(top, "a top", at: given.location("num_output"))
    let weights = [outputs, 1] + window.kernel
    try spec.checkCount(weights, "weights", at: given.location("num_output"))
    if parameters.isEmpty {
      parameters = [try spec.parameter("weights", Shape(weights), weightFiller, context)]
      if hasBias {
        parameters.append(try spec.parameter("bias", [outputs], biasFiller, context))
      }
    }
    (channels, sampleCount) = (bottom[1], bottom[0])
    let correlation = Correlation(
      window, groups: channels, channels: channels, input: Array(bottom.dimensions[2...]),
      outputs: outputs, output: places, samples: sampleCount)
    try spec.checkCount(
      [correlation.scratchCount], "working memory", at: given.location("num_output"))
    self.correlation = correlation
    packed.reshape([correlation.packedCount])
    let perValue = 2 * window.kernel[0] * window.kernel[1] + (hasBias ? 1 : 0)
    let product = top.reduce(1, *).multipliedReportingOverflow(by: perValue)
    operations = product.overflow ? .max : product.partialValue
    return Shape(top)
  }

  private func checkChannels(_ bottom: Shape, _ outputs: Int) throws {
    guard bottom[1] > 0, outputs % bottom[1] == 0 else {
      throw spec.error(
        "num_output is \(outputs), but the bottom (\(bottom.display)) has \(bottom[1]) channels",
        at: given.location("num_output"),
        help: "each channel has filters of its own: num_output must be a multiple of the channels")
    }
    guard [1, bottom[1]].contains(given.int("group")) else {
      throw spec.error(
        "group is \(given.int("group")), but must be \(bottom[1]), the number of channels",
        at: given.location("group"), help: "take group away, or use Convolution")
    }
    if let weights = parameters.first, weights.shape[0] != outputs || channels != bottom[1] {
      throw spec.error(
        "was built for \(channels) channels, but the bottom (\(bottom.display)) now has "
          + "\(bottom[1])", help: "the number of channels cannot change after the net is built")
    }
  }

  var scratchCount: Int { correlation?.scratchCount ?? 0 }

  func beginForward() { correlation?.pack(packed.values, parameters[0].values) }

  func forward(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, samples: Range<Int>,
    slope: Float, scratch: UnsafeMutablePointer<Float>
  ) {
    correlation?.forward(
      y, x, weights: parameters[0].values, packed: packed.values,
      bias: hasBias ? UnsafePointer(parameters[1].values) : nil, slope: slope, samples: samples,
      scratch: scratch)
  }

  func beginBackward() {
    guard let correlation else { return }
    packedBackward.reshape([correlation.packedCount])
    correlation.packBackward(packedBackward.values, parameters[0].values)
  }

  func dataGradient(
    _ dx: UnsafeMutablePointer<Float>, _ dy: UnsafePointer<Float>, samples: Range<Int>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    correlation?.dataGradient(
      dx, dy, weights: parameters[0].values, packed: packedBackward.values, samples: samples,
      scratch: scratch)
  }

  func parameterGradients(
    _ gradients: [UnsafeMutablePointer<Float>?], _ dy: UnsafePointer<Float>,
    _ x: UnsafePointer<Float>, samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    if let dw = gradients[0] {
      correlation?.weightGradient(dw, dy, x, samples: samples, scratch: scratch)
    }
    if hasBias, let db = gradients[1] {
      correlation?.biasGradient(db, dy, samples: samples)
    }
  }
}
