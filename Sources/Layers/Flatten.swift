import Compute
import Schema

/// Makes one axis of several, without moving a value.
///
///     y = x          dx = dy
///
/// Shapes: the axes from `axis` to `end_axis` become one of their product. The top shares the
/// bottom's memory, values and gradient.
final class Flatten: SampleLayer {
  static let reference = LayerReference(
    "Flatten", .utility,
    summary: "Makes one axis of several, without moving a value.",
    formula: "y = x", shapes: "y: the axes from `axis` to `end_axis` joined",
    notes: "The top shares the bottom's memory.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "flatten_param",
        [
          "axis": "The first axis to join; negative counts from the end.",
          "end_axis": "The last axis to join; negative counts from the end.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([3, 2, 2])]),
    LayerSample("flatten_param { axis: 0 end_axis: 1 }", bottoms: [.uniform([2, 3, 4])]),
    LayerSample("flatten_param { axis: -3 end_axis: -2 }", bottoms: [.uniform([2, 3, 2, 2])]),
  ]

  private let spec: LayerSpec
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws { self.spec = spec }

  var views: LayerViews { .valuesAndGradient }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let given = spec.parameters("flatten_param")
    let bottom = bottoms[0]
    let first = try spec.axis(given, of: bottom)
    let last = try spec.axis(given, "end_axis", of: bottom)
    // As in Caffe, an end just before the start joins nothing: it puts an axis of size 1 there.
    guard first <= last + 1 else {
      throw spec.error(
        "end_axis \(given.int("end_axis")) comes before axis \(given.int("axis")) in a blob of "
          + "\(bottom.axes) axes (\(bottom.display))",
        at: given.location(given.has("end_axis") ? "end_axis" : "axis"))
    }
    let dimensions =
      bottom.dimensions[..<first] + [bottom.count(from: first, to: last + 1)]
      + bottom.dimensions[(last + 1)...]
    guard let top = Shape.checked(Array(dimensions)) else {
      throw spec.error("a blob may have up to \(Shape.maximumAxes) axes")
    }
    sampleCount = bottom.leadingCount
    return [top]
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {}

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {}
}
