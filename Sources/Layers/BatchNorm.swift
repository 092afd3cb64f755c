import CKernels
import Compute
import Prototxt
import Schema

/// Gives each channel zero mean and unit variance over the batch, and keeps statistics for use.
///
///     y = (x − mean) / √(variance + eps)
///
/// Shapes: `x` is N × C × any axes, `y` the same. Three parameters, never learned: the sum of means (C), the
/// sum of variances (C) and their weight (1), with f = moving_average_fraction after each pass
/// sum · f + what the batch has, the variance times m / (m − 1) for the m values of a channel.
///
/// While training mean and variance are those of the batch; in use, or with use_global_stats, the
/// sums divided by their weight.
///
/// Gradient: with v = √(variance + eps), dx = (dy − mean dy − y · mean(dy · y)) / v, and dx = dy / v
/// with the stored statistics. May run in place: a copy of `x` is kept.
final class BatchNorm: BatchLayer {
  static let reference = LayerReference(
    "BatchNorm", .common,
    summary: "Gives each channel zero mean and unit variance over the batch.",
    formula: "y = (x − mean) / √(variance + eps)",
    shapes: "x, y: N × C × any axes. Parameters: sums of means and variances: C; their weight: 1",
    notes: "Scale and shift are a layer of their own: let Scale with bias_term: true follow. The "
      + "three parameters are statistics, updated by every forward pass in training; their "
      + "learning rate is 0. May run in place.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "batch_norm_param",
        [
          "use_global_stats": "Whether the stored statistics are used and left alone; where it is "
            + "not given, true in TEST and false in TRAIN.",
          "moving_average_fraction": "How much of the older sums each pass keeps, from 0 to 1.",
          "eps": "Added to the variance.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([4, 3, 2, 2])]),
    LayerSample("", bottoms: [.uniform([5, 4])]),
    LayerSample(
      "batch_norm_param { eps: 0.001 moving_average_fraction: 0.9 }",
      bottoms: [.uniform([3, 2, 5])]),
    LayerSample("", bottoms: [.uniform([1, 3, 3, 4])]),
    LayerSample(
      "batch_norm_param { use_global_stats: true eps: 0.5 }", bottoms: [.uniform([2, 3])]),
    LayerSample("batch_norm_param { eps: 1 }", bottoms: [.uniform([2, 3, 4])], phase: .test),
    LayerSample(
      "batch_norm_param { use_global_stats: false }", bottoms: [.uniform([4, 2, 2])],
      phase: .test),
  ]
  static var runsInPlace: Bool { true }

  private let spec: LayerSpec
  private let workers: Workers
  private let usesStored: Bool
  private let fraction: Float
  private let epsilon: Float
  private let isInPlace: Bool
  let parameterRates: [ParameterRate]
  private(set) var parameters: [Blob] = []
  private(set) var operations = 0
  private var samples = 0
  private var channels = 0
  private var inner = 0
  /// Of one piece of work.
  private var channelsPerPiece = 1
  private let kept = Blob("input before normalising")
  private let mean = Blob("mean")
  /// What x − mean is multiplied by: 1 / √(variance + eps).
  private let factor = Blob("factor")
  private let shift = Blob("mean gradient")
  private let slope = Blob("slope")
  private let sums = Buffer<Double>()

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("batch_norm_param")
    self.spec = spec
    workers = context.workers
    usesStored = given.optionalBool("use_global_stats") ?? (spec.phase == .test)
    fraction = given.float("moving_average_fraction")
    epsilon = given.float("eps")
    isInPlace = spec.bottoms.first == spec.tops.first
    var problems = Diagnostics()
    if !(0...1).contains(fraction) {
      problems.append(
        spec.error(
          "moving_average_fraction is \(fraction), but must lie between 0 and 1",
          at: given.location("moving_average_fraction")))
    }
    if !(epsilon >= 0) {
      problems.append(
        spec.error("eps is \(epsilon), but must be 0 or more", at: given.location("eps")))
    }
    parameterRates = BatchNorm.rates(spec, &problems)
    try problems.throwIfErrors()
  }

  /// Rate 0 for each of the three; the decay as given, since the solver's history shows it.
  private static func rates(_ spec: LayerSpec, _ problems: inout Diagnostics) -> [ParameterRate] {
    let entries = spec.message.messages("param")
    for entry in entries.prefix(3) where entry.float("lr_mult") != 0 {
      let rate = entry.has("lr_mult") ? "\(entry.float("lr_mult"))" : "1, the default"
      problems.append(
        spec.error(
          "has a learning rate (lr_mult is \(rate)) for its statistics",
          at: entry.location("lr_mult"),
          help: "the parameters of BatchNorm are never learned: set lr_mult: 0, or leave param out"
        ))
    }
    return (0..<3).map { index in
      ParameterRate(
        rate: 0, decay: index < entries.count ? entries[index].float("decay_mult") : 1)
    }
  }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let bottom = bottoms[0]
    guard bottom.axes >= 2 else {
      throw spec.error(
        "needs a bottom of samples and channels, but it is \(bottom.display)",
        at: spec.message.location("bottom"))
    }
    if parameters.isEmpty {
      channels = bottom[1]
      parameters = [
        Blob("\(spec.name)/mean", shape: [channels]),
        Blob("\(spec.name)/variance", shape: [channels]), Blob("\(spec.name)/weight", shape: [1]),
      ]
    }
    guard bottom[1] == channels else {
      throw spec.error(
        "was built for \(channels) channels, but the bottom (\(bottom.display)) now has "
          + "\(bottom[1])",
        help: "the number of channels cannot change after the net is built")
    }
    samples = bottom[0]
    inner = bottom.count(from: 2)
    channelsPerPiece = piece(samples: samples, inner: inner)
    for blob in [mean, factor, shift, slope] { blob.reshape([channels]) }
    sums.reserve(channels)
    if isInPlace { kept.reshape(bottom) }
    operations = bottom.count * (usesStored ? 2 : 5)
    return [bottom]
  }

  /// Channels that are worth a thread's while, and whose values stay in the core's cache.
  private func piece(samples: Int, inner: Int) -> Int {
    let least = max(1, 16 / max(1, inner))
    return max(least, 32 * 1024 / max(1, samples * inner))
  }

  /// Some channels of the batch, as the kernels take them: from value `start` of a blob.
  private struct Piece {
    var batch: nk_batch
    let channels: Range<Int>
    let start: Int
  }

  private func forEachPiece(_ body: (inout Piece) -> Void) {
    workers.forEachRange(of: channels, grain: channelsPerPiece) { part, _ in
      let batch = nk_batch(
        samples: samples, stride: channels * inner, channels: part.count, inner: inner)
      var piece = Piece(batch: batch, channels: part, start: part.lowerBound * inner)
      body(&piece)
    }
  }

  // MARK: Forward

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    // An empty batch has no statistics to take in.
    guard bottom[0].count > 0 else { return }
    let x = isInPlace ? kept.values : bottom[0].values
    if isInPlace {
      let from = bottom[0].values
      workers.forEachRange(of: bottom[0].count, grain: 64 * 1024) { part, _ in
        nk_copy(x + part.lowerBound, from + part.lowerBound, part.count)
      }
    }
    let weight = parameters[2].values
    if !usesStored { weight[0] = weight[0] * fraction + 1 }
    forEachPiece { piece in
      if usesStored { recall(piece.channels) } else { measure(&piece, x) }
      let first = piece.channels.lowerBound
      nk_batch_normalize(
        top[0].values + piece.start, x + piece.start, mean.values + first, factor.values + first,
        &piece.batch)
    }
  }

  /// Mean and factor of some channels from the stored sums.
  private func recall(_ part: Range<Int>) {
    let weight = parameters[2].values[0]
    let scale = weight == 0 ? 0 : 1 / weight
    for channel in part {
      mean.values[channel] = parameters[0].values[channel] * scale
      factor.values[channel] =
        1 / (parameters[1].values[channel] * scale + epsilon).squareRoot()
    }
  }

  /// Mean and factor of some channels from the batch, which the stored sums take in.
  private func measure(_ piece: inout Piece, _ x: UnsafePointer<Float>) {
    let first = piece.channels.lowerBound
    let count = samples * inner
    let each = 1 / Double(max(1, count))
    let unbiased: Float = count > 1 ? Float(count) / Float(count - 1) : 1
    nk_batch_sum(sums.pointer + first, x + piece.start, &piece.batch)
    for channel in piece.channels { mean.values[channel] = Float(sums.pointer[channel] * each) }
    nk_batch_sum_of_squares_about(
      sums.pointer + first, x + piece.start, mean.values + first, &piece.batch)
    for channel in piece.channels {
      let variance = Float(sums.pointer[channel] * each)
      factor.values[channel] = 1 / (variance + epsilon).squareRoot()
      let (means, variances) = (parameters[0].values, parameters[1].values)
      means[channel] = means[channel] * fraction + mean.values[channel]
      variances[channel] = variances[channel] * fraction + variance * unbiased
    }
  }

  // MARK: Backward

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    guard pass.propagate[0] else { return }
    let x = isInPlace ? kept.values : bottom[0].values
    let (dy, dx) = (top[0].gradient, bottom[0].gradient)
    forEachPiece { piece in
      let first = piece.channels.lowerBound
      if usesStored {
        for channel in piece.channels { (shift.values[channel], slope.values[channel]) = (0, 0) }
      } else {
        compareGradient(&piece, dy, x)
      }
      nk_batch_normalize_backward(
        dx + piece.start, dy + piece.start, x + piece.start, mean.values + first,
        factor.values + first, shift.values + first, slope.values + first, &piece.batch)
    }
  }

  /// What of the gradient of some channels only moves or stretches them all, which has no effect.
  private func compareGradient(
    _ piece: inout Piece, _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>
  ) {
    let first = piece.channels.lowerBound
    let each = 1 / Double(max(1, samples * inner))
    nk_batch_sum(sums.pointer + first, dy + piece.start, &piece.batch)
    for channel in piece.channels { shift.values[channel] = Float(sums.pointer[channel] * each) }
    nk_batch_dot_about(
      sums.pointer + first, dy + piece.start, x + piece.start, mean.values + first, &piece.batch)
    for channel in piece.channels {
      let factor = Double(factor.values[channel])
      slope.values[channel] = Float(sums.pointer[channel] * each * factor * factor)
    }
  }
}
