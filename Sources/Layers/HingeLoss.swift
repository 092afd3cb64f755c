import CKernels
import Compute
import Schema

/// The margin loss of a linear classifier, one class against all others.
///
///     loss = Σ max(0, 1 − s · x) / N     or, with L2,     Σ max(0, 1 − s · x)² / N
///
/// s is 1 for the class that the label names, −1 for the others.
///
/// Shapes: `x` is N samples of scores, one for each class; `label` is N class numbers; `loss` is a scalar.
///
/// Gradient: where 1 − s · x > 0, dx = −s · loss weight / N, with L2 also times 2 · (1 − s · x);
/// elsewhere 0.
final class HingeLoss: SampleLayer {
  static let reference = LayerReference(
    "HingeLoss", .loss,
    summary: "The margin loss of a linear classifier, one class against all others.",
    formula: "L1: loss = Σ max(0, 1 − s · x) / N\nL2: loss = Σ max(0, 1 − s · x)² / N\n"
      + "s = 1 for the class that the label names, −1 for the others",
    shapes: "x: N samples of scores, one a class; label: N; loss: scalar",
    notes: "Labels are cut to whole numbers; one that names no class is an error. The gradient "
      + "at the kink is 0.",
    arity: .loss,
    parameters: [
      ParameterTable(
        "hinge_loss_param", ["norm": "L1 sums the margins, L2 their squares."])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([4, 5]), .labels([4], classes: 5)], kinks: [-1, 1]),
    LayerSample(
      "hinge_loss_param { norm: L2 } loss_weight: 0.5",
      bottoms: [.range([3, 4], -2...2), .labels([3, 1, 1], classes: 4)], kinks: [-1, 1]),
    LayerSample(
      "hinge_loss_param { norm: L1 }",
      bottoms: [.range([2, 3, 2, 1], -2...2), .labels([2, 1], classes: 6)], kinks: [-1, 1]),
    LayerSample("", bottoms: [.uniform([3]), .labels([3], classes: 1)], kinks: [-1, 1]),
  ]

  private let spec: LayerSpec
  private let isSquared: Bool
  private var extent = ClassAxis()
  private let sums = LossSums()

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    isSquared = spec.parameters("hinge_loss_param").enumName("norm") == "L2"
  }

  func takesGradient(bottom: Int) -> Bool { bottom == 0 }

  var backwardReads: BackwardReads { .bottoms }

  var touchesWholeBatch: Bool { true }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    extent = try spec.flatClasses(bottoms)
    sums.reserve(sampleCount)
    return [.scalar]
  }

  var sampleCount: Int { extent.sampleCount }

  /// A product, two sums and a maximum for each value.
  var operations: Int { 4 * sampleCount * extent.classes }

  private var divisor: Double { Double(max(1, sampleCount)) }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    for sample in samples {
      var bad = -1
      let loss = nk_hinge_loss_forward(
        bottom[0].values + sample * extent.classes, bottom[1].values + sample,
        isSquared ? 1 : 0, 1, extent.classes, &bad)
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
    nk_hinge_loss_backward(
      bottom[0].gradient + start, bottom[0].values + start, bottom[1].values + samples.lowerBound,
      isSquared ? 1 : 0, Float(Double(top[0].gradient[0]) / divisor), samples.count,
      extent.classes)
  }
}
