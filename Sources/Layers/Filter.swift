import CKernels
import Compute
import Schema

/// Keeps the samples that a selector marks.
///
///     yᵢ = the items of xᵢ whose selector is not 0
///
/// Shapes: the last bottom is the selector, a value for each item; `yᵢ` as `xᵢ`, but with the kept items
/// only along the first axis, perhaps none. Until the first pass all count as kept.
///
/// Gradient: dx = dy for items that were kept, 0 for others; none for the selector.
final class Filter: DynamicLayer {
  static let reference = LayerReference(
    "Filter", .utility,
    summary: "Keeps the samples that a selector marks.",
    formula: "yᵢ = the items of xᵢ whose selector is not 0",
    shapes:
      "x₁, x₂, …: N items each along the first axis; last bottom: N × 1 × 1 …; yᵢ: as xᵢ, with the "
      + "kept items",
    notes:
      "The shapes of the tops change from pass to pass, down to no item at all; until the first "
      + "pass all items count as kept.",
    arity: Arity(2...Arity.unlimited, 1...Arity.unlimited))
  static let samples = [
    LayerSample("", bottoms: [.uniform([5, 3]), .constants([5], [1, 0, -2, 0, 0.5])]),
    LayerSample(
      "",
      bottoms: [
        .uniform([4, 2, 2]), .uniform([4]), .constants([4, 1, 1, 1], [0, 1, 1, 0]),
      ], tops: 2),
    LayerSample("", bottoms: [.uniform([3, 2]), .constants([3], [1, 1, 1])]),
  ]

  private let spec: LayerSpec
  /// The numbers of the kept items.
  private let kept = Buffer<Int32>()
  private var count = 0
  private var items = 0
  private var widths: [Int] = []
  private var shapes: [Shape] = []

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    let tops = spec.tops.count
    let bottoms = spec.bottoms.count
    guard tops == bottoms - 1 else {
      throw spec.error(
        "has \(bottoms) bottoms and \(tops) tops, but the last bottom is the selector, so there must "
          + "be one top for each other bottom",
        at: tops > bottoms - 1 ? spec.message.location("top", max(0, bottoms - 1)) : nil)
    }
  }

  func takesGradient(bottom: Int) -> Bool { bottom < spec.bottoms.count - 1 }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let last = bottoms.count - 1
    let selector = bottoms[last]
    guard selector.axes > 0, selector.count == selector[0] else {
      throw spec.error(
        "the selector '\(spec.bottoms[last])' must have a single value for each item, but is "
          + "\(selector.display)", at: spec.message.location("bottom", last),
        help: "all of its axes but the first must have size 1")
    }
    for (index, bottom) in bottoms.dropLast().enumerated() {
      guard bottom.axes > 0, bottom[0] == selector[0] else {
        throw spec.error(
          "'\(spec.bottoms[index])' (\(bottom.display)) and the selector '\(spec.bottoms[last])' "
            + "(\(selector.display)) must have as many items",
          at: spec.message.location("bottom", index))
      }
    }
    items = selector[0]
    widths = bottoms.dropLast().map { $0.count(from: 1) }
    shapes = Array(bottoms.dropLast())
    kept.reserve(items)
    return shapes
  }

  func nextShapes(_ bottom: [Blob]) throws -> [Shape] {
    let selector = bottom[bottom.count - 1].values
    count = 0
    for item in 0..<items where selector[item] != 0 {
      kept.pointer[count] = Int32(item)
      count += 1
    }
    for index in shapes.indices { shapes[index][0] = count }
    return shapes
  }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    for index in 0..<top.count {
      let width = widths[index]
      let (y, x) = (top[index].values, bottom[index].values)
      for place in 0..<count {
        nk_copy(y + place * width, x + Int(kept.pointer[place]) * width, width)
      }
    }
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    for index in 0..<top.count where pass.propagate[index] {
      let width = widths[index]
      let (dx, dy) = (bottom[index].gradient, top[index].gradient)
      nk_fill(dx, 0, items * width)
      for place in 0..<count {
        nk_copy(dx + Int(kept.pointer[place]) * width, dy + place * width, width)
      }
    }
  }
}
