import CKernels
import Compute
import Prototxt
import Schema

/// Resizes images between their values, corner on corner, of DeepLab and PSPNet.
///
///     y[h, w] = the bilinear mean of x around (h · (H − 1) / (H′ − 1), w · (W − 1) / (W′ − 1))
///
/// Shapes: `x` N × C × H × W, less what pad_beg and pad_end cut off; `y` N × C × H′ × W′, where a size
/// s becomes height or width, or (s − 1) / shrink_factor + 1, and then s + (s − 1) · (zoom_factor − 1).
/// Gradient: each dy goes to the four values that it was made of, by their weights.
final class Interp: SampleLayer {
  static let reference = LayerReference(
    "Interp", .vision,
    summary: "Resizes images between their values, corner on corner.",
    formula: "y[h, w] = bilinear mean of x around (h·(H − 1)/(H′ − 1), w·(W − 1)/(W′ − 1))",
    shapes: "x: N × C × H × W; y: N × C × H′ × W′",
    notes: "Of DeepLab and PSPNet. shrink_factor alone or zoom_factor alone go before height and "
      + "width, and these before both factors together, as there.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "interp_param",
        [
          "height": "The new height, together with width.",
          "width": "The new width.",
          "zoom_factor": "Steps between two values of x: s becomes s + (s − 1)·(zoom_factor − 1).",
          "shrink_factor": "Values of x for a step: s becomes (s − 1)/shrink_factor + 1.",
          "pad_beg": "0 or below: so many rows and columns of the beginning are cut off.",
          "pad_end": "0 or below: so many of the end.",
        ])
    ], isExtension: true)
  static let samples = [
    LayerSample("interp_param { height: 5 width: 7 }", bottoms: [.uniform([2, 2, 3, 4])]),
    LayerSample("interp_param { zoom_factor: 3 }", bottoms: [.uniform([2, 1, 3, 2])]),
    LayerSample(
      "interp_param { shrink_factor: 2 pad_beg: -1 pad_end: -1 }",
      bottoms: [.uniform([1, 2, 7, 6])]),
    LayerSample(
      "interp_param { shrink_factor: 3 zoom_factor: 2 }", bottoms: [.uniform([1, 2, 7, 8])]),
    LayerSample("interp_param { height: 1 width: 1 }", bottoms: [.uniform([2, 1, 4, 3])]),
  ]

  private let spec: LayerSpec
  private let given: Message
  private var plan = nk_interp()
  private var channels = 0
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("interp_param")
    self.spec = spec
    self.given = given
    for field in ["pad_beg", "pad_end"] where given.int(field) > 0 {
      throw spec.error(
        "\(field) is \(given.int(field)), but must be 0 or below: it cuts off",
        at: given.location(field))
    }
    for field in ["height", "width", "zoom_factor", "shrink_factor"] where given.has(field) {
      _ = try spec.positive(given, field)
    }
    let hasFactor = given.has("zoom_factor") || given.has("shrink_factor")
    guard hasFactor || (given.has("height") && given.has("width")) else {
      throw spec.error(
        "no size is given", at: given.location,
        help: "add height and width, or zoom_factor, or shrink_factor")
    }
  }

  /// The new size of an axis with `size` values.
  private func resized(_ size: Int, _ field: String) -> Int {
    let (zooms, shrinks) = (given.has("zoom_factor"), given.has("shrink_factor"))
    if zooms == shrinks, given.has("height"), given.has("width") { return given.int(field) }
    var size = size
    if shrinks { size = (size - 1) / given.int("shrink_factor") + 1 }
    if zooms { size += (size - 1) * (given.int("zoom_factor") - 1) }
    return size
  }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    try spec.requireImages(bottoms)
    let shape = bottoms[0]
    let cut = given.int("pad_beg") + given.int("pad_end")
    let (height, width) = (shape[2] + cut, shape[3] + cut)
    guard height > 0, width > 0 else {
      throw spec.error(
        "nothing is left of \(shape[2])×\(shape[3]) once pad_beg and pad_end are cut off",
        at: given.location("pad_beg"))
    }
    let top = [shape[0], shape[1], resized(height, "height"), resized(width, "width")]
    try spec.checkCount(top, "the top", at: given.location)
    plan = nk_interp(
      height: shape[2], width: shape[3], begin: -given.int("pad_beg"), cut_h: height,
      cut_w: width, out_h: top[2], out_w: top[3])
    (sampleCount, channels) = (shape[0], shape[1])
    operations = 9 * top.reduce(1, *)
    return [Shape(top)]
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    var plan = plan
    nk_interp_forward(
      top[0].values + top[0].part(samples, of: sampleCount).lowerBound,
      bottom[0].values + bottom[0].part(samples, of: sampleCount).lowerBound, &plan,
      samples.count * channels)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    var plan = plan
    nk_interp_backward(
      bottom[0].gradient + bottom[0].part(samples, of: sampleCount).lowerBound,
      top[0].gradient + top[0].part(samples, of: sampleCount).lowerBound, &plan,
      samples.count * channels)
  }
}
