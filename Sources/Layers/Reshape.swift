import Compute
import Prototxt
import Schema

/// Gives a blob other axes, without moving a value.
///
///     y = x          dx = dy
///
/// Shapes: num_axes axes of `x` from `axis` on are replaced by the sizes of `shape`, where 0 copies the
/// size that `x` has at the same place and one −1 takes what is left. The top shares the bottom's
/// memory, values and gradient.
final class Reshape: SampleLayer {
  static let reference = LayerReference(
    "Reshape", .utility,
    summary: "Gives a blob other axes, without moving a value.",
    formula: "y = x",
    shapes: "y: as x, but with the sizes of `shape` in place of num_axes axes from `axis` on",
    notes: "In `shape`, 0 copies the size that x has at the same place of y, and −1, once at most, "
      + "takes what is left. The top shares the bottom's memory.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "reshape_param",
        [
          "shape": "The new sizes.",
          "axis": "The first axis that is replaced; negative counts from the end, −1 being behind "
            + "the last axis.",
          "num_axes": "How many axes are replaced: −1 all that follow, 0 none, which inserts.",
        ])
    ])
  static let samples = [
    LayerSample("reshape_param { shape { dim: 0 dim: 2 dim: -1 } }", bottoms: [.uniform([3, 8])]),
    LayerSample("reshape_param { shape { dim: 6 dim: 4 } }", bottoms: [.uniform([2, 3, 4])]),
    LayerSample(
      "reshape_param { shape { dim: 2 dim: 3 } axis: 1 num_axes: 1 }",
      bottoms: [.uniform([3, 6, 2])]),
    LayerSample(
      "reshape_param { shape { dim: 1 dim: 1 } axis: -1 num_axes: 0 }",
      bottoms: [.uniform([4, 2])]),
    LayerSample(
      "reshape_param { shape { dim: -1 } axis: 1 }", bottoms: [.uniform([3, 2, 2, 2])]),
    LayerSample("reshape_param { shape { dim: 0 dim: 0 dim: -1 } }", bottoms: [.uniform([2, 3])]),
  ]

  private let spec: LayerSpec
  /// As given: 0 copies, −1 takes what is left.
  private let sizes: [Int]
  private let replaced: Int
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("reshape_param")
    let shape = given.message("shape")
    self.spec = spec
    sizes = shape.ints("dim")
    replaced = given.int("num_axes")
    var problems = Diagnostics()
    for (index, size) in sizes.enumerated() where size < -1 {
      problems.append(spec.error("a size of \(size)", at: shape.location("dim", index)))
    }
    let open = sizes.indices.filter { sizes[$0] == -1 }
    if open.count > 1 {
      problems.append(
        spec.error(
          "two sizes are -1, so neither can be inferred", at: shape.location("dim", open[1]),
          notes: [Note("the first is here", at: shape.location("dim", open[0]))]))
    }
    if replaced < -1 {
      problems.append(
        spec.error(
          "num_axes is \(replaced), but must be -1 or more", at: given.location("num_axes"),
          help: "-1 replaces all axes from axis on"))
    }
    try problems.throwIfErrors()
  }

  var views: LayerViews { .valuesAndGradient }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let bottom = bottoms[0]
    let range = try replacedAxes(of: bottom)
    var result = Array(bottom.dimensions[..<range.lowerBound])
    for (index, size) in sizes.enumerated() {
      let place = range.lowerBound + index
      guard size == 0 else {
        result.append(size)
        continue
      }
      guard place < bottom.axes else {
        throw spec.error(
          "the 0 would copy axis \(place) of the bottom, which has \(bottom.axes) axes "
            + "(\(bottom.display))",
          at: spec.parameters("reshape_param").message("shape").location("dim", index))
      }
      result.append(bottom[place])
    }
    result += bottom.dimensions[range.upperBound...]
    if let index = sizes.firstIndex(of: -1) {
      result[range.lowerBound + index] = try inferred(bottom, range, at: index, result)
    }
    guard let top = Shape.checked(result), top.count == bottom.count else {
      throw spec.error(
        "the bottom (\(bottom.display)) has \(bottom.count) values, which do not make a blob of "
          + "\(result.map(String.init).joined(separator: "×"))",
        at: spec.parameters("reshape_param").location("shape"),
        help: "one size may be -1: it takes what is left")
    }
    sampleCount = bottom.leadingCount
    return [top]
  }

  /// The axes of the bottom that the new sizes replace.
  private func replacedAxes(of bottom: Shape) throws -> Range<Int> {
    let given = spec.parameters("reshape_param")
    let axis = given.int("axis")
    let first = axis < 0 ? bottom.axes + axis + 1 : axis
    guard (0...bottom.axes).contains(first) else {
      throw spec.error(
        "axis \(axis) of a blob with \(bottom.axes) axes (\(bottom.display))",
        at: given.location("axis"), help: "-1 is the place behind the last axis")
    }
    guard replaced >= 0 else { return first..<bottom.axes }
    guard replaced <= bottom.axes - first else {
      throw spec.error(
        "num_axes is \(replaced), but only \(bottom.axes - first) axes follow from axis \(first) "
          + "on (\(bottom.display))", at: given.location("num_axes"))
    }
    return first..<first + replaced
  }

  /// The size that is left for the −1 at `index`.
  ///
  /// Axes that stay as they are need not be divided by, so that an empty batch is no obstacle.
  private func inferred(
    _ bottom: Shape, _ range: Range<Int>, at index: Int, _ result: [Int]
  ) throws -> Int {
    let copied = Set(sizes.indices.filter { sizes[$0] == 0 }.map { range.lowerBound + $0 })
    let values = range.filter { !copied.contains($0) }.map { bottom[$0] }.reduce(1, *)
    var others = 1
    var isTooLarge = false
    for (place, size) in sizes.enumerated() where place != index {
      let axis = range.lowerBound + place
      if size == 0, range.contains(axis) { continue }
      let (product, overflow) = others.multipliedReportingOverflow(by: result[axis])
      (others, isTooLarge) = (product, isTooLarge || overflow)
    }
    guard !isTooLarge, others > 0, values % others == 0 else {
      let shape = spec.parameters("reshape_param").message("shape")
      throw spec.error(
        "the -1 cannot be inferred: \(values) values of the bottom (\(bottom.display)) cannot be "
          + "divided among \(isTooLarge ? "so many" : "\(others)")",
        at: shape.location("dim", index))
    }
    return values / others
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {}

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {}
}
