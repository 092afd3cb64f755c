import CKernels
import Compute
import Prototxt
import Schema

/// The loss of boxes: square for small differences, straight for large ones, of Fast R-CNN and SSD.
///
///     loss = Σ outside · f(inside · (a − b)) / N
///     f(d) = sigma² · d² / 2 where |d| < 1 / sigma², else |d| − 1 / (2 · sigma²)
///
/// Shapes: `a` and `b` hold equally many values along a first axis of N, and so do the weights; `loss`
/// is a scalar. Gradient: da = loss weight / N · outside · inside · f′, db = −da; none by the weights.
final class SmoothL1Loss: SampleLayer {
  static let reference = LayerReference(
    "SmoothL1Loss", .loss,
    summary: "The loss of boxes: square for small differences, straight for large ones.",
    formula: "loss = Σ outside · f(inside · (a − b)) / N\n"
      + "f(d) = sigma²·d²/2 where |d| < 1/sigma², else |d| − 1/(2·sigma²)",
    shapes: "a, b, inside, outside: equally many values along a first axis of N; loss: scalar",
    notes: "Of Fast R-CNN and SSD. The third bottom is `inside`, the fourth `outside`; both may be "
      + "left out, and count 1 then. SSD's has no sigma, which is 1.",
    arity: Arity(2...4, 1...1, automaticTop: true),
    parameters: [
      ParameterTable(
        "smooth_l1_loss_param",
        ["sigma": "The square's steepness: it ends at differences of 1 / sigma²."])
    ], isExtension: true)
  static let samples = [
    LayerSample("", bottoms: [.range([4, 3], 0...0.4), .range([4, 3], -0.5...0.0)]),
    LayerSample(
      "smooth_l1_loss_param { sigma: 3 } loss_weight: 0.5",
      bottoms: [
        .range([3, 2, 2], 0.5...2), .range([3, 2, 2], -2 ... -0.5),
        .constants([3, 2, 2], [1, 0, 0.5, 2]), .constants([3, 2, 2], [1, 1, 0.25]),
      ]),
    LayerSample(
      "", bottoms: [.uniform([3, 4]), .range([3, 4], 3...4), .constants([3, 4], [1, 0, 1])]),
  ]

  private let spec: LayerSpec
  private let square: Float
  private let sums = LossSums()
  private var size = 0
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("smooth_l1_loss_param")
    self.spec = spec
    square = given.float("sigma") * given.float("sigma")
    guard square > 0, square.isFinite else {
      throw spec.error(
        "sigma is \(given.float("sigma")), but must be above 0", at: given.location("sigma"))
    }
  }

  func takesGradient(bottom: Int) -> Bool { bottom < 2 }

  var backwardReads: BackwardReads { .bottoms }

  var touchesWholeBatch: Bool { true }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = try spec.pairedLossSamples(bottoms)
    for index in bottoms.indices.dropFirst(2) where bottoms[index].count != bottoms[0].count {
      throw spec.error(
        "'\(spec.bottoms[index])' (\(bottoms[index].display)) must hold a weight for each value of "
          + "'\(spec.bottoms[0])' (\(bottoms[0].display))",
        at: spec.message.location("bottom", index))
    }
    size = bottoms[0].count(from: 1)
    sums.reserve(sampleCount)
    return [.scalar]
  }

  var operations: Int { 6 * sampleCount * size }

  private var divisor: Double { Double(max(1, sampleCount)) }

  private func weights(_ bottom: [Blob], _ index: Int, _ start: Int) -> UnsafePointer<Float>? {
    index < bottom.count ? UnsafePointer(bottom[index].values + start) : nil
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    for sample in samples {
      let start = sample * size
      let loss = nk_smooth_l1_forward(
        bottom[0].values + start, bottom[1].values + start, weights(bottom, 2, start),
        weights(bottom, 3, start), square, size)
      sums[sample] = .init(loss: loss, counted: 1, badLabel: -1)
    }
  }

  func endForward(_ bottom: [Blob], _ top: [Blob]) throws {
    top[0].values[0] = Float(sums.total.loss / divisor)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let start = samples.lowerBound * size
    let scale = Float(Double(top[0].gradient[0]) / divisor)
    for index in 0..<2 where pass.propagate[index] {
      nk_smooth_l1_backward(
        bottom[index].gradient + start, bottom[0].values + start, bottom[1].values + start,
        weights(bottom, 2, start), weights(bottom, 3, start), square,
        index == 0 ? scale : -scale, samples.count * size)
    }
  }
}
