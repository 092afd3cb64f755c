import CKernels
import Compute
import Schema

/// Pulls pairs of vectors together that are alike, and others apart until a margin lies between.
///
///     alike:   d²          else:   max(0, margin − d)²     (legacy_version: max(0, margin − d²))
///     loss = Σ / (2 · N)          d = |a − b|
///
/// Shapes: `a` and `b` are N vectors of C values, `similar` is N numbers, 0 for pairs that are not alike;
/// `loss` is a scalar.
///
/// Gradient: with α = loss weight / N, alike: da = α · (a − b); else, where the margin is not reached,
/// da = −α · (margin − d) / (d + 10⁻⁴) · (a − b), or −α · (a − b) with legacy_version; db = −da.
final class ContrastiveLoss: SampleLayer {
  static let reference = LayerReference(
    "ContrastiveLoss", .loss,
    summary: "Pulls pairs of vectors together that are alike, and others apart.",
    formula: "alike: d²; else max(0, margin − d)², or max(0, margin − d²) with legacy_version\n"
      + "loss = Σ / (2 · N), d = |a − b|",
    shapes: "a, b: N × C; similar: N; loss: scalar",
    notes: "For siamese nets. A pair is alike if its number, cut to a whole one, is not 0. Where "
      + "the margin is not reached the gradient divides by d + 10⁻⁴ in place of d, as in Caffe.",
    arity: Arity(3...3, 1...1, automaticTop: true),
    parameters: [
      ParameterTable(
        "contrastive_loss_param",
        [
          "margin": "The distance that pairs which are not alike should have.",
          "legacy_version": "Whether the square of the distance is compared with the margin, as in "
            + "Caffe's first versions.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([4, 3]), .uniform([4, 3]), .labels([4], classes: 2)]),
    LayerSample(
      "contrastive_loss_param { margin: 3 } loss_weight: 0.5",
      bottoms: [.uniform([3, 4, 1, 1]), .uniform([3, 4, 1, 1]), .constants([3, 1], [0, 2, 0])]),
    LayerSample(
      "contrastive_loss_param { margin: 4 legacy_version: true }",
      bottoms: [.uniform([4, 2]), .uniform([4, 2]), .constants([4, 1, 1, 1], [0, 1, 0, 0.5])]),
  ]

  private let spec: LayerSpec
  private let margin: Float
  private let isLegacy: Bool
  private let distances = Blob("distances")
  private let sums = LossSums()
  private var size = 0
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("contrastive_loss_param")
    self.spec = spec
    margin = given.float("margin")
    isLegacy = given.bool("legacy_version")
  }

  func takesGradient(bottom: Int) -> Bool { bottom != 2 }

  var backwardReads: BackwardReads { .bottoms }

  var touchesWholeBatch: Bool { true }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = try spec.pairedLossSamples(bottoms)
    for index in 0..<2 where bottoms[index].axes > 2 && bottoms[index].count(from: 2) != 1 {
      throw spec.error(
        "'\(spec.bottoms[index])' is \(bottoms[index].display), but must hold one vector for each "
          + "sample", at: spec.message.location("bottom", index),
        help: "flatten it before, or take InnerProduct")
    }
    _ = try spec.lossSamples(bottoms, of: 2)
    guard bottoms[2].count == sampleCount else {
      throw spec.error(
        "'\(spec.bottoms[2])' is \(bottoms[2].display), but must hold one number for each of the "
          + "\(sampleCount) pairs of '\(spec.bottoms[0])' (\(bottoms[0].display))",
        at: spec.message.location("bottom", 2))
    }
    size = bottoms[0].count(from: 1)
    distances.reshape([sampleCount])
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
      let square = nk_sum_of_squared_differences(
        bottom[0].values + start, bottom[1].values + start, size)
      distances.values[sample] = Float(square.squareRoot())
      let missing = isLegacy ? Double(margin) - square : Double(margin) - square.squareRoot()
      var loss = square
      let similar = Int(cut: bottom[2].values[sample])
      if similar == 0 { loss = missing > 0 ? (isLegacy ? missing : missing * missing) : 0 }
      sums[sample] = .init(loss: loss, counted: 1, badLabel: similar == nil ? sample : -1)
    }
  }

  func endForward(_ bottom: [Blob], _ top: [Blob]) throws {
    let total = sums.total
    guard total.badLabel < 0 else {
      throw LayerFault(
        "\(bottom[2].values[total.badLabel]) does not tell whether a pair is alike", bottom: 2,
        sample: total.badLabel, help: "give 1 for pairs that are alike, 0 for others")
    }
    top[0].values[0] = Float(total.loss / divisor / 2)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let scale = Float(Double(top[0].gradient[0]) / divisor)
    for sample in samples {
      let start = sample * size
      let factor = scale * slope(distances.values[sample], bottom[2].values[sample])
      for index in 0..<2 where pass.propagate[index] {
        nk_scaled_difference(
          bottom[index].gradient + start, index == 0 ? factor : -factor, bottom[0].values + start,
          bottom[1].values + start, size)
      }
    }
  }

  /// What a − b is multiplied by in the gradient of a pair at a distance.
  private func slope(_ distance: Float, _ similar: Float) -> Float {
    guard Int(cut: similar) == 0 else { return 1 }
    let missing = margin - (isLegacy ? distance * distance : distance)
    guard missing > 0 else { return 0 }
    return isLegacy ? -1 : -missing / (distance + 1e-4)
  }
}
