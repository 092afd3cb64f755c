import CKernels
import Compute
import Prototxt
import Schema

/// Gives boxes of fixed sizes and shapes over each place of a map, of SSD.
///
///     centre = (place + offset) · step; sides: m × m, √(m · M) × √(m · M), m·√a × m/√a
///
/// for each min_size m with the max_size M at its place, and each aspect_ratio a, with flip also 1 / a. The
/// corners are divided by the image's size.
///
/// Shapes: `x` N × C × H × W, of which only H and W count; the second bottom is the image, N × c × h × w; the top
/// is 1 × 2 × (H · W · boxes · 4): left, top, right and bottom of all boxes, then their variances.
final class PriorBox: BatchLayer {
  static let reference = LayerReference(
    "PriorBox", .vision,
    summary: "Gives boxes of fixed sizes and shapes over each place of a map.",
    formula: "centre = (place + offset)·step\nsides = m × m, √(m·M) × √(m·M), m·√a × m/√a",
    shapes: "x: N × C × H × W; image: N × c × h × w; top: 1 × 2 × (H·W·boxes·4), corners and "
      + "variances",
    notes:
      "Of SSD. m is a min_size, M the max_size of the same place, a an aspect_ratio. Passes no "
      + "gradient.",
    arity: Arity(2...2, 1...1),
    parameters: [
      ParameterTable(
        "prior_box_param",
        [
          "min_size": "Sides of the small squares, in pixels; must be given.",
          "max_size": "For each min_size, what the side of the larger square is the mean with.",
          "aspect_ratio": "Width over height of further boxes of the small square's area.",
          "flip": "Whether there is 1 / aspect_ratio too.",
          "clip": "Whether corners are cut at the image's border.",
          "variance": "One for all corners, or four; 0.1 if left out.",
          "img_size": "Side of the image; left out, that of the second bottom.",
          "img_h": "Height of the image; with img_w, in place of img_size.",
          "img_w": "Width of the image.",
          "step": "Pixels from place to place; left out, the image's size over the map's.",
          "step_h": "Pixels from row to row; with step_w, in place of step.",
          "step_w": "Pixels from column to column.",
          "offset": "Where in its step a place lies.",
        ])
    ], isExtension: true)
  static let samples = [
    LayerSample(
      "prior_box_param { min_size: 30 max_size: 60 aspect_ratio: 2 variance: 0.1 variance: 0.1 "
        + "variance: 0.2 variance: 0.2 }",
      bottoms: [.uniform([2, 1, 2, 3]), .uniform([2, 3, 30, 45])], hasGradient: false),
    LayerSample(
      "prior_box_param { min_size: 8 min_size: 12 clip: true step: 8 img_size: 24 offset: 0.25 }",
      bottoms: [.uniform([1, 2, 3, 3]), .uniform([1, 1, 4, 4])], hasGradient: false),
  ]

  private let spec: LayerSpec
  /// Width and height of the boxes of a place, in pixels.
  private let sides: [(width: Float, height: Float)]
  private let variances: [Float]
  private let isClipped: Bool
  private let offset: Float
  private let image: (height: Int, width: Int)?
  private let step: (height: Float, width: Float)?
  private let boxes = Blob("boxes")

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("prior_box_param")
    self.spec = spec
    sides = try PriorBox.sides(spec, given)
    isClipped = given.bool("clip")
    offset = given.float("offset")
    let variances = given.has("variance") ? given.floats("variance") : [0.1]
    for (index, value) in variances.enumerated() where !(value > 0) {
      throw spec.error(
        "variance is \(value), but must be above 0", at: given.location("variance", index))
    }
    guard [1, 4].contains(variances.count) else {
      throw spec.error(
        "variance is given \(variances.count) times, but must be once or four times",
        at: given.location("variance"))
    }
    self.variances = variances.count == 1 ? Array(repeating: variances[0], count: 4) : variances
    if given.has("img_h") || given.has("img_w") {
      image = (try spec.positive(given, "img_h"), try spec.positive(given, "img_w"))
    } else if given.has("img_size") {
      let side = try spec.positive(given, "img_size")
      image = (side, side)
    } else {
      image = nil
    }
    func length(_ field: String) throws -> Float {
      guard given.float(field) > 0 else {
        throw spec.error("\(field) must be given, above 0", at: given.location(field))
      }
      return given.float(field)
    }
    if given.has("step_h") || given.has("step_w") {
      step = (try length("step_h"), try length("step_w"))
    } else if given.has("step") {
      step = (try length("step"), try length("step"))
    } else {
      step = nil
    }
  }

  private static func sides(
    _ spec: LayerSpec, _ given: Message
  ) throws -> [(width: Float, height: Float)] {
    let (small, large) = (given.floats("min_size"), given.floats("max_size"))
    guard !small.isEmpty else {
      throw spec.error("min_size is missing", at: given.location, help: "add min_size: …")
    }
    guard large.isEmpty || large.count == small.count else {
      throw spec.error(
        "there are \(small.count) min_size but \(large.count) max_size",
        at: given.location("max_size"), help: "give a max_size for each min_size, or none")
    }
    for (index, size) in small.enumerated() {
      guard size > 0 else {
        throw spec.error(
          "min_size is \(size), but must be above 0", at: given.location("min_size", index))
      }
      guard large.isEmpty || large[index] > size else {
        throw spec.error(
          "max_size is \(large[index]), but must be above its min_size, \(size)",
          at: given.location("max_size", index))
      }
    }
    var ratios: [Float] = [1]
    for (index, ratio) in given.floats("aspect_ratio").enumerated() {
      guard ratio > 0 else {
        throw spec.error(
          "aspect_ratio is \(ratio), but must be above 0",
          at: given.location("aspect_ratio", index))
      }
      if ratios.contains(where: { abs($0 - ratio) < 1e-6 }) { continue }
      ratios.append(ratio)
      if given.bool("flip") { ratios.append(1 / ratio) }
    }
    return small.enumerated().flatMap { index, size in
      let mean = large.isEmpty ? [] : [(size * large[index]).squareRoot()]
      return ([size] + mean).map { (width: $0, height: $0) }
        + ratios.filter { abs($0 - 1) >= 1e-6 }.map {
          (width: size * $0.squareRoot(), height: size / $0.squareRoot())
        }
    }
  }

  func takesGradient(bottom: Int) -> Bool { false }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    try spec.requireImages(bottoms, 0)
    try spec.requireImages(bottoms, 1)
    let map = (height: bottoms[0][2], width: bottoms[0][3])
    let shape = [1, 2, map.height, map.width, sides.count, 4]
    try spec.checkCount(shape, "the top", at: nil)
    boxes.reshape(Shape([1, 2, shape[2...].reduce(1, *)]))
    fill(map, image ?? (bottoms[1][2], bottoms[1][3]))
    return [boxes.shape]
  }

  /// The boxes depend on shapes alone, so they are made here.
  private func fill(_ map: (height: Int, width: Int), _ image: (height: Int, width: Int)) {
    let (imageHeight, imageWidth) = (Float(image.height), Float(image.width))
    let rowStep = step?.height ?? imageHeight / Float(map.height)
    let columnStep = step?.width ?? imageWidth / Float(map.width)
    var box = boxes.values
    for row in 0..<map.height {
      for column in 0..<map.width {
        let x = (Float(column) + offset) * columnStep
        let y = (Float(row) + offset) * rowStep
        for side in sides {
          box[0] = (x - side.width / 2) / imageWidth
          box[1] = (y - side.height / 2) / imageHeight
          box[2] = (x + side.width / 2) / imageWidth
          box[3] = (y + side.height / 2) / imageHeight
          box += 4
        }
      }
    }
    let count = boxes.count / 2
    if isClipped { nk_clip(boxes.values, boxes.values, 0, 1, count) }
    for index in 0..<count { boxes.values[count + index] = variances[index % 4] }
  }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    nk_copy(top[0].values, boxes.values, boxes.count)
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {}
}
