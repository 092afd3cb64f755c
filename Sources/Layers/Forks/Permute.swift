import CKernels
import Compute
import Prototxt
import Schema

/// Changes the order of the axes, of SSD.
///
///     y[i(order[0]), i(order[1]), …] = x[i(0), i(1), …]
///
/// Shapes: axis k of `y` is axis order[k] of `x`; axes that `order` leaves out follow in their order.
/// Gradient: dx is dy with the axes put back.
final class Permute: SampleLayer {
  static let reference = LayerReference(
    "Permute", .utility,
    summary: "Changes the order of the axes.",
    formula: "y[i(order[0]), i(order[1]), …] = x[i(0), i(1), …]",
    shapes: "axis k of y is axis order[k] of x",
    notes: "Of SSD, where order: 0 2 3 1 brings channels behind height and width.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "permute_param",
        ["order": "The axes of x in the order of y, from 0; those left out follow."])
    ], isExtension: true)
  static let samples = [
    LayerSample(
      "permute_param { order: 0 order: 2 order: 3 order: 1 }", bottoms: [.uniform([2, 3, 4, 5])]),
    LayerSample(
      "permute_param { order: 2 order: 0 order: 1 }", bottoms: [.uniform([2, 3, 4])]),
    LayerSample(
      "permute_param { order: 0 order: 3 order: 2 order: 1 }", bottoms: [.uniform([2, 3, 4, 2])]),
    LayerSample("permute_param { order: 1 }", bottoms: [.uniform([3, 2, 2])]),
    LayerSample("", bottoms: [.uniform([3, 4])]),
  ]

  /// A rearrangement: sizes of what is written, and strides of what is read, of one sample.
  private final class Move {
    let sizes = Buffer<Int>()
    let strides = Buffer<Int>()
    private(set) var axes = 0
    /// Where two runs of axes change places, a transposition: rows and columns of what is read.
    private(set) var matrix: (copies: Int, rows: Int, columns: Int)?

    /// Plans for `shape`, whose axis order[k] becomes axis k.
    func plan(_ order: [Int], of shape: [Int]) {
      axes = order.count
      sizes.reserve(max(1, axes))
      strides.reserve(max(1, axes))
      for (place, axis) in order.enumerated() {
        sizes.pointer[place] = shape[axis]
        strides.pointer[place] = shape[(axis + 1)...].reduce(1, *)
      }
      matrix = nil
      let fixed = zip(order, 0...).prefix { $0 == $1 }.count
      guard fixed < axes else { return }
      let split = order[fixed]
      guard order[fixed...].elementsEqual(Array(split..<axes) + Array(fixed..<split)) else {
        return
      }
      matrix = (
        shape[..<fixed].reduce(1, *), shape[fixed..<split].reduce(1, *),
        shape[split...].reduce(1, *)
      )
    }

    func run(_ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>) {
      guard let matrix else {
        nk_permute(y, x, sizes.pointer, strides.pointer, axes)
        return
      }
      let size = matrix.rows * matrix.columns
      for copy in 0..<matrix.copies {
        nk_transpose(
          y + copy * size, matrix.rows, x + copy * size, matrix.columns, matrix.rows,
          matrix.columns)
      }
    }
  }

  private let spec: LayerSpec
  private let order: [Int]
  private let there = Move()
  private let back = Move()
  private var size = 0
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("permute_param")
    self.spec = spec
    order = given.ints("order")
    for (index, axis) in order.enumerated() where order[..<index].contains(axis) {
      throw spec.error("axis \(axis) is named twice", at: given.location("order", index))
    }
  }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let shape = bottoms[0]
    if let index = order.firstIndex(where: { $0 >= shape.axes }) {
      throw spec.error(
        "axis \(order[index]) of a blob with \(shape.axes) axes (\(shape.display))",
        at: spec.parameters("permute_param").location("order", index))
    }
    let whole = order + (0..<shape.axes).filter { !order.contains($0) }
    let top = Shape(whole.map { shape[$0] })
    // As long as the batch stays in front, samples are independent.
    let skipped = whole.first == 0 ? 1 : 0
    sampleCount = skipped == 1 ? shape[0] : 1
    let inner = whole.dropFirst(skipped).map { $0 - skipped }
    there.plan(inner, of: Array(shape.dimensions.dropFirst(skipped)))
    let inverse = inner.indices.map { axis in inner.firstIndex(of: axis) ?? 0 }
    back.plan(inverse, of: Array(top.dimensions.dropFirst(skipped)))
    size = sampleCount > 0 ? shape.count / sampleCount : 0
    return [top]
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    for sample in samples {
      there.run(top[0].values + sample * size, bottom[0].values + sample * size)
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    for sample in samples {
      back.run(bottom[0].gradient + sample * size, top[0].gradient + sample * size)
    }
  }
}
