import Compute
import Prototxt
import Schema

/// Batch normalisation with scale and shift in one layer: three forks' layers of one name.
///
///     y = scale · (x − mean) / √(variance + eps) + shift
///
/// The fields of bn_param tell which is meant. All parameters are blobs of 1 × C × 1 × 1.
///
/// - SegNet and ENet (scale_filler, shift_filler, bn_mode; nothing given): two blobs, scale and shift. With LEARN
///   mean and variance are always the batch's, eps is 1e-9; with INFERENCE y = scale · x + shift, the
///   statistics having been worked into the two.
/// - PSPNet (slope_filler, bias_filler, momentum, eps, frozen): four blobs, slope, bias, moving mean, moving
///   variance. A pass in training takes those of the batch, and moving = momentum · moving + (1 − momentum) ·
///   batch; in use, or frozen, the moving ones are taken. Frozen learns nothing.
/// - PSPNet's first form (var_eps, decay, moving_average, with scale_filler and shift_filler): the same four blobs;
///   momentum is 1 − decay; with moving_average: false even TEST takes the batch's statistics.
///
/// Gradient: as of BatchNorm, times the scale; dscale = Σ dy · (x − mean) / √…, dshift = Σ dy.
/// May run in place: a copy of `x` is kept.
final class BN: BatchLayer {
  static let reference = LayerReference(
    "BN", .common,
    summary: "Batch normalisation with scale and shift in one layer.",
    formula: "y = scale · (x − mean) / √(variance + eps) + shift",
    shapes: "x, y: N × C × any axes; parameters: 1 × C × 1 × 1 each",
    notes: "Three forks have the name; the fields given tell which is meant. SegNet and ENet (also "
      + "if nothing is given): blobs scale, shift; LEARN takes mean and variance of the batch, in "
      + "TEST too, with eps 1e-9; INFERENCE is y = scale · x + shift. PSPNet (slope_filler, "
      + "bias_filler, momentum, eps, frozen): blobs slope, bias, moving mean, moving variance; "
      + "TEST and frozen take the moving ones. PSPNet's first form (var_eps, decay, "
      + "moving_average): the same blobs. The statistics are never learned. May run in place.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "bn_param",
        [
          "scale_filler": "SegNet: how scale is filled; left out, with 1.",
          "shift_filler": "SegNet: how shift is filled; left out, with 0.",
          "bn_mode": "SegNet: LEARN or INFERENCE.",
          "var_eps": "PSPNet's first form: added to the variance.",
          "decay": "PSPNet's first form: what a batch adds to the moving statistics.",
          "moving_average": "PSPNet's first form: whether TEST takes the moving statistics.",
          "slope_filler": "PSPNet: how slope is filled; left out, with 1.",
          "bias_filler": "PSPNet: how bias is filled; left out, with 0.",
          "momentum": "PSPNet: what remains of the moving statistics in each pass.",
          "eps": "PSPNet: added to the variance.",
          "frozen": "PSPNet: whether TRAIN takes the moving statistics and learns nothing.",
          "engine": "Accepted, without effect.",
        ])
    ], isExtension: true)
  static let samples = [
    LayerSample("", bottoms: [.uniform([4, 3, 2, 2])]),
    sample("bn_mode: LEARN scale_filler { type: 'uniform' min: 0.5 } shift_filler { value: 0.3 }"),
    sample("bn_mode: INFERENCE scale_filler { type: 'gaussian' } shift_filler { value: -0.2 }"),
    sample("slope_filler { type: 'uniform' min: 0.5 } bias_filler { value: 0.1 } eps: 0.01"),
    sample("frozen: true slope_filler { value: 2 }"),
    LayerSample("bn_param { momentum: 0.5 eps: 0.1 }", bottoms: [.uniform([2, 3])], phase: .test),
    sample("decay: 0.3 var_eps: 0.01 scale_filler { value: 1.5 }"),
    LayerSample(
      "bn_param { moving_average: false var_eps: 0.01 }", bottoms: [.uniform([4, 3])],
      phase: .test),
  ]
  static var runsInPlace: Bool { true }

  private static func sample(_ fields: String) -> LayerSample {
    LayerSample("bn_param { \(fields) }", bottoms: [.uniform([3, 2, 2, 2])])
  }

  private enum Form {
    case batch
    case folded
    case moving(momentum: Float, isFrozen: Bool, usesMoving: Bool)
  }

  private let spec: LayerSpec
  private let context: LayerContext
  private let form: Form
  private let epsilon: Float
  private let scaleFiller: Filler
  private let shiftFiller: Filler
  private let isInPlace: Bool
  let parameterRates: [ParameterRate]
  private(set) var parameters: [Blob] = []
  private(set) var operations = 0
  private let kept = Blob("input before normalising")
  private let normalizer: ChannelNormalizer

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("bn_param")
    self.spec = spec
    self.context = context
    normalizer = ChannelNormalizer(context.workers)
    isInPlace = spec.bottoms.first == spec.tops.first
    let isPSPNet = BN.names(given, ["slope_filler", "bias_filler", "momentum", "eps", "frozen"])
    let isFirst = BN.names(given, ["var_eps", "decay", "moving_average"])
    let isSegNet = BN.names(given, ["scale_filler", "shift_filler", "bn_mode"])
    if let field = isPSPNet.first, let other = (isFirst + isSegNet).first {
      throw spec.error(
        "\(field) and \(other) are of different forks' layers", at: given.location(field),
        notes: [Note("\(other) is here", at: given.location(other))],
        help: "keep the fields of one of them; 'netrun layers BN' tells which belong together")
    }
    let one = Filler(.constant(1))
    scaleFiller = try spec.filler(
      given, isPSPNet.isEmpty ? "scale_filler" : "slope_filler", default: one)
    shiftFiller = try spec.filler(given, isPSPNet.isEmpty ? "shift_filler" : "bias_filler")
    if !isPSPNet.isEmpty {
      let isFrozen = given.bool("frozen")
      form = .moving(
        momentum: given.float("momentum"), isFrozen: isFrozen,
        usesMoving: isFrozen || spec.phase == .test)
      epsilon = given.float("eps")
    } else if !isFirst.isEmpty {
      form = .moving(
        momentum: 1 - given.float("decay"), isFrozen: false,
        usesMoving: spec.phase == .test && given.bool("moving_average"))
      epsilon = given.float("var_eps")
    } else {
      let isFolded = given.enumName("bn_mode") == "INFERENCE"
      form = isFolded ? .folded : .batch
      epsilon = isFolded ? 0 : 1e-9
    }
    guard epsilon >= 0 else { throw spec.error("the eps must be 0 or more", at: given.location) }
    parameterRates = BN.rates(spec, form)
  }

  private static func names(_ given: Message, _ fields: [String]) -> [String] {
    fields.filter(given.has)
  }

  /// Statistics are not learned, and with frozen nothing is.
  private static func rates(_ spec: LayerSpec, _ form: Form) -> [ParameterRate] {
    guard case .moving(_, let isFrozen, _) = form else { return [] }
    let entries = spec.message.messages("param")
    return (0..<4).map { index in
      if isFrozen || index >= 2 { return ParameterRate(rate: 0, decay: 0) }
      guard index < entries.count else { return ParameterRate() }
      return ParameterRate(
        rate: entries[index].float("lr_mult"), decay: entries[index].float("decay_mult"))
    }
  }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let bottom = bottoms[0]
    guard bottom.axes >= 2 else {
      throw spec.error(
        "needs a bottom of samples and channels, but it is \(bottom.display)",
        at: spec.message.location("bottom"))
    }
    let each: Shape = [1, bottom[1], 1, 1]
    if parameters.isEmpty {
      parameters = [
        try spec.parameter("scale", each, scaleFiller, context),
        try spec.parameter("shift", each, shiftFiller, context),
      ]
      if case .moving(_, let isFrozen, _) = form {
        let variance = Filler(.constant(isFrozen ? 1 : 0))
        parameters += [
          try spec.parameter("mean", each, Filler(.constant(0)), context),
          try spec.parameter("variance", each, variance, context),
        ]
      }
    }
    guard parameters[0].shape == each else {
      throw spec.error(
        "was built for \(parameters[0].count) channels, but the bottom (\(bottom.display)) now has "
          + "\(bottom[1])", help: "the number of channels cannot change after the net is built")
    }
    normalizer.reshape(samples: bottom[0], channels: bottom[1], inner: bottom.count(from: 2))
    if isInPlace { kept.reshape(bottom) }
    operations = bottom.count * (source == .given ? 4 : 7)
    return [bottom]
  }

  private var source: ChannelNormalizer.Source {
    switch form {
    case .batch: .batch
    case .folded: .given
    case .moving(_, _, let usesMoving): usesMoving ? .given : .batch
    }
  }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    guard bottom[0].count > 0 else { return }
    let form = form
    let parameters = parameters
    let learns = spec.phase == .train
    normalizer.forward(
      top[0].values, bottom[0].reading, keeping: isInPlace ? kept.values : nil, from: source,
      epsilon: epsilon, scale: parameters[0].reading, bias: parameters[1].reading
    ) { channel, mean, variance in
      switch form {
      case .batch: break
      case .folded: (mean, variance) = (0, 1)
      case .moving(let momentum, _, let usesMoving):
        let (means, variances) = (parameters[2].values, parameters[3].values)
        if usesMoving {
          (mean, variance) = (means[channel], variances[channel])
        } else if learns {
          means[channel] = momentum * means[channel] + (1 - momentum) * mean
          variances[channel] = momentum * variances[channel] + (1 - momentum) * variance
        }
      }
    }
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    let x = isInPlace ? kept.values : bottom[0].values
    var learns = true
    if case .moving(_, let isFrozen, _) = form { learns = !isFrozen }
    normalizer.backward(
      pass.propagate[0] ? bottom[0].gradient : nil, top[0].gradient, x, from: source,
      scale: parameters[0].values, dscale: learns ? pass.gradients[0] : nil,
      dbias: learns ? pass.gradients[1] : nil)
  }
}
