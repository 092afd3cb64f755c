import CKernels
import Compute
import Schema

/// Half the mean squared distance between predictions and targets, for regression.
///
///     loss = Σ (a − b)² / (2 · N)
///
/// Shapes: `a` and `b` hold equally many values, along the same first axis of N samples; `loss` is a
/// scalar.
///
/// Gradient: da = loss weight / N · (a − b), db = −da.
final class EuclideanLoss: SampleLayer {
  static let reference = LayerReference(
    "EuclideanLoss", .loss,
    summary: "Half the mean squared distance between predictions and targets.",
    formula: "loss = Σ (a − b)² / (2 · N)",
    shapes: "a, b: equally many values along the same first axis of N samples; loss: scalar",
    notes: "Either bottom may be the prediction: both get a gradient.", arity: .loss)
  static let samples = [
    LayerSample("", bottoms: [.uniform([4, 3]), .uniform([4, 3])]),
    LayerSample("loss_weight: 0.1", bottoms: [.uniform([2, 2, 3]), .uniform([2, 6])]),
    LayerSample("", bottoms: [.uniform([5]), .uniform([5, 1, 1, 1])]),
  ]

  private let spec: LayerSpec
  private let sums = LossSums()
  private var size = 0
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws { self.spec = spec }

  var backwardReads: BackwardReads { .bottoms }

  var touchesWholeBatch: Bool { true }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = try spec.pairedLossSamples(bottoms)
    size = bottoms[0].count(from: 1)
    sums.reserve(sampleCount)
    return [.scalar]
  }

  /// A difference, a product and a sum for each value.
  var operations: Int { 3 * sampleCount * size }

  private var divisor: Double { Double(max(1, sampleCount)) }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    for sample in samples {
      let start = sample * size
      let loss = nk_sum_of_squared_differences(
        bottom[0].values + start, bottom[1].values + start, size)
      sums[sample] = .init(loss: loss, counted: 1, badLabel: -1)
    }
  }

  func endForward(_ bottom: [Blob], _ top: [Blob]) throws {
    top[0].values[0] = Float(sums.total.loss / divisor / 2)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let start = samples.lowerBound * size
    let scale = Float(Double(top[0].gradient[0]) / divisor)
    for index in 0..<2 where pass.propagate[index] {
      nk_scaled_difference(
        bottom[index].gradient + start, index == 0 ? scale : -scale, bottom[0].values + start,
        bottom[1].values + start, samples.count * size)
    }
  }
}
