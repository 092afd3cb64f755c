import Compute
import Prototxt
import Schema

/// What Convolution and Deconvolution have in common: the fields of `convolution_param`, what bottoms
/// must be like, and the parameters.
final class FilterBank {
  /// The bottoms of a filter bank: all of one shape.
  struct Layout {
    let bottom: Shape
    /// The channel axis.
    let axis: Int
    let window: SpatialWindow

    /// The product of the axes before the channels.
    var samples: Int { bottom.count(from: 0, to: axis) }
    var channels: Int { bottom[axis] }
    var spatial: [Int] { Array(bottom.dimensions[(axis + 1)...]) }
  }

  /// The parameters' meanings, for the reference.
  static let parameterTable = ParameterTable(
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

  let fields: WindowFields
  let outputs: Int
  let groups: Int
  let hasBias: Bool
  private let spec: LayerSpec
  private let context: LayerContext
  private let given: Message
  private let weightFiller: Filler
  private let biasFiller: Filler
  private var builtFor: (channels: Int, spatialAxes: Int)?
  private(set) var parameters: [Blob] = []

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("convolution_param")
    self.spec = spec
    self.context = context
    self.given = given
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

  /// Where to point when sizes are too large.
  var place: SourceRange? { given.location("num_output") }

  /// Checks the bottoms, against each other and against what the parameters were made for.
  func layout(_ bottoms: [Shape]) throws -> Layout {
    let bottom = bottoms[0]
    if let other = bottoms.firstIndex(where: { $0 != bottom }) {
      throw spec.error(
        "bottom \(other) is \(bottoms[other].display), but bottom 0 is \(bottom.display)",
        at: spec.message.location("bottom", other),
        help:
          "all bottoms of a \(spec.type.lowercased()) must have one shape, since they share its weights"
      )
    }
    let axis = try spec.axis(given, of: bottom)
    try spec.checkCount(Array(bottom.dimensions[axis...]), "a sample", at: nil)
    try checkChannels(bottom, axis)
    let window = try fields.window(spec, over: bottom, from: axis + 1)
    return Layout(bottom: bottom, axis: axis, window: window)
  }

  private func checkChannels(_ bottom: Shape, _ axis: Int) throws {
    let channels = bottom[axis]
    guard channels > 0 else {
      throw spec.error("axis \(axis) of the bottom (\(bottom.display)) holds no channels")
    }
    guard channels % groups == 0 else {
      throw spec.error(
        "the bottom (\(bottom.display)) has \(channels) channels, which cannot be split in "
          + "\(groups) groups",
        at: given.location("group"), help: "the number of channels must be a multiple of group")
    }
    guard let builtFor else { return }
    guard channels == builtFor.channels else {
      throw spec.error(
        "was built for \(builtFor.channels) channels, but the bottom (\(bottom.display)) now has "
          + "\(channels)",
        help: "the number of channels cannot change after the net is built")
    }
    guard bottom.axes - axis - 1 == builtFor.spatialAxes else {
      throw spec.error(
        "was built for \(builtFor.spatialAxes) spatial axes, but the bottom (\(bottom.display)) "
          + "now has \(bottom.axes - axis - 1)",
        help: "the number of axes cannot change after the net is built")
    }
  }

  /// Makes the parameters at the first call.
  func makeParameters(_ weights: [Int], for layout: Layout) throws {
    guard parameters.isEmpty else { return }
    var made = [try spec.parameter("weights", Shape(weights), weightFiller, context)]
    if hasBias { made.append(try spec.parameter("bias", [outputs], biasFiller, context)) }
    parameters = made
    builtFor = (layout.channels, layout.spatial.count)
  }
}
