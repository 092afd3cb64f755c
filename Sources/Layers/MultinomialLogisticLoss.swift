import CKernels
import Compute
import Schema

/// The logistic loss of probabilities against labels.
///
///     loss = Σ −ln max(p[label], 10⁻²⁰) / N
///
/// Shapes: `p` is N samples of probabilities, one for each class, as Softmax makes them; `label` is
/// N class numbers; `loss` is a scalar.
///
/// Gradient: dp[label] = −loss weight / N / max(p[label], 10⁻²⁰), and 0 elsewhere.
final class MultinomialLogisticLoss: SampleLayer {
  static let reference = LayerReference(
    "MultinomialLogisticLoss", .loss,
    summary: "The logistic loss of probabilities against labels.",
    formula: "loss = Σ −ln max(p[label], 10⁻²⁰) / N",
    shapes: "p: N samples of probabilities, one a class; label: N; loss: scalar",
    notes: "SoftmaxWithLoss takes the scores themselves and is stable; it is the better choice. "
      + "Labels are cut to whole numbers; one that names no class is an error.",
    arity: .loss)
  static let samples = [
    LayerSample("", bottoms: [.range([4, 5], 0.2...0.9), .labels([4], classes: 5)]),
    LayerSample(
      "loss_weight: 0.5", bottoms: [.range([3, 2, 2, 1], 0.3...1), .labels([3, 1], classes: 4)]),
  ]

  private let spec: LayerSpec
  private var extent = ClassAxis()
  private let sums = LossSums()

  init(_ spec: LayerSpec, _ context: LayerContext) throws { self.spec = spec }

  func takesGradient(bottom: Int) -> Bool { bottom == 0 }

  var backwardReads: BackwardReads { .bottoms }

  var touchesWholeBatch: Bool { true }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    extent = try spec.flatClasses(bottoms)
    sums.reserve(sampleCount)
    return [.scalar]
  }

  var sampleCount: Int { extent.sampleCount }

  /// A logarithm and a sum for each sample.
  var operations: Int { 2 * sampleCount }

  private var divisor: Double { Double(max(1, sampleCount)) }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    for sample in samples {
      var bad = -1
      let loss = nk_multinomial_loss_forward(
        bottom[0].values + sample * extent.classes, bottom[1].values + sample, 1, extent.classes,
        &bad)
      sums[sample] = .init(loss: loss, counted: 1, badLabel: bad < 0 ? -1 : sample)
    }
  }

  func endForward(_ bottom: [Blob], _ top: [Blob]) throws {
    let total = sums.total
    guard total.badLabel < 0 else {
      throw extent.fault(
        label: bottom[1].values[total.badLabel], at: total.badLabel, canIgnore: false)
    }
    top[0].values[0] = Float(total.loss / divisor)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let start = samples.lowerBound * extent.classes
    nk_multinomial_loss_backward(
      bottom[0].gradient + start, bottom[0].values + start, bottom[1].values + samples.lowerBound,
      Float(Double(top[0].gradient[0]) / divisor), samples.count, extent.classes)
  }
}
