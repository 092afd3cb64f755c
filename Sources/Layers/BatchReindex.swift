import CKernels
import Compute
import Schema

/// Picks samples by their numbers: in another order, several times or not at all.
///
///     y[i] = x[index[i]]          dx[j] = Σ dy[i] over the i with index[i] = j
///
/// Shapes: `x` is N items, `index` has one axis; `y` has an item for each index. No gradient for the index.
final class BatchReindex: BatchLayer {
  static let reference = LayerReference(
    "BatchReindex", .utility,
    summary: "Picks samples by their numbers: in another order, several times or not at all.",
    formula: "y[i] = x[index[i]]",
    shapes: "x: N items along the first axis; index: one axis; y: an item for each index",
    notes: "Indices are cut to whole numbers; one that names no item is an error.",
    arity: Arity(2...2, 1...1))
  static let samples = [
    LayerSample("", bottoms: [.uniform([4, 3]), .constants([4], [2, 0, 3, 1])]),
    LayerSample("", bottoms: [.uniform([3, 2, 2]), .constants([6], [0, 2, 2, 0, 2, 2])]),
    LayerSample("", bottoms: [.uniform([5]), .labels([3], classes: 5)]),
  ]

  private let spec: LayerSpec
  private let indices = RowIndices()
  private var items = 0
  private var count = 0
  private var width = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    try spec.refuseInPlace(why: "items would be overwritten before they are read")
  }

  func takesGradient(bottom: Int) -> Bool { bottom == 0 }

  var backwardReads: BackwardReads { .bottoms(1) }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    guard bottoms[0].axes > 0 else {
      throw spec.error(
        "needs a bottom with at least one axis, not a scalar",
        at: spec.message.location("bottom", 0))
    }
    guard bottoms[1].axes == 1 else {
      throw spec.error(
        "the indices must have one axis, not \(bottoms[1].display)",
        at: spec.message.location("bottom", 1), help: "a Reshape or Flatten layer can join axes")
    }
    var top = bottoms[0]
    top[0] = bottoms[1][0]
    try spec.checkCount(top.dimensions, "a top", at: nil)
    items = bottoms[0][0]
    count = top[0]
    width = bottoms[0].count(from: 1)
    indices.reserve(count)
    return [top]
  }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    try indices.read(
      bottom[1], bottom: 1, rows: items, of: "items",
      help: "indices count from 0 along the first axis of '\(spec.bottoms[0])'")
    for place in 0..<count {
      nk_copy(top[0].values + place * width, bottom[0].values + indices[place] * width, width)
    }
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    guard pass.propagate[0] else { return }
    nk_fill(bottom[0].gradient, 0, items * width)
    for place in 0..<count {
      let dx = bottom[0].gradient + indices[place] * width
      nk_add(dx, dx, top[0].gradient + place * width, width)
    }
  }
}
