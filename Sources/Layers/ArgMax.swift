import CKernels
import Compute
import Prototxt
import Schema

/// The places of the largest values.
///
///     y = the top_k places of the largest x along the axis, the largest value first
///
/// Shapes: with `axis`, `y` is as `x` with top_k along it: places, or values with out_max_val. Without,
/// each item of the first axis counts as one row, and `y` is N × 1 × top_k, or N × 2 × top_k with places and
/// then values, with further axes of size 1 up to those of `x`.
///
/// Of equal values the later goes first; NaN goes last. Gradient: dx = 0.
final class ArgMax: SampleLayer {
  static let reference = LayerReference(
    "ArgMax", .utility,
    summary: "The places of the largest values.",
    formula: "y = the top_k places of the largest x along the axis, the largest value first",
    shapes:
      "with `axis`, y: as x, but top_k along it; without, y: N × 1 × top_k, N × 2 × top_k with "
      + "out_max_val, and as many axes as x if it has more",
    notes:
      "Of equal values the later one goes first; NaN goes last. With out_max_val there are values "
      + "in place of places with `axis`, places and then values without. The gradient is 0; Caffe "
      + "stops where one is asked for.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "argmax_param",
        [
          "out_max_val": "Whether values are put out, too or instead.",
          "top_k": "How many.",
          "axis":
            "The axis along which to look; negative counts from the end. Left out: all axes but "
            + "the first, taken as one.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([3, 5])], hasGradient: false),
    LayerSample(
      "argmax_param { top_k: 2 }", bottoms: [.uniform([2, 2, 3, 2])], hasGradient: false),
    LayerSample(
      "argmax_param { top_k: 3 out_max_val: true }", bottoms: [.uniform([3, 6])],
      hasGradient: false),
    LayerSample("argmax_param { axis: 1 }", bottoms: [.uniform([2, 5, 3])], hasGradient: false),
    LayerSample(
      "argmax_param { axis: -2 top_k: 4 out_max_val: true }", bottoms: [.uniform([2, 5, 3])],
      hasGradient: false),
    LayerSample("argmax_param { axis: 0 }", bottoms: [.uniform([4, 2])], hasGradient: false),
    LayerSample("", bottoms: [.uniform([3])], hasGradient: false),
  ]

  private let spec: LayerSpec
  private let count: Int
  private let hasValues: Bool
  private let hasAxis: Bool
  private let gradient: ZeroGradient
  private var outer = 0
  private var length = 0
  private var inner = 0
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("argmax_param")
    self.spec = spec
    count = given.int("top_k")
    hasValues = given.bool("out_max_val")
    hasAxis = given.has("axis")
    gradient = ZeroGradient(spec, context)
    try spec.checkSize(count, "top_k", least: 1, at: given.location("top_k"))
    try spec.refuseInPlace(why: "the top has another shape")
  }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let given = spec.parameters("argmax_param")
    let bottom = bottoms[0]
    guard hasAxis || bottom.axes > 0 else {
      throw spec.error("needs a bottom with at least one axis, not a scalar")
    }
    let axis = hasAxis ? try spec.axis(given, of: bottom) : 0
    length = hasAxis ? bottom[axis] : bottom.count(from: 1)
    guard count <= length else {
      let place = hasAxis ? "along axis \(axis)" : "in an item"
      throw spec.error(
        "top_k is \(count), but there are only \(length) values \(place) of the bottom "
          + "(\(bottom.display))", at: given.location("top_k"))
    }
    operations = bottom.count
    guard hasAxis else {
      (outer, inner, sampleCount) = (bottom[0], 1, bottom[0])
      var top = Array(repeating: 1, count: max(3, bottom.axes))
      (top[0], top[1], top[2]) = (bottom[0], hasValues ? 2 : 1, count)
      return [Shape(top)]
    }
    outer = bottom.count(from: 0, to: axis)
    inner = bottom.count(from: axis + 1)
    sampleCount = axis > 0 ? bottom[0] : 1
    var top = bottom
    top[axis] = count
    return [top]
  }

  /// Values and places.
  var scratchCount: Int { 2 * count }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let values = scratch
    let places = UnsafeMutableRawPointer(scratch + count).assumingMemoryBound(to: Int32.self)
    let size = sampleCount > 0 ? outer / sampleCount : 0
    let rows = !hasAxis && hasValues ? 2 : 1
    for item in samples.lowerBound * size..<samples.upperBound * size {
      for column in 0..<inner {
        nk_largest(
          values, places, count, bottom[0].values + item * length * inner + column, inner, length)
        let y = top[0].values + item * rows * count * inner + column
        for rank in 0..<count {
          y[rank * inner] = hasAxis && hasValues ? values[rank] : Float(places[rank])
          if rows == 2 { y[count + rank] = values[rank] }
        }
      }
    }
  }

  func beginBackward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    gradient.begin(pass)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    gradient.write(bottom[0], bottom[0].part(samples, of: sampleCount), pass)
  }
}
