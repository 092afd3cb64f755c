import CKernels
import Compute
import Schema

/// The logistic loss of scores against labels: softmax and cross-entropy in one.
///
///     p = softmax(x)          loss = Σ −ln max(pᵢ[labelᵢ], FLT_MIN) / normaliser
///
/// Shapes: `x` is any shape with the classes along `axis`; `label` has one value for each place
/// along the other axes; `loss` is a scalar; the second top, if given, is `p`.
///
/// Gradient: dx = loss weight / normaliser · (p − [c = label]), and 0 where the label is ignored.
///
/// `class_weighting`, `label_smoothing` and `focal_gamma` change the loss of a label as LossTerms says.
///
/// A class that has lost all probability costs −ln FLT_MIN = 87.3365, as in Caffe.
final class SoftmaxWithLoss: SampleLayer {
  static let reference = LayerReference(
    "SoftmaxWithLoss", .loss,
    summary: "The logistic loss of scores against labels: softmax and cross-entropy in one.",
    formula: "p = softmax(x)\nloss = Σ −ln max(p[label], FLT_MIN) / normaliser",
    shapes: "x: classes along `axis`; label: one for each place along the other axes; "
      + "loss: scalar; second top: as x",
    notes: "A loss that stays at 87.3365 means that the right classes have lost all probability: "
      + "scores have run away, so lower the learning rate. Labels are cut to whole numbers; one "
      + "that names no class is an error. The second top holds the probabilities and passes no "
      + "gradient.",
    arity: Arity(2...2, 1...2, automaticTop: true),
    parameters: [
      ParameterTable(
        "softmax_param",
        [
          "axis": "The axis of the classes; negative counts from the end.",
          "engine": "Accepted, without effect.",
        ]),
      ParameterTable(
        "loss_param",
        [
          "ignore_label": "Labels of this value count nothing and get no gradient.",
          "normalization": "What the sum is divided by: FULL, the number of all labels; VALID, of "
            + "those not ignored; BATCH_SIZE, of the items before the axis; NONE, 1.",
          "normalize": "Older form, used where normalization is not given: true is VALID, false is "
            + "BATCH_SIZE.",
          "class_weighting": "What each class counts: one number for each, or none; the normaliser "
            + "stays as it is. The name is SegNet's, which Caffe lacks.",
          "weight_by_label_freqs": "Whether class_weighting is used; SegNet's, which Caffe lacks.",
          "label_smoothing": "The part s of the target that all classes share: (1 − s)·[c = label] "
            + "+ s / classes. Caffe lacks it.",
          "focal_gamma": "The exponent g of the focal loss, (1 − p)^g · −ln p: answers that are "
            + "right already count less. Caffe lacks it.",
        ]),
    ])
  static let samples = [
    LayerSample("", bottoms: [.range([4, 5], -2...2), .labels([4], classes: 5)]),
    LayerSample(
      "loss_param { ignore_label: 1 }",
      bottoms: [.uniform([3, 4, 2, 2]), .labels([3, 1, 2, 2], classes: 4)]),
    LayerSample(
      "loss_param { ignore_label: 0 normalization: BATCH_SIZE } softmax_param { axis: -1 }",
      bottoms: [.uniform([2, 3, 4]), .labels([2, 3], classes: 4)]),
    LayerSample(
      "loss_param { normalization: FULL } loss_weight: 0.5 loss_weight: 0",
      bottoms: [.uniform([3, 4]), .labels([3], classes: 4)], tops: 2),
    LayerSample(
      "loss_param { normalization: NONE } softmax_param { axis: 0 }",
      bottoms: [.uniform([4, 3]), .labels([3], classes: 4)]),
    LayerSample(
      "loss_param { normalize: false }",
      bottoms: [.uniform([3, 4, 2]), .labels([3, 2], classes: 4)]),
    LayerSample(
      "loss_param { class_weighting: 0.5 class_weighting: 2 class_weighting: 0 ignore_label: 1 }",
      bottoms: [.uniform([4, 3, 2]), .labels([4, 2], classes: 3)]),
    LayerSample(
      "loss_param { label_smoothing: 0.2 }", bottoms: [.uniform([4, 5]), .labels([4], classes: 5)]),
    LayerSample(
      "loss_param { focal_gamma: 2 class_weighting: 1 class_weighting: 3 class_weighting: 0.25 }",
      bottoms: [.uniform([4, 3]), .labels([4], classes: 3)]),
  ]

  private let spec: LayerSpec
  private let normalization: LossNormalization
  private let ignored: IgnoredLabel
  private let terms: LossTerms
  private var extent = ClassAxis()
  private var divisor = 1.0
  private let probabilities = Blob("probabilities")
  /// The largest score of each prediction, and what its exponentials are multiplied by.
  private let tops = Buffer<Float>()
  private let scales = Buffer<Float>()
  /// Whether probabilities are kept; otherwise the gradient makes them again from the scores, which
  /// takes less time than memory would.
  private let keepsProbabilities: Bool
  private let sums = LossSums()

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("loss_param")
    self.spec = spec
    normalization = LossNormalization(given, default: .valid)
    ignored = IgnoredLabel(given)
    terms = try LossTerms(spec, given)
    keepsProbabilities = spec.tops.count > 1 || !terms.isPlain
  }

  private var makesProbabilities: Bool { keepsProbabilities || extent.inner > 1 }

  func takesGradient(bottom: Int) -> Bool { bottom == 0 }

  var backwardReads: BackwardReads { makesProbabilities ? .bottoms(1) : .bottoms(0, 1) }

  var touchesWholeBatch: Bool { true }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let axis = try spec.axis(spec.parameters("softmax_param"), of: bottoms[0])
    extent = try spec.classAxis(bottoms, axis: axis)
    try terms.check(spec, classes: extent.classes)
    if makesProbabilities {
      probabilities.reshape(bottoms[0])
    } else {
      tops.reserve(extent.predictions)
      scales.reserve(extent.predictions)
    }
    sums.reserve(sampleCount)
    return [.scalar, bottoms[0]]
  }

  var sampleCount: Int { extent.sampleCount }

  /// As of Softmax.
  var operations: Int { 5 * extent.outer * extent.classes * extent.inner }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let size = extent.valuesPerSample
    if makesProbabilities { probabilities(bottom, top, samples) }
    let labels = bottom[1].values
    for sample in samples {
      let first = sample * extent.predictionsPerSample
      var counted = 0
      var bad = -1
      let loss = ignored.lend {
        makesProbabilities
          ? terms.forward(
            probabilities.values + sample * size, labels + first, $0, extent, &counted, &bad)
          : nk_softmax_scores_forward(
            tops.pointer + first, scales.pointer + first, bottom[0].values + sample * size,
            labels + first, $0, extent.outerPerSample, extent.classes, &counted, &bad)
      }
      sums[sample] = .init(loss: loss, counted: counted, badLabel: bad < 0 ? -1 : first + bad)
    }
  }

  private func probabilities(_ bottom: [Blob], _ top: [Blob], _ samples: Range<Int>) {
    let size = extent.valuesPerSample
    let start = samples.lowerBound * size
    let p = probabilities.values + start
    nk_softmax_forward(
      p, bottom[0].values + start, samples.count * extent.outerPerSample, extent.classes,
      extent.inner)
    if top.count > 1 {
      (top[1].values + start).update(from: p, count: samples.count * size)
    }
  }

  func endForward(_ bottom: [Blob], _ top: [Blob]) throws {
    let total = sums.total
    guard total.badLabel < 0 else {
      throw extent.fault(label: bottom[1].values[total.badLabel], at: total.badLabel)
    }
    divisor = normalization.divisor(
      counted: total.counted, outer: extent.outer, inner: extent.inner)
    top[0].values[0] = Float(total.loss / divisor)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let start = samples.lowerBound * extent.valuesPerSample
    let first = samples.lowerBound * extent.predictionsPerSample
    let labels = bottom[1].values + first
    let dx = bottom[0].gradient + start
    let scale = Float(Double(top[0].gradient[0]) / divisor)
    ignored.lend {
      if makesProbabilities {
        terms.backward(
          dx, probabilities.values + start, labels, $0, scale, samples.count, extent)
      } else {
        nk_softmax_scores_backward(
          dx, bottom[0].values + start, tops.pointer + first, scales.pointer + first, labels, $0,
          scale, samples.count * extent.outerPerSample, extent.classes)
      }
    }
  }
}
