import CKernels
import Compute
import Schema

/// The cross-entropy of independent yes-or-no questions, some of which have no answer, of jolibrain.
///
///     loss = Σ (ln(1 + e^x) − x · target) / counted over the targets from 0 to 1
///
/// Shapes: `x` and `target` hold equally many values, along the same first axis; `loss` is a scalar; a second
/// top, as x, has the logistic function of x.
///
/// Gradient: dx = loss weight / counted · (σ(x) − target), 0 where the target is not counted.
final class MultiLabelSigmoidLoss: SampleLayer {
  static let reference = LayerReference(
    "MultiLabelSigmoidLoss", .loss,
    summary: "The cross-entropy of independent yes-or-no questions, some without an answer.",
    formula: "loss = Σ (ln(1 + eˣ) − x · target) / counted",
    shapes: "x, target: equally many values along the same first axis; loss: scalar; second top: "
      + "as x",
    notes: "Of jolibrain. Targets outside 0…1, such as −1, are not counted and get no gradient. "
      + "The gradient is that of the loss; jolibrain divides it by N instead.",
    arity: Arity(2...2, 1...2, automaticTop: true), isExtension: true)
  static let samples = [
    LayerSample(
      "", bottoms: [.range([3, 4], -3...3), .constants([3, 4], [1, 0, -1, 0.25, 1])]),
    LayerSample(
      "loss_weight: 0.5 loss_weight: 0",
      bottoms: [.uniform([2, 3, 2]), .constants([2, 6], [1, -1, 0, 0, 1])], tops: 2),
  ]

  private let spec: LayerSpec
  private let sums = LossSums()
  private var size = 0
  private var divisor = 1.0
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws { self.spec = spec }

  func takesGradient(bottom: Int) -> Bool { bottom == 0 }

  var backwardReads: BackwardReads { .bottoms }

  var touchesWholeBatch: Bool { true }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = try spec.pairedLossSamples(bottoms)
    size = bottoms[0].count(from: 1)
    sums.reserve(sampleCount)
    return [.scalar, bottoms[0]]
  }

  var operations: Int { 7 * sampleCount * size }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    for sample in samples {
      let start = sample * size
      var counted = 0
      let loss = nk_multilabel_loss_forward(
        bottom[0].values + start, bottom[1].values + start, size, &counted)
      sums[sample] = .init(loss: loss, counted: counted, badLabel: -1)
      if top.count > 1 {
        nk_sigmoid_forward(top[1].values + start, bottom[0].values + start, size)
      }
    }
  }

  func endForward(_ bottom: [Blob], _ top: [Blob]) throws {
    let total = sums.total
    divisor = Double(total.counted > 0 ? total.counted : max(1, sampleCount))
    top[0].values[0] = Float(total.loss / divisor)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let start = samples.lowerBound * size
    nk_multilabel_loss_backward(
      bottom[0].gradient + start, bottom[0].values + start, bottom[1].values + start,
      Float(Double(top[0].gradient[0]) / divisor), samples.count * size)
  }
}
