import Compute
import Prototxt
import Schema

/// Slides learned filters over the spatial axes: cross-correlation, as everywhere in neural nets.
///
///     y[m, p] = b[m] + Σ_{c, t} W[m, c, t] · x[c, p · stride + t · dilation − pad]
///
/// Shapes: `x` is batch axes, C channels at `axis`, then any number of spatial axes of sizes i; `y` the
/// same batch axes, num_output, then o = ⌊(i + 2·pad − (dilation·(kernel − 1) + 1)) / stride⌋ + 1.
/// `W` is num_output × C/group × kernel, `b` is num_output. Outputs of a group see the channels
/// of that group only.
///
/// Gradient: dW[m, c, t] += Σ_p dy[m, p] · x[c, p·stride + t·dilation − pad], db[m] += Σ_p dy[m, p];
/// dx takes each dy[m, p] · W[m, c, t] at the place that the product read. Several bottoms are
/// filtered alike, and their parameter gradients add up.
final class Convolution: AffineFolding, FlexibleLayer {
  static let reference = LayerReference(
    "Convolution", .vision,
    summary: "Slides learned filters over the spatial axes.",
    formula: "y[m, p] = b[m] + Σ_{c, t} W[m, c, t] · x[c, p · stride + t · dilation − pad]",
    shapes: "x: batch axes, C channels at `axis`, then spatial axes of sizes i; y: the same batch "
      + "axes, num_output, then ⌊(i + 2·pad − (dilation·(kernel − 1) + 1)) / stride⌋ + 1. "
      + "W: num_output × C/group × kernel; b: num_output",
    notes: "Any number of spatial axes, none included. Several bottoms of one shape are filtered "
      + "by the same weights. C and the number of axes are fixed when the net is built.",
    arity: Arity(1...Arity.unlimited, 1...Arity.unlimited, equal: true),
    parameters: [FilterBank.parameterTable])

  private let spec: LayerSpec
  private let bank: FilterBank
  private let context: LayerContext
  private var correlation: Correlation?
  /// The way of the whole batch, where that is quicker.
  private var whole: (any BatchConvolution)?
  private let packed = PackedWeights()
  private(set) var sampleCount = 1
  private(set) var operations = 0
  private(set) var multiplyAdds = 0
  var fusedNegativeSlope: Float?
  var folded: [any ChannelAffine] = [] {
    didSet {
      foldedWeights.reset()
      packed.reset()
    }
  }
  private let foldedWeights = FoldedWeights()

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    self.context = context
    bank = try FilterBank(spec, context)
  }

  var parameters: [Blob] { bank.parameters }

  var backwardReads: BackwardReads { .bottoms }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let layout = try bank.layout(bottoms)
    let (bottom, window, outputs) = (layout.bottom, layout.window, bank.outputs)
    let places = try bank.fields.places(spec, of: window, over: bottom, from: layout.axis + 1)
    let weights = [outputs, layout.channels / bank.groups] + window.kernel
    try spec.checkCount(weights, "weights", at: bank.place)
    let top = Array(bottom.dimensions[..<layout.axis]) + [outputs] + places
    try spec.checkCount(top, "a top", at: bank.place)
    let patches = Correlation.patchSizes(
      window, channels: weights[1], input: layout.spatial, output: places)
    try spec.checkCount(patches, "patches", at: bank.place)
    try bank.makeParameters(weights, for: layout)
    sampleCount = layout.samples
    foldsChannels = layout.axis == 1
    let correlation = Correlation(
      window, groups: bank.groups, channels: layout.channels, input: layout.spatial,
      outputs: outputs, output: places, samples: sampleCount)
    try spec.checkCount([correlation.scratchCount], "working memory", at: bank.place)
    self.correlation = correlation
    whole = correlation.batchWay
    if let whole, !context.isSketch {
      context.workers.reserveWorkspace(whole.forwardWorkspace)
      context.workers.reserveScratch(whole.scratchCount)
    }
    packed.reset()
    let perValue = 2 * weights[1...].reduce(1, *) + (bank.hasBias ? 1 : 0)
    let product = (bottoms.count * top.reduce(1, *)).multipliedReportingOverflow(by: perValue)
    operations = product.overflow ? .max : product.partialValue
    multiplyAdds = (operations - (bank.hasBias ? bottoms.count * top.reduce(1, *) : 0)) / 2
    return Array(repeating: Shape(top), count: bottoms.count)
  }

  var scratchCount: Int { correlation?.scratchCount ?? 0 }

  private(set) var foldsChannels = false

  /// The weights and biases that `forward` uses.
  private var weights: Blob { folded.isEmpty ? parameters[0] : foldedWeights.weights }
  private var bias: Blob? {
    folded.isEmpty ? (bank.hasBias ? parameters[1] : nil) : foldedWeights.bias
  }

  func beginForward(_ bottom: [Blob], _ top: [Blob]) throws {
    guard let correlation else { return }
    foldedWeights.update(parameters, folded)
    packed.update(.forward, weights, count: correlation.packedCount) {
      correlation.pack($0, weights.reading)
    }
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    guard let correlation else { return }
    for index in bottom.indices {
      correlation.forward(
        top[index].values, bottom[index].values, weights: weights.reading,
        packed: packed.values, bias: bias?.reading,
        slope: fusedNegativeSlope ?? 1, samples: samples, scratch: scratch)
    }
  }

  func beginBackward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    guard let correlation, pass.propagate.contains(true) else { return }
    packed.update(.backward, parameters[0], count: correlation.packedCount) {
      correlation.packBackward($0, parameters[0].reading)
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard let correlation else { return }
    for index in bottom.indices {
      let dy = top[index].gradient
      if bank.hasBias, let db = pass.gradients[1] {
        correlation.biasGradient(db, dy, samples: samples)
      }
      if let dw = pass.gradients[0] {
        let x = bottom[index].values
        if pass.propagate[index],
          correlation.gradients(
            bottom[index].gradient, dw, dy, x, packed: packed.values, samples: samples,
            scratch: scratch)
        {
          continue
        }
        correlation.weightGradient(dw, dy, x, samples: samples, scratch: scratch)
      }
      if pass.propagate[index] {
        correlation.dataGradient(
          bottom[index].gradient, dy, weights: parameters[0].reading,
          packed: packed.values, samples: samples, scratch: scratch)
      }
    }
  }
}

// MARK: A whole batch at once

extension Convolution {
  var takesWholeBatch: Bool { whole != nil }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    guard let whole else { return }
    foldedWeights.update(parameters, folded)
    if whole.packedCount > 0 {
      packed.update(.whole, weights, count: whole.packedCount) {
        whole.pack($0, weights.reading, workers: context.workers)
      }
    }
    for (bottom, top) in zip(bottom, top) {
      whole.forward(
        top.values, bottom.reading, weights: weights.reading,
        packed: whole.packedCount > 0 ? packed.values : nil, bias: bias?.reading,
        slope: fusedNegativeSlope ?? 1, workers: context.workers)
    }
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    guard let correlation, let whole else { return }
    context.workers.reserveWorkspace(whole.backwardWorkspace)
    for index in bottom.indices {
      let dy = top[index].gradient
      if bank.hasBias, let db = pass.gradients[1] {
        correlation.biasGradient(db, dy, samples: 0..<sampleCount, workers: context.workers)
      }
      let dx = pass.propagate[index] ? bottom[index].gradient : nil
      guard dx != nil || pass.gradients[0] != nil else { continue }
      whole.backward(
        dx, pass.gradients[0], dy, bottom[index].values, weights: parameters[0].reading,
        workers: context.workers)
    }
  }
}
