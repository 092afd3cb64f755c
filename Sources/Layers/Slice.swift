import Compute
import Prototxt
import Schema

/// Cuts a blob along one axis.
///
///     [y₁, …, yₖ] = x          dx = [dy₁, …, dyₖ]
///
/// Shapes: tops as `x`, but along the axis from one slice_point to the next, or equal parts of it. A
/// single top shares the bottom's memory.
final class Slice: SampleLayer {
  static let reference = LayerReference(
    "Slice", .utility,
    summary: "Cuts a blob along one axis.",
    formula: "[y₁, …, yₖ] = x",
    shapes:
      "tops: as x, but with a part of the axis: from one slice_point to the next, or all equal",
    arity: Arity(1...1, 1...Arity.unlimited),
    parameters: [
      ParameterTable(
        "slice_param",
        [
          "axis": "The axis; negative counts from the end.",
          "slice_point":
            "Where each top but the first begins, rising; without any, the axis is cut "
            + "in equal parts.",
          "slice_dim": "Older form of axis; never negative, and not together with it.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([3, 6, 2])], tops: 3),
    LayerSample(
      "slice_param { slice_point: 1 slice_point: 4 }", bottoms: [.uniform([2, 7, 2, 2])], tops: 3),
    LayerSample("slice_param { axis: 0 }", bottoms: [.uniform([4, 3])], tops: 2),
    LayerSample(
      "slice_param { axis: -1 slice_point: 2 }", bottoms: [.uniform([2, 3, 5])], tops: 2),
    LayerSample("slice_param { slice_dim: 1 }", bottoms: [.uniform([2, 4])], tops: 1),
  ]

  private let spec: LayerSpec
  private let points: [Int]
  private(set) var sampleCount = 1
  private var outer = 0
  /// For each top, the values of one item of the axes before.
  private var widths: [Int] = []
  private var width = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("slice_param")
    self.spec = spec
    points = given.ints("slice_point")
    var problems = Diagnostics()
    if given.has("axis"), given.has("slice_dim") {
      problems.append(
        spec.error(
          "has both axis and slice_dim", at: given.location("slice_dim"),
          notes: [Note("axis is given here", at: given.location("axis"))],
          help: "keep axis: slice_dim is its older form"))
    }
    let tops = spec.tops.count
    if !points.isEmpty, points.count != tops - 1 {
      problems.append(
        spec.error(
          "has \(tops) tops, but \(points.count) values of slice_point",
          at: given.location("slice_point", max(0, min(points.count, tops) - 1)),
          help: "give one slice_point less than there are tops, or none for equal parts"))
    }
    for (index, point) in points.enumerated() where point <= (index > 0 ? points[index - 1] : 0) {
      problems.append(
        spec.error(
          "slice_point \(point) must be above \(index > 0 ? points[index - 1] : 0)",
          at: given.location("slice_point", index), help: "the values must rise"))
    }
    try problems.throwIfErrors()
  }

  var views: LayerViews { spec.tops.count == 1 ? .valuesAndGradient : .none }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let given = spec.parameters("slice_param")
    let bottom = bottoms[0]
    let axis = try spec.axis(given, given.has("slice_dim") ? "slice_dim" : "axis", of: bottom)
    let sizes = try parts(of: bottom, axis)
    let inner = bottom.count(from: axis + 1)
    sampleCount = axis > 0 ? bottom[0] : 1
    outer = bottom.count(from: 0, to: axis)
    widths = sizes.map { $0 * inner }
    width = bottom[axis] * inner
    return sizes.map { size in
      var top = bottom
      top[axis] = size
      return top
    }
  }

  /// The tops' sizes along the axis.
  private func parts(of bottom: Shape, _ axis: Int) throws -> [Int] {
    let size = bottom[axis]
    let tops = spec.tops.count
    guard !points.isEmpty else {
      guard size % tops == 0 else {
        throw spec.error(
          "axis \(axis) of the bottom (\(bottom.display)) has \(size) values, which cannot be cut in "
            + "\(tops) equal parts", help: "say where to cut by slice_point")
      }
      return Array(repeating: size / tops, count: tops)
    }
    if let index = points.firstIndex(where: { $0 > size }) {
      throw spec.error(
        "slice_point \(points[index]) is beyond axis \(axis) of the bottom (\(bottom.display))",
        at: spec.parameters("slice_param").location("slice_point", index))
    }
    let ends = points + [size]
    return ends.indices.map { ends[$0] - ($0 > 0 ? ends[$0 - 1] : 0) }
  }

  /// The items of the axes before that a range of samples spans.
  private func items(_ samples: Range<Int>) -> Range<Int> {
    let size = sampleCount > 0 ? outer / sampleCount : 0
    return samples.lowerBound * size..<samples.upperBound * size
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    guard top.count > 1 else { return }
    for item in items(samples) {
      var x = bottom[0].values + item * width
      for index in 0..<top.count {
        (top[index].values + item * widths[index]).update(from: x, count: widths[index])
        x += widths[index]
      }
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0], top.count > 1 else { return }
    for item in items(samples) {
      var dx = bottom[0].gradient + item * width
      for index in 0..<top.count {
        dx.update(from: top[index].gradient + item * widths[index], count: widths[index])
        dx += widths[index]
      }
    }
  }
}
