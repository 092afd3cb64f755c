import CKernels
import Compute
import Prototxt
import Schema

/// Proposes regions that may hold an object, of Faster R-CNN.
///
/// Anchors of some ratios and scales stand at each place of a map; each moves and grows by its four deltas, is
/// cut at the image's border, and dropped if it is too small. The best pre_nms_topn are looked at, and those
/// that overlap a better one by more than nms_thresh dropped; post_nms_topn are given.
///
/// Shapes: scores N × 2A × H × W, of which the second A tell objects; deltas N × 4A × H × W; image info N × 3, or
/// one for all: height, width and scale of the image; the top is R × 5: image, left, top, right, bottom; a
/// second top R × 1 has the scores. Passes no gradient.
///
/// A `Python` layer of py-faster-rcnn's module rpn.proposal_layer is this one; feat_stride and scales come
/// from its param_str then, and the numbers of regions are those of its settings for the phase.
final class Proposal: DynamicLayer {
  static let reference = LayerReference(
    "Proposal", .vision,
    summary: "Proposes regions that may hold an object.",
    formula: "centre = anchor centre + delta · anchor side\nside = anchor side · exp(delta)",
    shapes: "scores: N × 2A × H × W; deltas: N × 4A × H × W; image info: N × 3 (height, width, "
      + "scale); top: R × 5 (image, left, top, right, bottom); second top: R × 1, scores",
    notes: "Of Faster R-CNN; the parameters are those of PVANet and Intel Caffe. A Python layer "
      + "ProposalLayer of module rpn.proposal_layer is this layer too, with feat_stride and scales "
      + "of its param_str, and 12000 and 2000 regions in TRAIN, 6000 and 300 in TEST. Equal scores "
      + "keep the order of rows, columns and anchors. Passes no gradient.",
    arity: Arity(3...3, 1...2),
    parameters: [
      ParameterTable(
        "proposal_param",
        [
          "feat_stride": "Pixels from place to place.",
          "base_size": "Side of the box that ratios and scales change, in pixels.",
          "min_size": "Shorter sides are dropped; in pixels of the image before it was scaled.",
          "ratio": "Height over width of the anchors; left out, 0.5, 1 and 2.",
          "scale": "Sizes of the anchors in base_size; left out, 8, 16 and 32.",
          "pre_nms_topn": "Regions that are looked at; 0 for all.",
          "post_nms_topn": "Regions that are given; 0 for all.",
          "nms_thresh": "The overlap from which the lesser region is dropped.",
        ]),
      ParameterTable(
        "python_param",
        [
          "module": "For a Python layer: rpn.proposal_layer.",
          "layer": "For a Python layer: ProposalLayer.",
          "param_str": "For a Python layer: feat_stride and scales.",
          "share_in_parallel": "Accepted, without effect.",
        ]),
    ], isExtension: true)
  static let samples = [
    LayerSample(
      "proposal_param { feat_stride: 8 base_size: 8 min_size: 4 ratio: 1 scale: 1 scale: 2 "
        + "post_nms_topn: 6 }",
      bottoms: [
        .constants([2, 4, 2, 3], [0.9, 0.1, 0.4, 0.35, 0.6, 0.2, 0.8]),
        .constants([2, 8, 2, 3], [0.1, -0.3, 0.2, 0, 0.5]), .constants([2, 3], [24, 30, 1]),
      ], tops: 2, phase: .test, hasGradient: false)
  ]

  private struct Settings {
    var stride = 16
    var base = 16
    var smallest = 16
    var ratios: [Float] = [0.5, 1, 2]
    var scales: [Float] = [8, 16, 32]
    var before = 6000
    var most = 300
    var overlap: Float = 0.7
  }

  private let spec: LayerSpec
  private let workers: Workers
  private let settings: Settings
  private let anchorCount: Int
  private let anchors = Buffer<Float>()
  private var map = (height: 0, width: 0)
  private var images = 0
  private var infoSize = 3
  private var infoCount = 1
  private let boxes = Buffer<Float>()
  private let scores = Buffer<Float>()
  private let orders = Buffer<Int32>()
  private let counts = Buffer<Int>()

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    workers = context.workers
    settings = try Proposal.settings(spec)
    anchorCount = settings.ratios.count * settings.scales.count
    anchors.reserve(anchorCount * 4)
    let middle = Float(settings.base - 1) / 2
    var anchor = anchors.pointer
    for ratio in settings.ratios {
      let area = Float(settings.base * settings.base)
      let width = (area / ratio).squareRoot().rounded(.toNearestOrEven)
      let height = (width * ratio).rounded(.toNearestOrEven)
      for scale in settings.scales {
        let (x, y) = ((width * scale - 1) / 2, (height * scale - 1) / 2)
        (anchor[0], anchor[1]) = (middle - x, middle - y)
        (anchor[2], anchor[3]) = (middle + x, middle + y)
        anchor += 4
      }
    }
  }

  private static func settings(_ spec: LayerSpec) throws -> Settings {
    var settings = Settings()
    if spec.message.has("python_param") {
      let python = spec.parameters("python_param")
      let text = python.string("param_str")
      let stride = PythonLayers.numbers("feat_stride", in: text).first
      let scales = PythonLayers.numbers("scales", in: text).map { Float($0) }
      settings.stride = stride.flatMap { Int(exactly: $0) } ?? 16
      if !scales.isEmpty { settings.scales = scales }
      if spec.phase == .train { (settings.before, settings.most) = (12000, 2000) }
      guard settings.stride > 0, settings.scales.allSatisfy({ $0 > 0 && $0.isFinite }) else {
        throw spec.error(
          "feat_stride and scales must be above 0", at: python.location("param_str"))
      }
      return settings
    }
    let given = spec.parameters("proposal_param")
    settings.stride = try spec.positive(given, "feat_stride", or: 16)
    settings.base = try spec.positive(given, "base_size", or: 16)
    settings.smallest = given.int("min_size")
    for (field, path) in [("ratio", \Settings.ratios), ("scale", \Settings.scales)] {
      let values = given.floats(field)
      if let index = values.firstIndex(where: { !($0 > 0 && $0.isFinite) }) {
        throw spec.error(
          "\(field) is \(values[index]), but must be above 0", at: given.location(field, index))
      }
      if !values.isEmpty { settings[keyPath: path] = values }
    }
    settings.before = given.int("pre_nms_topn")
    settings.most = given.int("post_nms_topn")
    settings.overlap = given.float("nms_thresh")
    return settings
  }

  func takesGradient(bottom: Int) -> Bool { false }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    try spec.requireImages(bottoms, 0)
    try spec.requireImages(bottoms, 1)
    let (score, info) = (bottoms[0], bottoms[2])
    for (index, each) in [(0, 2), (1, 4)] {
      let wanted: Shape = [score[0], each * anchorCount, score[2], score[3]]
      guard bottoms[index] == wanted else {
        throw spec.error(
          "'\(spec.bottoms[index])' is \(bottoms[index].display), but \(anchorCount) anchors need "
            + wanted.display, at: spec.message.location("bottom", index),
          help: "there is an anchor for each ratio and scale")
      }
    }
    guard info.axes >= 1, info.dimensions.last ?? 0 >= 3 || info.count(from: 1) >= 3 else {
      throw spec.error(
        "'\(spec.bottoms[2])' is \(info.display), but must hold height, width and scale",
        at: spec.message.location("bottom", 2))
    }
    (images, map) = (score[0], (score[2], score[3]))
    infoCount = info.axes > 1 ? info[0] : 1
    infoSize = info.axes > 1 ? info.count(from: 1) : info[0]
    guard infoCount == 1 || infoCount == images else {
      throw spec.error(
        "'\(spec.bottoms[2])' is of \(infoCount) images, but the batch has \(images)",
        at: spec.message.location("bottom", 2))
    }
    let each = map.height * map.width * anchorCount
    boxes.reserve(images * each * 4)
    scores.reserve(images * each)
    orders.reserve(images * each)
    counts.reserve(images)
    return [[1, 5], [1, 1]]
  }

  func nextShapes(_ bottom: [Blob]) throws -> [Shape] {
    let each = map.height * map.width * anchorCount
    workers.forEachRange(of: images, grain: 1) { part, _ in
      for image in part {
        let info = bottom[2].values + (infoCount == 1 ? 0 : image * infoSize)
        var plan = nk_proposals(
          anchors: anchorCount, height: map.height, width: map.width,
          stride: Float(settings.stride), image_height: info[0], image_width: info[1],
          smallest: Float(settings.smallest) * info[2])
        let (box, score) = (boxes.pointer + image * each * 4, scores.pointer + image * each)
        let order = orders.pointer + image * each
        let made = nk_propose(
          box, score, bottom[0].values + (2 * image + 1) * each,
          bottom[1].values + 4 * image * each, anchors.pointer, &plan)
        let ranked = nk_rank(order, score, 1, -.infinity, made)
        counts.pointer[image] = nk_suppress(
          order, order, settings.before > 0 ? min(ranked, settings.before) : ranked, box,
          settings.overlap, 1, 1, settings.most > 0 ? settings.most : each)
      }
    }
    var total = 0
    for image in 0..<images { total += counts.pointer[image] }
    return [[total, 5], [total, 1]]
  }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    let each = map.height * map.width * anchorCount
    var row = 0
    for image in 0..<images {
      for place in 0..<counts.pointer[image] {
        let index = image * each + Int(orders.pointer[image * each + place])
        top[0].values[row * 5] = Float(image)
        (top[0].values + row * 5 + 1).update(from: boxes.pointer + index * 4, count: 4)
        if top.count > 1 { top[1].values[row] = scores.pointer[index] }
        row += 1
      }
    }
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {}
}

extension LayerSpec {
  /// A parameter that must be above 0, or a number where it is not given.
  fileprivate func positive(_ parameters: Message, _ field: String, or fallback: Int) throws -> Int
  {
    parameters.has(field) ? try positive(parameters, field) : fallback
  }
}
