import CKernels
import Compute
import Schema

/// Reduces all axes from one on to a single number.
///
///     SUM: y = coeff · Σ x      ASUM: y = coeff · Σ |x|      SUMSQ: y = coeff · Σ x²      MEAN: y = coeff · Σ x / n
///
/// Shapes: `y` has the axes of `x` before `axis`; with axis 0 it is a scalar.
///
/// Gradient: dx = coeff · dy; ASUM coeff · sign(x) · dy, SUMSQ 2 · coeff · x · dy, MEAN coeff / n · dy.
final class Reduction: SampleLayer {
  static let reference = LayerReference(
    "Reduction", .utility,
    summary: "Reduces all axes from one on to a single number.",
    formula: "SUM: y = coeff · Σ x\nASUM: y = coeff · Σ |x|\nSUMSQ: y = coeff · Σ x²\n"
      + "MEAN: y = coeff · Σ x / n",
    shapes: "y: the axes of x before `axis`; a scalar with axis 0",
    notes: "The gradient of ASUM at 0 is 0, and the mean of nothing too.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "reduction_param",
        [
          "operation": "SUM, ASUM (of magnitudes), SUMSQ (of squares) or MEAN.",
          "axis":
            "The first axis that is reduced, with all behind it; negative counts from the end.",
          "coeff": "Multiplies the result.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([2, 3])]),
    LayerSample("reduction_param { axis: 1 coeff: 0.5 }", bottoms: [.uniform([3, 4, 2])]),
    LayerSample(
      "reduction_param { operation: ASUM axis: -1 }", bottoms: [.uniform([2, 3, 4])], kinks: [0]),
    LayerSample(
      "reduction_param { operation: ASUM coeff: -2 }", bottoms: [.uniform([5])], kinks: [0]),
    LayerSample(
      "reduction_param { operation: SUMSQ axis: 1 coeff: 2 }", bottoms: [.uniform([3, 5])]),
    LayerSample("reduction_param { operation: SUMSQ }", bottoms: [.uniform([2, 3])]),
    LayerSample("reduction_param { operation: MEAN }", bottoms: [.uniform([2, 3, 2])]),
    LayerSample(
      "reduction_param { operation: MEAN axis: 2 coeff: 3 }", bottoms: [.uniform([2, 2, 4])]),
  ]

  private enum Operation { case sum, magnitudes, squares, mean }

  private let spec: LayerSpec
  private let operation: Operation
  private let coefficient: Float
  /// The coefficient, divided by n for MEAN.
  private var factor: Float = 1
  private var outer = 0
  private var width = 0
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("reduction_param")
    self.spec = spec
    coefficient = given.float("coeff")
    switch given.enumName("operation") {
    case "ASUM": operation = .magnitudes
    case "SUMSQ": operation = .squares
    case "MEAN": operation = .mean
    default: operation = .sum
    }
  }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let bottom = bottoms[0]
    let axis = try spec.axis(spec.parameters("reduction_param"), of: bottom)
    sampleCount = axis > 0 ? bottom[0] : 1
    outer = bottom.count(from: 0, to: axis)
    width = bottom.count(from: axis)
    factor = operation == .mean ? coefficient / Float(max(1, width)) : coefficient
    operations = bottom.count * (operation == .squares ? 2 : 1)
    return [Shape(Array(bottom.dimensions[..<axis]))]
  }

  /// The sums that a range of samples spans.
  private func items(_ samples: Range<Int>) -> Range<Int> {
    let size = sampleCount > 0 ? outer / sampleCount : 0
    return samples.lowerBound * size..<samples.upperBound * size
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    for item in items(samples) {
      let x = bottom[0].values + item * width
      let sum =
        switch operation {
        case .sum, .mean: nk_sum(x, width)
        case .magnitudes: nk_sum_of_magnitudes(x, width)
        case .squares: nk_sum_of_squares(x, width)
        }
      top[0].values[item] = Float(sum) * factor
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    for item in items(samples) {
      let slope = top[0].gradient[item] * factor
      let dx = bottom[0].gradient + item * width
      let x = bottom[0].values + item * width
      switch operation {
      case .sum, .mean: nk_fill(dx, slope, width)
      case .magnitudes: nk_scaled_sign(dx, slope, x, width)
      case .squares: nk_scale(dx, 2 * slope, x, width)
      }
    }
  }
}
