import Compute
import Schema

/// How well yes-or-no questions are answered by the sign of their scores.
///
///     top = recall, specificity, their harmonic mean, precision, F1
///
/// A score says yes from 0 on. A target above 1/2 is a yes, one from 0 to 1/2 a no, and others do not count, as in
/// MultiLabelSigmoidLoss. What has nothing to count is 0.
///
/// Shapes: `x` and `target` hold equally many values, along the same first axis; the top is 5 values.
final class MultiLabelAccuracy: SampleLayer {
  static let reference = LayerReference(
    "MultiLabelAccuracy", .loss,
    summary: "How well yes-or-no questions are answered by the sign of their scores.",
    formula: "recall = TP/(TP + FN), specificity = TN/(TN + FP), their harmonic mean,\n"
      + "precision = TP/(TP + FP), F1 = 2·TP/(2·TP + FP + FN)",
    shapes: "x, target: equally many values along the same first axis; top: 5, in that order",
    notes: "Of jolibrain, after sguada's layer. A score says yes from 0 on; targets above 1/2 are "
      + "yes, from 0 to 1/2 no, others do not count. A share of nothing is 0. Passes no gradient.",
    arity: Arity(2...2, 1...1), isExtension: true)
  static let samples = [
    LayerSample(
      "", bottoms: [.uniform([4, 3]), .constants([4, 3], [1, 0, 1, -1, 0])], phase: .test,
      hasGradient: false)
  ]

  private struct Counts: BitwiseCopyable {
    var truePositive = 0
    var falsePositive = 0
    var trueNegative = 0
    var falseNegative = 0
  }

  private let spec: LayerSpec
  private let counts = Buffer<Counts>()
  private var size = 0
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws { self.spec = spec }

  func takesGradient(bottom: Int) -> Bool { false }

  var touchesWholeBatch: Bool { true }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = try spec.pairedLossSamples(bottoms)
    size = bottoms[0].count(from: 1)
    counts.reserve(sampleCount)
    return [[5]]
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let (x, targets) = (bottom[0].values, bottom[1].values)
    for sample in samples {
      var count = Counts()
      for index in sample * size..<(sample + 1) * size {
        let saysYes = x[index] >= 0
        if targets[index] > 0.5 {
          if saysYes { count.truePositive += 1 } else { count.falseNegative += 1 }
        } else if targets[index] >= 0 {
          if saysYes { count.falsePositive += 1 } else { count.trueNegative += 1 }
        }
      }
      counts.pointer[sample] = count
    }
  }

  func endForward(_ bottom: [Blob], _ top: [Blob]) throws {
    var all = Counts()
    for sample in 0..<sampleCount {
      let count = counts.pointer[sample]
      all.truePositive += count.truePositive
      all.falsePositive += count.falsePositive
      all.trueNegative += count.trueNegative
      all.falseNegative += count.falseNegative
    }
    func share(_ part: Double, _ whole: Double) -> Double { whole > 0 ? part / whole : 0 }
    let (tp, fp) = (Double(all.truePositive), Double(all.falsePositive))
    let (tn, fn) = (Double(all.trueNegative), Double(all.falseNegative))
    let (recall, specificity) = (share(tp, tp + fn), share(tn, tn + fp))
    let y = top[0].values
    y[0] = Float(recall)
    y[1] = Float(specificity)
    y[2] = Float(share(2 * recall * specificity, recall + specificity))
    y[3] = Float(share(tp, tp + fp))
    y[4] = Float(share(2 * tp, 2 * tp + fp + fn))
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {}
}
