import CKernels
import Compute
import Prototxt
import Schema

/// Convolution backwards: each input spreads a learned filter over the output, as in upsampling.
///
///     y[m, p · stride + t · dilation − pad] += W[c, m, t] · x[c, p], then + b[m]
///
/// Shapes: `x` is batch axes, C channels at `axis`, then any number of spatial axes of sizes i; `y` the
/// same batch axes, num_output, then o = stride · (i − 1) + dilation · (kernel − 1) + 1 − 2 · pad.
/// `W` is C × num_output/group × kernel, `b` is num_output. Channels of a group reach the outputs of
/// that group only.
///
/// Gradient: dx is the convolution of dy by W, dW[c, m, t] += Σ_p x[c, p] · dy at the place that the
/// product went to, db[m] += Σ dy[m]. Several bottoms are treated alike, and their parameter
/// gradients add up.
final class Deconvolution: SampleLayer {
  static let reference = LayerReference(
    "Deconvolution", .vision,
    summary: "Convolution backwards: each input spreads a learned filter over the output.",
    formula: "y[m, p · stride + t · dilation − pad] += W[c, m, t] · x[c, p], then + b[m]",
    shapes: "x: batch axes, C channels at `axis`, then spatial axes of sizes i; y: the same batch "
      + "axes, num_output, then stride·(i − 1) + dilation·(kernel − 1) + 1 − 2·pad. "
      + "W: C × num_output/group × kernel; b: num_output",
    notes: "Any number of spatial axes, none included. Several bottoms of one shape share the "
      + "weights. For upsampling by f: kernel_size 2·f − f % 2, stride f, pad ⌈(f − 1) / 2⌉, group "
      + "and num_output C, a bilinear weight_filler, bias_term false and lr_mult 0.",
    arity: Arity(1...Arity.unlimited, 1...Arity.unlimited, equal: true),
    parameters: [FilterBank.parameterTable])
  static let samples = [
    sample("num_output: 3 kernel_size: 3", [2, 2, 3, 4]),
    sample("num_output: 2 kernel_size: 4 stride: 2 pad: 1 bias_term: false", [2, 3, 3, 2]),
    sample("num_output: 3 kernel_h: 2 kernel_w: 3 stride_h: 1 stride_w: 2 pad_w: 1", [2, 2, 3, 3]),
    sample("num_output: 2 kernel_size: 2 kernel_size: 3 dilation: 3 dilation: 2", [1, 2, 3, 2]),
    sample("num_output: 4 kernel_size: 3 stride: 2 pad: 1 group: 2", [2, 6, 3, 2]),
    sample("num_output: 3 kernel_size: 2 stride: 3 group: 3", [2, 3, 2, 2]),
    sample("num_output: 5 kernel_size: 1", [2, 3, 3, 3]),
    sample("num_output: 4 kernel_size: 1 stride: 2 group: 2", [2, 4, 2, 3]),
    sample("num_output: 4 kernel_size: 3 group: 2", [3, 4, 1, 1]),
    sample("num_output: 3", [4, 5]),
    sample("num_output: 3 kernel_size: 3 stride: 2 pad: 1 dilation: 2", [2, 2, 4]),
    sample("num_output: 2 kernel_size: 2 stride: 2 pad: 1", [2, 2, 3, 2, 3]),
    sample("num_output: 4 kernel_size: 2 dilation: 2 group: 2 bias_term: false", [2, 2, 2, 1, 2]),
    sample("num_output: 3 kernel_size: 2 axis: 2", [2, 2, 2, 2, 3]),
    sample("num_output: 2 kernel_size: 2 axis: -3 force_nd_im2col: true", [2, 3, 3, 2]),
    sample("num_output: 2 kernel_size: 2 axis: 0", [3, 3, 2]),
    sample("num_output: 3 kernel_size: 3 pad: 1", [2, 2, 3, 3], bottoms: 2),
  ]

  private static func sample(_ fields: String, _ shape: Shape, bottoms: Int = 1) -> LayerSample {
    LayerSample(
      "convolution_param { \(fields) weight_filler { type: 'gaussian' std: 0.4 }"
        + " bias_filler { type: 'uniform' min: -0.5 max: 0.5 } }",
      bottoms: Array(repeating: .uniform(shape), count: bottoms), tops: bottoms)
  }

  private let spec: LayerSpec
  private let bank: FilterBank
  /// The convolution that goes the other way: from `y` to `x`.
  private var correlation: Correlation?
  private let packed = Blob("packed weights")
  private let packedBackward = Blob("packed weights, backward")
  private var topPlane = 0
  private(set) var sampleCount = 1
  private(set) var operations = 0
  private(set) var multiplyAdds = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    bank = try FilterBank(spec, context)
  }

  var parameters: [Blob] { bank.parameters }

  var backwardReads: BackwardReads { .bottoms }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let layout = try bank.layout(bottoms)
    let (window, outputs) = (layout.window, bank.outputs)
    let sizes = try topSizes(layout)
    let weights = [layout.channels, outputs / bank.groups] + window.kernel
    try spec.checkCount(weights, "weights", at: bank.place)
    let top = Array(layout.bottom.dimensions[..<layout.axis]) + [outputs] + sizes
    try spec.checkCount(top, "a top", at: bank.place)
    let patches = Correlation.patchSizes(
      window, channels: weights[1], input: sizes, output: layout.spatial)
    try spec.checkCount(patches, "patches", at: bank.place)
    try bank.makeParameters(weights, for: layout)
    sampleCount = layout.samples
    topPlane = sizes.reduce(1, *)
    let correlation = Correlation(
      window, groups: bank.groups, channels: outputs, input: sizes, outputs: layout.channels,
      output: layout.spatial, samples: sampleCount)
    try spec.checkCount([correlation.scratchCount], "working memory", at: bank.place)
    self.correlation = correlation
    packed.reshape([correlation.packedCount])
    let perValue = 2 * weights[1...].reduce(1, *)
    let product = (bottoms.count * layout.bottom.count).multipliedReportingOverflow(by: perValue)
    operations = product.overflow ? .max : product.partialValue
    multiplyAdds = operations / 2
    return Array(repeating: Shape(top), count: bottoms.count)
  }

  /// The sizes of the top's spatial axes.
  private func topSizes(_ layout: FilterBank.Layout) throws -> [Int] {
    let window = layout.window
    var problems = Diagnostics()
    let sizes = layout.spatial.enumerated().map { axis, size in
      let (steps, overflow) = window.stride[axis].multipliedReportingOverflow(by: size - 1)
      let reach = overflow ? (0, true) : steps.addingReportingOverflow(window.span(axis))
      let result = reach.1 || size < 1 ? 0 : reach.0 - 2 * window.pad[axis]
      if result < 1 || result > LayerSpec.largestSize {
        let place = "axis \(layout.axis + 1 + axis) of the bottom (\(layout.bottom.display))"
        let what = result < 1 && !reach.1 ? "empty" : "too large"
        problems.append(
          spec.error(
            "the output is \(what): \(place) has \(size) values, with stride "
              + "\(window.stride[axis]), a kernel that spans \(window.span(axis)) and pad "
              + "\(window.pad[axis])",
            at: bank.fields.kernelLocation,
            help: "its size is stride · (size − 1) + span − 2 · pad"))
      }
      return result
    }
    try problems.throwIfErrors()
    return sizes
  }

  var scratchCount: Int { correlation?.scratchCount ?? 0 }

  func beginForward(_ bottom: [Blob], _ top: [Blob]) throws {
    correlation?.packBackward(packed.values, parameters[0].values)
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    guard let correlation else { return }
    for index in bottom.indices {
      let y = top[index].values
      correlation.dataGradient(
        y, bottom[index].values, weights: parameters[0].values, packed: packed.values,
        samples: samples, scratch: scratch)
      guard bank.hasBias else { continue }
      for sample in samples {
        let part = y + sample * bank.outputs * topPlane
        nk_channel_affine(part, part, nil, parameters[1].values, bank.outputs, topPlane)
      }
    }
  }

  func beginBackward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    guard let correlation, pass.propagate.contains(true) else { return }
    packedBackward.reshape([correlation.packedCount])
    correlation.pack(packedBackward.values, parameters[0].values)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard let correlation else { return }
    for index in bottom.indices {
      let dy = top[index].gradient
      if let dw = pass.gradients[0] {
        correlation.weightGradient(
          dw, bottom[index].values, dy, samples: samples, scratch: scratch)
      }
      if bank.hasBias, let db = pass.gradients[1] {
        for sample in samples {
          nk_channel_sum(db, dy + sample * bank.outputs * topPlane, bank.outputs, topPlane)
        }
      }
      if pass.propagate[index] {
        correlation.forward(
          bottom[index].gradient, dy, weights: parameters[0].values,
          packed: packedBackward.values, bias: nil, slope: 1, samples: samples, scratch: scratch)
      }
    }
  }
}
