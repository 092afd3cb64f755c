import CKernels
import Compute
import Schema

/// The cross-entropy of independent yes-or-no questions: logistic function and loss in one.
///
///     loss = Σ ln(1 + e^x) − x · target / normaliser
///
/// Shapes: `x` and `target` hold equally many values, along the same first axis; `loss` is a scalar.
/// Targets are probabilities from 0 to 1, most often just one of the two.
///
/// Gradient: dx = loss weight / normaliser · (σ(x) − target), and 0 where the target is ignored.
final class SigmoidCrossEntropyLoss: SampleLayer {
  static let reference = LayerReference(
    "SigmoidCrossEntropyLoss", .loss,
    summary: "The cross-entropy of independent yes-or-no questions: logistic function and loss "
      + "in one.",
    formula: "loss = Σ (ln(1 + eˣ) − x · target) / normaliser",
    shapes: "x, target: equally many values along the same first axis; loss: scalar",
    notes: "x are scores from −∞ to ∞, not probabilities: leave Sigmoid out before this layer. "
      + "Targets are numbers from 0 to 1.",
    arity: .loss,
    parameters: [
      ParameterTable(
        "loss_param",
        [
          "ignore_label": "Targets that are this when cut to a whole number count nothing and get "
            + "no gradient; 0 ignores all targets between −1 and 1.",
          "normalization": "What the sum is divided by: FULL, the number of all values; VALID, of "
            + "those not ignored; BATCH_SIZE, of samples; NONE, 1. Where nothing is given, this "
            + "layer takes BATCH_SIZE.",
          "normalize": "Older form, used where normalization is not given: true is VALID, false is "
            + "BATCH_SIZE.",
          "class_weighting": "Of SoftmaxWithLoss only.",
          "weight_by_label_freqs": "Of SoftmaxWithLoss only.",
          "label_smoothing": "Of SoftmaxWithLoss only.",
          "focal_gamma": "Of SoftmaxWithLoss only.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.range([4, 5], -3...3), targets([4, 5])]),
    LayerSample(
      "loss_param { ignore_label: 1 normalization: VALID }",
      bottoms: [.uniform([3, 2, 2, 2]), .labels([3, 2, 2, 2], classes: 2)]),
    LayerSample(
      "loss_param { ignore_label: -1 normalization: FULL } loss_weight: 2",
      bottoms: [.uniform([6]), .constants([6], [0, 1, -1, 0.5, -1.5, 1])]),
    LayerSample(
      "loss_param { normalization: NONE }", bottoms: [.uniform([2, 3]), targets([2, 3, 1])]),
    LayerSample(
      "loss_param { normalize: true ignore_label: 0 }",
      bottoms: [.uniform([2, 3]), .constants([2, 3], [0])]),
  ]

  private static func targets(_ shape: Shape) -> LayerSample.Input {
    .constants(shape, (0..<shape.count).map { Float($0 % 5) / 4 })
  }

  private let spec: LayerSpec
  private let normalization: LossNormalization
  private let ignored: IgnoredLabel
  private let sums = LossSums()
  private var size = 0
  private var divisor = 1.0
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("loss_param")
    try LossTerms.refuse(spec, given)
    self.spec = spec
    normalization = LossNormalization(given, default: .batchSize)
    ignored = IgnoredLabel(given)
  }

  func takesGradient(bottom: Int) -> Bool { bottom == 0 }

  var backwardReads: BackwardReads { .bottoms }

  var touchesWholeBatch: Bool { true }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = try spec.pairedLossSamples(bottoms)
    size = bottoms[0].count(from: 1)
    sums.reserve(sampleCount)
    return [.scalar]
  }

  /// An exponential, a logarithm, two products and three sums for each value.
  var operations: Int { 7 * sampleCount * size }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    for sample in samples {
      let start = sample * size
      var counted = 0
      let loss = ignored.lend {
        nk_sigmoid_loss_forward(
          bottom[0].values + start, bottom[1].values + start, $0, size, &counted)
      }
      sums[sample] = .init(loss: loss, counted: counted, badLabel: -1)
    }
  }

  func endForward(_ bottom: [Blob], _ top: [Blob]) throws {
    let total = sums.total
    divisor = normalization.divisor(counted: total.counted, outer: sampleCount, inner: size)
    top[0].values[0] = Float(total.loss / divisor)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let start = samples.lowerBound * size
    let scale = Float(Double(top[0].gradient[0]) / divisor)
    ignored.lend {
      nk_sigmoid_loss_backward(
        bottom[0].gradient + start, bottom[0].values + start, bottom[1].values + start, $0, scale,
        samples.count * size)
    }
  }
}
