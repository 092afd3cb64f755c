import CKernels
import Compute
import Prototxt
import Schema

/// Makes images larger: by the places that pooling found (SegNet, ENet), or by repeating values (YOLO).
///
///     with a mask:    y[mask[i]] = x[i] within each plane, 0 elsewhere
///     without:        y[h, w] = x[⌊h / scale⌋, ⌊w / scale⌋]
///
/// Shapes: `x` N × C × H × W, the mask the same; `y` N × C with upsample_h × upsample_w, or else
/// scale · H × scale · W, less one row or column with pad_out_h or pad_out_w.
/// Gradient: dx[i] = dy[mask[i]]; without a mask the sum of dy over the block.
///
/// The mask is the second top of a Pooling layer: places in the plane that it pooled. Where two values
/// go to one place, the later is kept, as in SegNet.
final class Upsample: SampleLayer {
  static let reference = LayerReference(
    "Upsample", .vision,
    summary: "Makes images larger: by a pooling's mask, or by repeating values.",
    formula: "with a mask: y[mask[i]] = x[i] in each plane, 0 elsewhere\n"
      + "without: y[h, w] = x[⌊h / scale⌋, ⌊w / scale⌋]",
    shapes:
      "x: N × C × H × W; mask: as x; y: N × C × scale·H × scale·W, or upsample_h × upsample_w",
    notes: "Of SegNet and ENet with two bottoms, the second being the second top of a Pooling "
      + "layer; of YOLO's forks and jolibrain with one. A mask that points outside is an error. "
      + "Where two values go to one place, the later is kept.",
    arity: Arity(1...2, 1...1),
    parameters: [
      ParameterTable(
        "upsample_param",
        [
          "scale": "How many times larger.",
          "scale_h": "How many times higher; with scale_w, in place of scale.",
          "scale_w": "How many times wider.",
          "pad_out_h": "With a mask: one row less, as of a pooled image with an odd height.",
          "pad_out_w": "With a mask: one column less.",
          "upsample_h": "With a mask: the height itself; with upsample_w, in place of a scale.",
          "upsample_w": "With a mask: the width itself.",
        ])
    ], isExtension: true)
  static let samples = [
    LayerSample(
      "upsample_param { scale: 2 }",
      bottoms: [.uniform([2, 2, 2, 3]), .constants([2, 2, 2, 3], [1, 2, 5, 13, 14, 22])]),
    LayerSample(
      "upsample_param { upsample_h: 3 upsample_w: 5 }",
      bottoms: [.uniform([1, 2, 2, 3]), .constants([1, 2, 2, 3], [0, 3, 4, 10, 12, 14])]),
    LayerSample(
      "upsample_param { pad_out_h: true pad_out_w: true }",
      bottoms: [.uniform([1, 1, 2, 2]), .constants([1, 1, 2, 2], [0, 2, 7, 8])]),
    LayerSample("upsample_param { scale: 3 }", bottoms: [.uniform([2, 2, 2, 3])]),
    LayerSample("upsample_param { scale_h: 2 scale_w: 1 }", bottoms: [.uniform([2, 1, 3, 2])]),
  ]

  private let spec: LayerSpec
  private let scale: (height: Int, width: Int)
  private let size: (height: Int, width: Int)?
  private let cut: (height: Int, width: Int)
  private var channels = 0
  private var input = (height: 0, width: 0)
  private var output = (height: 0, width: 0)
  private let badPlaces = Buffer<Int>()
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("upsample_param")
    self.spec = spec
    func pair(_ first: String, _ second: String) throws -> (height: Int, width: Int)? {
      guard given.has(first) || given.has(second) else { return nil }
      return (try spec.positive(given, first), try spec.positive(given, second))
    }
    let side = given.int("scale")
    try spec.checkSize(side, "scale", least: 1, at: given.location("scale"))
    scale = try pair("scale_h", "scale_w") ?? (side, side)
    size = try pair("upsample_h", "upsample_w")
    cut = (given.bool("pad_out_h") ? 1 : 0, given.bool("pad_out_w") ? 1 : 0)
    let fields = ["pad_out_h", "pad_out_w", "upsample_h", "upsample_w"]
    if spec.bottoms.count == 1, let field = fields.first(where: given.has) {
      throw spec.error(
        "\(field) goes with a mask as second bottom", at: given.location(field),
        help: "give the second top of the pooling as second bottom, or take \(field) away")
    }
  }

  func takesGradient(bottom: Int) -> Bool { bottom == 0 }

  var backwardReads: BackwardReads { .bottoms(1) }

  var touchesWholeBatch: Bool { true }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    try spec.requireImages(bottoms)
    if bottoms.count > 1 { try spec.requireEqual(bottoms, 1, to: 0) }
    let shape = bottoms[0]
    (sampleCount, channels, input) = (shape[0], shape[1], (shape[2], shape[3]))
    let largest = LayerSpec.largestSize
    guard scale.height <= largest / max(1, shape[2]), scale.width <= largest / max(1, shape[3])
    else { throw spec.error("the scale makes an image too large") }
    output =
      size ?? (
        max(0, shape[2] * scale.height - cut.height), max(0, shape[3] * scale.width - cut.width)
      )
    try spec.checkCount(
      [shape[0], channels, output.height, output.width], "the top",
      at: spec.parameters("upsample_param").location)
    badPlaces.reserve(max(1, sampleCount))
    return [[shape[0], channels, output.height, output.width]]
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let (count, outCount) = (input.height * input.width, output.height * output.width)
    for sample in samples {
      let at = sample * channels * count
      let y = top[0].values + sample * channels * outCount
      if bottom.count > 1 {
        badPlaces.pointer[sample] = nk_unpool_forward(
          y, bottom[0].values + at, bottom[1].values + at, count, outCount, channels)
      } else {
        nk_repeat_forward(
          y, bottom[0].values + at, channels * input.height, input.width, scale.height,
          scale.width)
      }
    }
  }

  func endForward(_ bottom: [Blob], _ top: [Blob]) throws {
    guard bottom.count > 1 else { return }
    for sample in 0..<sampleCount where badPlaces.pointer[sample] >= 0 {
      let count = channels * input.height * input.width
      let place = bottom[1].values[sample * count + badPlaces.pointer[sample]]
      throw LayerFault(
        "the mask has place \(place), but a plane of \(output.height)×\(output.width) has "
          + "\(output.height * output.width)", bottom: 1, sample: sample,
        help: "make the top as large as the bottom of the pooling that gave the mask, with "
          + "upsample_h and upsample_w")
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let (count, outCount) = (input.height * input.width, output.height * output.width)
    for sample in samples {
      let at = sample * channels * count
      let dy = top[0].gradient + sample * channels * outCount
      if bottom.count > 1 {
        nk_unpool_backward(
          bottom[0].gradient + at, dy, bottom[1].values + at, count, outCount, channels)
      } else {
        nk_repeat_backward(
          bottom[0].gradient + at, dy, channels * input.height, input.width, scale.height,
          scale.width)
      }
    }
  }
}
