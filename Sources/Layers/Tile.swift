import CKernels
import Compute
import Schema

/// Repeats a blob along one axis.
///
///     y = [x, x, …]          dx = Σ of the parts of dy
///
/// Shapes: `y` as `x`, but `tiles` times as long along the axis.
final class Tile: SampleLayer {
  static let reference = LayerReference(
    "Tile", .utility,
    summary: "Repeats a blob along one axis.",
    formula: "y = [x, x, …]", shapes: "y: as x, but `tiles` times as long along `axis`",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "tile_param",
        [
          "axis": "The axis; negative counts from the end.",
          "tiles": "How many times; must be given.",
        ])
    ])
  static let samples = [
    LayerSample("tile_param { tiles: 3 }", bottoms: [.uniform([2, 3, 2])]),
    LayerSample("tile_param { axis: 0 tiles: 2 }", bottoms: [.uniform([2, 3])]),
    LayerSample("tile_param { axis: -1 tiles: 4 }", bottoms: [.uniform([2, 2, 3])]),
    LayerSample("tile_param { axis: 2 tiles: 7 }", bottoms: [.uniform([2, 3, 1])]),
    LayerSample("tile_param { tiles: 1 }", bottoms: [.uniform([3, 2])]),
  ]

  private let spec: LayerSpec
  private let tiles: Int
  private var outer = 0
  private var inner = 0
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    tiles = try spec.positive(spec.parameters("tile_param"), "tiles")
  }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let given = spec.parameters("tile_param")
    let bottom = bottoms[0]
    let axis = try spec.axis(given, of: bottom)
    var sizes = bottom.dimensions
    sizes[axis] = tiles
    try spec.checkCount(sizes + [bottom[axis]], "a top", at: given.location("tiles"))
    sizes[axis] *= bottom[axis]
    sampleCount = axis > 0 ? bottom[0] : 1
    outer = bottom.count(from: 0, to: axis)
    inner = bottom.count(from: axis)
    return [Shape(sizes)]
  }

  /// The items of the axes before that a range of samples spans.
  private func items(_ samples: Range<Int>) -> Range<Int> {
    let size = sampleCount > 0 ? outer / sampleCount : 0
    return samples.lowerBound * size..<samples.upperBound * size
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let items = items(samples)
    let start = items.lowerBound * inner
    nk_tile(top[0].values + start * tiles, bottom[0].values + start, items.count, inner, tiles)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let items = items(samples)
    let start = items.lowerBound * inner
    nk_tile_backward(
      bottom[0].gradient + start, top[0].gradient + start * tiles, items.count, inner, tiles)
  }
}
