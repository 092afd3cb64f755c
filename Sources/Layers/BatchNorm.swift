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
/// With scale_bias, as NVCaffe has it, a scale and a bias (C each) follow as fourth and fifth parameter,
/// which are learned: y = scale · (x − mean) / √(variance + eps) + bias.
///
/// Gradient: with v = √(variance + eps), dx = (dy − mean dy − y · mean(dy · y)) / v, and dx = dy / v
/// with the stored statistics, in both cases times the scale; dscale = Σ dy · (x − mean) / v, dbias = Σ dy.
/// May run in place: a copy of `x` is kept.
final class BatchNorm: BatchLayer, ScaleAbsorbing, ChannelAffine {
  static let reference = LayerReference(
    "BatchNorm", .common,
    summary: "Gives each channel zero mean and unit variance over the batch.",
    formula: "y = (x − mean) / √(variance + eps)",
    shapes: "x, y: N × C × any axes. Parameters: sums of means and variances: C; their weight: 1",
    notes: "Scale and shift are a layer of their own: let Scale with bias_term: true follow. The "
      + "three parameters are statistics, updated by every forward pass in training; their "
      + "learning rate is 0. May run in place. scale_bias and its fillers are NVCaffe's: a fourth "
      + "and a fifth parameter of C values each, learned, for y = scale · (x − mean) / √… + bias.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "batch_norm_param",
        [
          "use_global_stats": "Whether the stored statistics are used and left alone; where it is "
            + "not given, true in TEST and false in TRAIN.",
          "moving_average_fraction": "How much of the older sums each pass keeps, from 0 to 1.",
          "eps": "Added to the variance.",
          "scale_bias": "Whether scale and bias are here too, as in NVCaffe.",
          "scale_filler": "How the scale is filled; left out, with 1.",
          "bias_filler": "How the bias is filled; left out, with 0.",
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
    LayerSample(
      "batch_norm_param { eps: 0.01 scale_bias: true scale_filler { type: 'uniform' min: 0.5 } "
        + "bias_filler { type: 'gaussian' } }", bottoms: [.uniform([4, 3, 2])]),
    LayerSample(
      "batch_norm_param { use_global_stats: true eps: 0.5 scale_bias: true }",
      bottoms: [.uniform([3, 2, 2])]),
  ]
  static var runsInPlace: Bool { true }

  private let spec: LayerSpec
  private let context: LayerContext
  private let source: ChannelNormalizer.Source
  private let fraction: Float
  private let epsilon: Float
  private let isInPlace: Bool
  private let hasScale: Bool
  private let scaleFiller: Filler
  private let biasFiller: Filler
  let parameterRates: [ParameterRate]
  private(set) var parameters: [Blob] = []
  private(set) var operations = 0
  private var channels = 0
  var fusedNegativeSlope: Float?
  var absorbed: LearnedAffine?
  private let kept = Blob("input before normalising")
  private let normalizer: ChannelNormalizer

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("batch_norm_param")
    self.spec = spec
    self.context = context
    normalizer = ChannelNormalizer(context.workers)
    source = given.optionalBool("use_global_stats") ?? (spec.phase == .test) ? .given : .batch
    fraction = given.float("moving_average_fraction")
    epsilon = given.float("eps")
    isInPlace = spec.bottoms.first == spec.tops.first
    hasScale = given.bool("scale_bias")
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
    let one = Filler(.constant(1))
    scaleFiller =
      try problems.keeping { try spec.filler(given, "scale_filler", default: one) } ?? one
    biasFiller = try problems.keeping { try spec.filler(given, "bias_filler") } ?? one
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
          help: "the statistics of BatchNorm are never learned: set lr_mult: 0, or leave param out"
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
      if hasScale {
        parameters += [
          try spec.parameter("scale", [channels], scaleFiller, context),
          try spec.parameter("bias", [channels], biasFiller, context),
        ]
      }
    }
    guard bottom[1] == channels else {
      throw spec.error(
        "was built for \(channels) channels, but the bottom (\(bottom.display)) now has "
          + "\(bottom[1])",
        help: "the number of channels cannot change after the net is built")
    }
    normalizer.reshape(samples: bottom[0], channels: channels, inner: bottom.count(from: 2))
    if isInPlace { kept.reshape(bottom) }
    operations = bottom.count * ((source == .given ? 2 : 5) + (hasScale ? 2 : 0))
    return [bottom]
  }

  private var scale: UnsafePointer<Float>? {
    hasScale ? parameters[3].reading : absorbed?.scale.reading
  }

  private var bias: UnsafePointer<Float>? {
    hasScale ? parameters[4].reading : absorbed?.bias?.reading
  }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    // An empty batch has no statistics to take in.
    guard bottom[0].count > 0 else { return }
    let x = bottom[0].reading
    let kept = isInPlace ? kept.values : nil
    let slope = fusedNegativeSlope ?? 1
    if source == .given {
      let (means, variances) = (parameters[0].reading, parameters[1].reading)
      let each = self.each
      normalizer.forward(
        top[0].values, x, keeping: kept, from: .given, epsilon: epsilon, scale: scale,
        bias: bias, slope: slope
      ) { channel, mean, variance in
        (mean, variance) = (means[channel] * each, variances[channel] * each)
      }
    } else {
      let (means, variances) = (parameters[0].values, parameters[1].values)
      let weight = parameters[2].values
      weight[0] = weight[0] * fraction + 1
      let unbiased = normalizer.unbiased
      normalizer.forward(
        top[0].values, x, keeping: kept, from: .batch, epsilon: epsilon, scale: scale,
        bias: bias, slope: slope
      ) { channel, mean, variance in
        means[channel] = means[channel] * fraction + mean
        variances[channel] = variances[channel] * fraction + variance * unbiased
      }
    }
  }

  /// What the sums of the statistics are multiplied by.
  private var each: Float {
    let weight = parameters[2].reading[0]
    return weight == 0 ? 0 : 1 / weight
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    let x = isInPlace ? kept.reading : bottom[0].reading
    normalizer.backward(
      pass.propagate[0] ? bottom[0].gradient : nil, top[0].gradient, x, from: source,
      scale: scale, dscale: hasScale ? pass.gradients[3] : absorbed?.scaleGradient,
      dbias: hasScale ? pass.gradients[4] : absorbed?.biasGradient)
  }

  // MARK: Fusion

  var absorbsScale: Bool { !hasScale }

  var affineParameters: [Blob]? { source == .given ? parameters : nil }

  func compose(_ scale: UnsafeMutablePointer<Float>, _ shift: UnsafeMutablePointer<Float>) {
    let (means, variances, each) = (parameters[0].reading, parameters[1].reading, each)
    for channel in 0..<channels {
      var factor = 1 / (variances[channel] * each + epsilon).squareRoot()
      if hasScale { factor *= parameters[3].reading[channel] }
      scale[channel] *= factor
      shift[channel] = (shift[channel] - means[channel] * each) * factor
      if hasScale { shift[channel] += parameters[4].reading[channel] }
    }
  }
}
