import Compute
import Prototxt
import Schema

/// Puts blobs one behind the other along one axis.
///
///     y = [x₁, …, xₖ]          dxᵢ = the part of dy that xᵢ became
///
/// Shapes: bottoms equal but along the axis; `y` has the sum of their sizes there.
final class Concat: SampleLayer {
  static let reference = LayerReference(
    "Concat", .utility,
    summary: "Puts blobs one behind the other along one axis.",
    formula: "y = [x₁, …, xₖ]",
    shapes: "bottoms: equal but along `axis`; y: their sizes added there",
    arity: Arity(1...Arity.unlimited, 1...1),
    parameters: [
      ParameterTable(
        "concat_param",
        [
          "axis": "The axis; negative counts from the end.",
          "concat_dim": "Older form of axis; never negative, and not together with it.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([3, 2, 2]), .uniform([3, 1, 2]), .uniform([3, 3, 2])]),
    LayerSample("concat_param { axis: 0 }", bottoms: [.uniform([2, 3]), .uniform([3, 3])]),
    LayerSample(
      "concat_param { axis: -1 }", bottoms: [.uniform([2, 3, 4]), .uniform([2, 3, 1])]),
    LayerSample("concat_param { concat_dim: 1 }", bottoms: [.uniform([2, 3])]),
  ]

  private let spec: LayerSpec
  private(set) var sampleCount = 1
  private var outer = 0
  /// For each bottom, the values that go into one item of the axes before.
  private var widths: [Int] = []
  private var width = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("concat_param")
    self.spec = spec
    guard !given.has("axis") || !given.has("concat_dim") else {
      throw spec.error(
        "has both axis and concat_dim", at: given.location("concat_dim"),
        notes: [Note("axis is given here", at: given.location("axis"))],
        help: "keep axis: concat_dim is its older form")
    }
  }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let given = spec.parameters("concat_param")
    let axis = try spec.axis(given, given.has("concat_dim") ? "concat_dim" : "axis", of: bottoms[0])
    var top = bottoms[0]
    var isTooLarge = false
    for (index, bottom) in bottoms.enumerated().dropFirst() {
      try check(bottom, index, against: bottoms[0], axis)
      let (size, overflow) = top[axis].addingReportingOverflow(bottom[axis])
      top[axis] = overflow ? top[axis] : size
      isTooLarge = isTooLarge || overflow
    }
    guard !isTooLarge, Shape.checked(top.dimensions) != nil else {
      throw spec.error("the blob of all bottoms would not fit in memory")
    }
    sampleCount = axis > 0 ? top[0] : 1
    outer = top.count(from: 0, to: axis)
    widths = bottoms.map { $0.count(from: axis) }
    width = widths.reduce(0, +)
    return [top]
  }

  private func check(_ bottom: Shape, _ index: Int, against first: Shape, _ axis: Int) throws {
    var expected = first
    if bottom.axes == first.axes { expected[axis] = bottom[axis] }
    guard bottom == expected else {
      throw spec.error(
        "bottoms may differ along axis \(axis) only, but '\(spec.bottoms[0])' is "
          + "\(first.display) and '\(spec.bottoms[index])' is \(bottom.display)",
        at: spec.message.location("bottom", index))
    }
  }

  /// The items of the axes before that a range of samples spans.
  private func items(_ samples: Range<Int>) -> Range<Int> {
    let size = sampleCount > 0 ? outer / sampleCount : 0
    return samples.lowerBound * size..<samples.upperBound * size
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    for item in items(samples) {
      var y = top[0].values + item * width
      for index in 0..<bottom.count {
        y.update(from: bottom[index].values + item * widths[index], count: widths[index])
        y += widths[index]
      }
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    for item in items(samples) {
      var dy = top[0].gradient + item * width
      for index in 0..<bottom.count {
        if pass.propagate[index] {
          (bottom[index].gradient + item * widths[index]).update(from: dy, count: widths[index])
        }
        dy += widths[index]
      }
    }
  }
}
