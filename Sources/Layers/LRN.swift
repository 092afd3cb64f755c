import CKernels
import Compute
import Prototxt
import Schema

/// Local response normalisation: divides each value by a power of the squares around it.
///
///     ACROSS_CHANNELS  s = k + alpha / n · Σ x² over n channels around,     y = x · s^−beta
///     WITHIN_CHANNEL   s = 1 + alpha / n² · Σ x² over the n × n pixels around, y = x · s^−beta
///
/// Shapes: `x` is N × C × H × W, `y` as `x`; n is local_size, and what lies outside counts as 0.
///
/// Gradient: dx = dy · s^−beta − 2 · alpha · beta / n · x · Σ dy · y / s over the same region (n² within a
/// channel).
final class LRN: SampleLayer {
  static let reference = LayerReference(
    "LRN", .vision,
    summary:
      "Local response normalisation: divides each value by a power of the squares around it.",
    formula: "ACROSS_CHANNELS: y = x · (k + alpha / n · Σ x² over n channels around)^−beta\n"
      + "WITHIN_CHANNEL: y = x · (1 + alpha / n² · Σ x² over the n × n pixels around)^−beta",
    shapes: "x: N × C × H × W; y: as x",
    notes:
      "What lies outside counts as 0. WITHIN_CHANNEL has no k, as in Caffe. Cannot run in place.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "lrn_param",
        [
          "local_size": "n, how many channels, or rows and columns, count as local; odd.",
          "alpha": "The weight of the squares.",
          "beta": "The power.",
          "norm_region": "ACROSS_CHANNELS or WITHIN_CHANNEL.",
          "k": "What is added to the weighted squares; ACROSS_CHANNELS only.",
          "engine": "Accepted, without effect.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([2, 7, 3, 3])]),
    LayerSample(
      "lrn_param { local_size: 3 alpha: 2 beta: 0.6 k: 2 }", bottoms: [.uniform([2, 4, 2, 5])]),
    LayerSample("lrn_param { local_size: 9 alpha: 0.5 }", bottoms: [.uniform([1, 3, 9, 9])]),
    LayerSample(
      "lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 alpha: 3 }",
      bottoms: [.uniform([2, 2, 5, 4])]),
    LayerSample(
      "lrn_param { norm_region: WITHIN_CHANNEL local_size: 11 alpha: 20 beta: 0.5 }",
      bottoms: [.uniform([1, 2, 3, 4])]),
  ]

  private let spec: LayerSpec
  private let size: Int
  private let alpha: Float
  private let isWithin: Bool
  private var plan = nk_lrn()
  private var height = 0
  private var width = 0
  private let scale = Blob("scale")
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("lrn_param")
    self.spec = spec
    size = given.int("local_size")
    alpha = given.float("alpha")
    isWithin = given.enumName("norm_region") == "WITHIN_CHANNEL"
    plan.beta = given.float("beta")
    plan.k = given.float("k")
    var problems = Diagnostics()
    if size % 2 == 0 {
      problems.append(
        spec.error(
          "local_size is \(size), but must be odd", at: given.location("local_size"),
          help: "the region has a value in its middle: choose \(max(1, size - 1)) or \(size + 1)"))
    }
    try problems.keeping {
      try spec.refuseInPlace(why: "the values around are still needed, also for the gradient")
    }
    try problems.throwIfErrors()
  }

  var backwardReads: BackwardReads { isWithin ? .everything : .bottoms }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let bottom = bottoms[0]
    guard bottom.axes == 4 else {
      throw spec.error(
        "needs a bottom with 4 axes (batch, channels, height, width), not \(bottom.display)",
        help: bottom.axes < 4
          ? "a Reshape layer can add axes of size 1" : "a Reshape layer can join axes")
    }
    try spec.checkCount(bottom.dimensions, "a blob", at: nil)
    sampleCount = bottom[0]
    (height, width) = (bottom[2], bottom[3])
    plan.channels = bottom[1]
    plan.spatial = height * width
    // What lies outside is 0, so a wider region than the blob has need not be walked.
    let reach = isWithin ? max(height, width) : bottom[1]
    let region = min(size, 2 * reach + 1)
    let share = Float(region) / Float(size)
    plan.size = region
    plan.alpha = region == size ? alpha : alpha * (isWithin ? share * share : share)
    operations = bottom.count * (isWithin ? 2 : 1) * (region + 3)
    if isWithin { scale.reshape(bottom) }
    return [bottom]
  }

  private var volume: Int { plan.channels * height * width }

  /// Across channels the sums and the tops of one sample, which the backward pass computes again: that
  /// costs less than to keep them for the whole batch.
  var scratchCount: Int {
    isWithin ? 3 * height * width : nk_lrn_scratch(plan.channels) + 2 * volume
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    var plan = plan
    let plane = height * width
    for sample in samples where volume > 0 {
      let start = sample * volume
      let (y, x) = (top[0].values + start, bottom[0].values + start)
      guard isWithin else {
        nk_lrn_across_forward(y, scratch, x, &plan)
        continue
      }
      let s = scale.values + start
      for at in stride(from: 0, to: volume, by: plane) {
        nk_lrn_within_forward(y + at, s + at, x + at, &plan, height, width, scratch)
      }
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    var plan = plan
    let plane = height * width
    for sample in samples where volume > 0 {
      let start = sample * volume
      let (dx, dy) = (bottom[0].gradient + start, top[0].gradient + start)
      let x = bottom[0].values + start
      guard isWithin else {
        let (s, y) = (scratch, scratch + volume)
        nk_lrn_across_forward(y, s, x, &plan)
        nk_lrn_across_backward(dx, dy, y, s, x, &plan, y + volume)
        continue
      }
      let (y, s) = (top[0].values + start, scale.values + start)
      for at in stride(from: 0, to: volume, by: plane) {
        nk_lrn_within_backward(
          dx + at, dy + at, y + at, s + at, x + at, &plan, height, width, scratch)
      }
    }
  }
}
