import CKernels
import Compute
import Prototxt
import Schema

/// Makes detections of offsets, scores and prior boxes, of SSD.
///
/// Each prior box moves by its offsets, as code_type tells. Of each class but the background, those with a score
/// above confidence_threshold are looked at from the best on, top_k at the most, and dropped where they overlap
/// one that was kept by more than nms_threshold. Of an image the keep_top_k best of all classes are given.
///
/// Shapes: offsets N × (P · 4), or with share_location false N × (P · num_classes · 4); scores N × (P ·
/// num_classes); priors 1 × 2 × (P · 4) of PriorBox; the top is 1 × 1 × K × 7: image, class, score, left, top, right,
/// bottom, by image, class and falling score. Where nothing is found at all, K is N, with −1 behind the image.
final class DetectionOutput: DynamicLayer {
  static let reference = LayerReference(
    "DetectionOutput", .vision,
    summary: "Makes detections of offsets, scores and prior boxes.",
    formula: "CORNER: corner = prior + variance·offset\n"
      + "CORNER_SIZE: corner = prior + variance·offset·side\n"
      + "CENTER_SIZE: centre = prior + variance·offset·side, side = side·exp(variance·offset)",
    shapes: "offsets: N × (P·4), or N × (P·num_classes·4); scores: N × (P·num_classes); "
      + "priors: 1 × 2 × (P·4); top: 1 × 1 × K × 7",
    notes: "Of SSD. A row of the top is image, class, score, left, top, right, bottom, in parts of "
      + "the image. Where nothing is found, there is a row of −1 for each image. Equal scores keep "
      + "the order of the priors. Nothing is saved or drawn: netrun's callers get the top.",
    arity: Arity(3...3, 1...1),
    parameters: [
      ParameterTable(
        "detection_output_param",
        [
          "num_classes": "The number of classes, the background included; must be given.",
          "share_location": "Whether a prior has one box for all classes.",
          "background_label_id": "The class that is no object; −1 if there is none.",
          "nms_param": "How overlapping boxes are dropped: nms_threshold, top_k, eta.",
          "save_output_param": "Accepted, without effect.",
          "code_type": "How offsets tell a box.",
          "variance_encoded_in_target": "Whether offsets were multiplied by the variances already.",
          "keep_top_k": "Boxes of an image that are kept; −1 keeps all.",
          "confidence_threshold": "Only scores above it count; left out, all.",
          "visualize": "Accepted, without effect.",
          "visualize_threshold": "Accepted, without effect.",
          "save_file": "Accepted, without effect.",
        ])
    ], isExtension: true)
  static let samples = [
    LayerSample(
      "detection_output_param { num_classes: 3 code_type: CENTER_SIZE keep_top_k: 4 "
        + "confidence_threshold: 0.1 nms_param { nms_threshold: 0.45 top_k: 5 } }",
      bottoms: [
        .constants([2, 16], [0.1, -0.2, 0.3, 0, 0.5, 0.2, -0.1]),
        .constants([2, 12], [0.2, 0.7, 0.1, 0.1, 0.3, 0.6, 0.05]),
        .constants([1, 2, 16], [0, 0, 0.4, 0.5, 0.2, 0.1, 0.9, 0.6]),
      ], phase: .test, hasGradient: false)
  ]

  private let spec: LayerSpec
  private let workers: Workers
  private let classes: Int
  private let isShared: Bool
  private let background: Int
  private let code: nk_box_code
  private let usesVariance: Bool
  private let threshold: Float
  private let overlap: (threshold: Float, eta: Float, most: Int)
  private let keep: Int
  private var images = 0
  private var priors = 0
  /// The boxes of an image, or of an image and class.
  private let boxes = Buffer<Float>()
  /// For each image and class, the priors that are left, and how many.
  private let orders = Buffer<Int32>()
  private let counts = Buffer<Int>()
  /// Of one image at a time: what is left of all classes.
  private let found = Buffer<Float>()
  private let foundOrder = Buffer<Int32>()
  private let isKept = Buffer<Bool>()
  private let rows = Buffer<Float>()
  private var rowCount = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("detection_output_param")
    self.spec = spec
    workers = context.workers
    classes = try spec.positive(given, "num_classes")
    isShared = given.bool("share_location")
    background = given.int("background_label_id")
    usesVariance = !given.bool("variance_encoded_in_target")
    threshold = given.optionalFloat("confidence_threshold") ?? -.infinity
    keep = given.int("keep_top_k")
    switch given.enumName("code_type") {
    case "CENTER_SIZE": code = nk_box_center_size
    case "CORNER_SIZE": code = nk_box_corner_size
    default: code = nk_box_corner
    }
    let nms = given.message("nms_param")
    let most = nms.int("top_k")
    overlap = (nms.float("nms_threshold"), nms.float("eta"), most < 0 ? Int.max : most)
    guard overlap.threshold >= 0 else {
      throw spec.error(
        "nms_threshold is \(overlap.threshold), but must be 0 or more",
        at: nms.location("nms_threshold"))
    }
    guard overlap.eta > 0, overlap.eta <= 1 else {
      throw spec.error(
        "eta is \(overlap.eta), but must be above 0 and not above 1", at: nms.location("eta"))
    }
  }

  func takesGradient(bottom: Int) -> Bool { false }

  private var locations: Int { isShared ? 1 : classes }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let (offsets, scores, prior) = (bottoms[0], bottoms[1], bottoms[2])
    guard prior.axes >= 3, prior[1] == 2, prior.count(from: 2) % 4 == 0 else {
      throw spec.error(
        "'\(spec.bottoms[2])' is \(prior.display), but must be priors as of PriorBox: "
          + "1 × 2 × (boxes · 4)", at: spec.message.location("bottom", 2))
    }
    priors = prior.count(from: 2) / 4
    images = offsets.leadingCount
    let sizes = [(0, offsets, priors * locations * 4), (1, scores, priors * classes)]
    for (index, shape, size) in sizes {
      guard shape.axes > 0, shape[0] == images, shape.count(from: 1) == size else {
        throw spec.error(
          "'\(spec.bottoms[index])' is \(shape.display), but \(priors) priors and \(classes) "
            + "classes need \(images) × \(size)", at: spec.message.location("bottom", index))
      }
    }
    try spec.checkCount([images, classes, priors, 7], "the detections", at: nil)
    boxes.reserve(images * locations * priors * 4)
    orders.reserve(images * classes * priors)
    counts.reserve(images * classes)
    found.reserve(classes * priors)
    foundOrder.reserve(classes * priors)
    isKept.reserve(classes * priors)
    let most = keep >= 0 ? min(keep, classes * priors) : classes * priors
    rows.reserve(images * max(1, most) * 7)
    return [[1, 1, 1, 7]]
  }

  func nextShapes(_ bottom: [Blob]) throws -> [Shape] {
    rowCount = 0
    if images > 0 { find(bottom) }
    for image in 0..<images { collect(image, bottom[1]) }
    if rowCount == 0 {
      for image in 0..<images {
        (rows.pointer + image * 7).update(repeating: -1, count: 7)
        rows.pointer[image * 7] = Float(image)
      }
      rowCount = images
    }
    return [[1, 1, rowCount, 7]]
  }

  /// The boxes, and which of them each image and class keeps.
  private func find(_ bottom: [Blob]) {
    let prior = bottom[2].values
    let variance = usesVariance ? UnsafePointer(prior + priors * 4) : nil
    workers.forEachRange(of: images * locations, grain: 1) { part, _ in
      for index in part {
        let (image, location) = (index / locations, index % locations)
        nk_decode_boxes(
          boxes.pointer + index * priors * 4,
          bottom[0].values + (image * priors * locations + location) * 4, locations * 4, prior,
          variance, code, priors)
      }
    }
    workers.forEachRange(of: images * classes, grain: 1) { part, _ in
      for index in part {
        let (image, label) = (index / classes, index % classes)
        counts.pointer[index] = 0
        if label == background { continue }
        let order = orders.pointer + index * priors
        let location = image * locations + (isShared ? 0 : label)
        let ranked = nk_rank(
          order, bottom[1].values + image * priors * classes + label, classes, threshold, priors)
        counts.pointer[index] = nk_suppress(
          order, order, min(ranked, overlap.most), boxes.pointer + location * priors * 4,
          overlap.threshold, overlap.eta, 0, priors)
      }
    }
  }

  /// Adds the rows of an image.
  private func collect(_ image: Int, _ scores: Blob) {
    var count = 0
    for label in 0..<classes {
      let index = image * classes + label
      for place in 0..<counts.pointer[index] {
        let prior = Int(orders.pointer[index * priors + place])
        found.pointer[count] = scores.values[(image * priors + prior) * classes + label]
        count += 1
      }
    }
    isKept.pointer.update(repeating: keep < 0 || count <= keep, count: count)
    if keep >= 0, count > keep {
      let ranked = nk_rank(foundOrder.pointer, found.pointer, 1, -.infinity, count)
      for place in 0..<min(keep, ranked) { isKept.pointer[Int(foundOrder.pointer[place])] = true }
    }
    var candidate = 0
    for label in 0..<classes {
      let index = image * classes + label
      let location = image * locations + (isShared ? 0 : label)
      for place in 0..<counts.pointer[index] {
        defer { candidate += 1 }
        guard isKept.pointer[candidate] else { continue }
        let prior = Int(orders.pointer[index * priors + place])
        let row = rows.pointer + rowCount * 7
        (row[0], row[1], row[2]) = (Float(image), Float(label), found.pointer[candidate])
        (row + 3).update(from: boxes.pointer + (location * priors + prior) * 4, count: 4)
        rowCount += 1
      }
    }
  }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    nk_copy(top[0].values, rows.pointer, rowCount * 7)
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {}
}
