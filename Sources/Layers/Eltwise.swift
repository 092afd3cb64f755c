import CKernels
import Compute
import Schema

/// Combines blobs value by value: a weighted sum, a product or the largest.
///
///     SUM: y = Σ coeffᵢ · xᵢ          PROD: y = Π xᵢ          MAX: y = max xᵢ
///
/// Shapes: all alike. Gradient: SUM dxᵢ = coeffᵢ · dy; PROD dxᵢ = dy · Π of the others; MAX dxᵢ = dy
/// where xᵢ was taken. Of the first two, the second wins ties; a later one must be larger.
final class Eltwise: SampleLayer {
  static let reference = LayerReference(
    "Eltwise", .utility,
    summary: "Combines blobs value by value: a weighted sum, a product or the largest.",
    formula: "SUM: y = Σ coeffᵢ · xᵢ\nPROD: y = Π xᵢ\nMAX: y = max xᵢ",
    shapes: "bottoms and y: all alike",
    notes: "With MAX, the second of the first two bottoms wins ties; a later one must be larger.",
    arity: Arity(2...Arity.unlimited, 1...1),
    parameters: [
      ParameterTable(
        "eltwise_param",
        [
          "operation": "SUM, PROD or MAX.",
          "coeff": "For SUM, what each bottom is multiplied by: none, or one for each.",
          "stable_prod_grad": "For PROD, whether the gradient multiplies the other bottoms; false "
            + "divides y by the bottom instead, which is faster and fails at 0.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([2, 3]), .uniform([2, 3]), .uniform([2, 3])]),
    LayerSample(
      "eltwise_param { coeff: 0.5 coeff: -2 }",
      bottoms: [.uniform([3, 2, 2]), .uniform([3, 2, 2])]),
    LayerSample(
      "eltwise_param { operation: PROD }",
      bottoms: [.uniform([2, 3]), .uniform([2, 3]), .uniform([2, 3])]),
    LayerSample(
      "eltwise_param { operation: PROD stable_prod_grad: false }",
      bottoms: [.range([2, 3], 0.5...2), .range([2, 3], -2 ... -0.5)]),
    LayerSample(
      "eltwise_param { operation: MAX }",
      bottoms: [
        .values([2, 3], [1, -1, 0.5, 2, 0, -2]), .values([2, 3], [0, 0.5, 1, -1, 0.5, -3]),
        .values([2, 3], [0.5, 1, -1, 3, 1, -1.5]),
      ]),
  ]

  private enum Operation { case sum, product, maximum }

  private let spec: LayerSpec
  private let operation: Operation
  private let coefficients: [Float]
  private let isStable: Bool
  /// For MAX, the bottom that each value was taken from.
  private let mask = Buffer<Int32>()
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("eltwise_param")
    self.spec = spec
    switch given.enumName("operation") {
    case "PROD": operation = .product
    case "MAX": operation = .maximum
    default: operation = .sum
    }
    isStable = given.bool("stable_prod_grad")
    let coefficients = given.floats("coeff")
    let count = spec.bottoms.count
    guard operation != .product || coefficients.isEmpty else {
      throw spec.error(
        "coeff goes with operation SUM, not with PROD", at: given.location("coeff"),
        help: "take coeff away, or scale the result")
    }
    guard coefficients.isEmpty || coefficients.count == count else {
      throw spec.error(
        "has \(count) bottoms but \(coefficients.count) coefficients",
        at: given.location("coeff", min(count, coefficients.count - 1)),
        help: "give one coeff for each bottom, or none")
    }
    if operation == .maximum, !coefficients.isEmpty {
      context.remark("layer '\(spec.name)' (Eltwise): coeff has no effect with operation MAX")
    }
    self.coefficients =
      coefficients.isEmpty ? Array(repeating: 1, count: count) : coefficients
  }

  var backwardReads: BackwardReads {
    operation == .product ? (isStable ? .bottoms : .everything) : .nothing
  }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    for (index, bottom) in bottoms.enumerated() where bottom != bottoms[0] {
      throw spec.error(
        "bottoms must have one shape, but '\(spec.bottoms[0])' is \(bottoms[0].display) and "
          + "'\(spec.bottoms[index])' is \(bottom.display)",
        at: spec.message.location("bottom", index))
    }
    if operation == .maximum { mask.reserve(bottoms[0].count) }
    sampleCount = bottoms[0].leadingCount
    operations = bottoms[0].count * (operation == .sum ? 2 * bottoms.count : bottoms.count - 1)
    return [bottoms[0]]
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let part = top[0].part(samples, of: sampleCount)
    let start = part.lowerBound
    let y = top[0].values + start
    let first = bottom[0].values + start
    let second = bottom[1].values + start
    switch operation {
    case .sum: nk_scale(y, coefficients[0], first, part.count)
    case .product: nk_multiply(y, first, second, part.count)
    case .maximum: nk_maximum_first(y, mask.pointer + start, first, second, part.count)
    }
    for index in (operation == .sum ? 1 : 2)..<bottom.count {
      let x = bottom[index].values + start
      switch operation {
      case .sum: nk_axpy(y, coefficients[index], x, part.count)
      case .product: nk_multiply(y, y, x, part.count)
      case .maximum: nk_maximum_next(y, mask.pointer + start, x, Int32(index), part.count)
      }
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let part = top[0].part(samples, of: sampleCount)
    let start = part.lowerBound
    let dy = top[0].gradient + start
    for index in 0..<bottom.count where pass.propagate[index] {
      let dx = bottom[index].gradient + start
      switch operation {
      case .sum: nk_scale(dx, coefficients[index], dy, part.count)
      case .maximum:
        nk_maximum_backward(dx, dy, mask.pointer + start, Int32(index), part.count)
      case .product:
        if isStable {
          multiplyOthers(dx, bottom, but: index, part)
        } else {
          nk_divide(dx, top[0].values + start, bottom[index].values + start, part.count)
        }
        nk_multiply(dx, dx, dy, part.count)
      }
    }
  }

  /// The product of all bottoms but one.
  private func multiplyOthers(
    _ dx: UnsafeMutablePointer<Float>, _ bottom: [Blob], but index: Int, _ part: Range<Int>
  ) {
    let first = index == 0 ? 1 : 0
    dx.update(from: bottom[first].values + part.lowerBound, count: part.count)
    for other in first + 1..<bottom.count where other != index {
      nk_multiply(dx, dx, bottom[other].values + part.lowerBound, part.count)
    }
  }
}
