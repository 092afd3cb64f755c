import Compute
import Schema

/// Filters each channel by itself, of the ShuffleNet forks.
///
///     y[m, p] = b[m] + Σₜ W[m, t] · x[c, p · stride + t · dilation − pad], c = ⌊m · C / num_output⌋
///
/// Shapes: `x` N × C × H × W; `y` N × num_output × o, with o as of Convolution; `W` num_output × 1 × kernel;
/// `b` num_output. Gradient: as of Convolution.
final class ConvolutionDepthwise: DepthwiseLayer {
  static let reference = LayerReference(
    "ConvolutionDepthwise", .vision,
    summary: "Filters each channel by itself.",
    formula: "y[m, p] = b[m] + Σ_t W[m, t] · x[c, p·stride + t·dilation − pad], "
      + "c = ⌊m·C/num_output⌋",
    shapes: "x: N × C × H × W; y: N × num_output × (as of Convolution); "
      + "W: num_output × 1 × kernel; b: num_output",
    notes: "Of the ShuffleNet forks; another name for DepthwiseConvolution. " + parameterNotes,
    arity: .oneToOne, parameters: [FilterBank.parameterTable], isExtension: true)
  static var samples: [LayerSample] { depthwiseSamples }

  let filter: DepthwiseFilter
  var fusedNegativeSlope: Float?

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    filter = try DepthwiseFilter(spec, context)
  }
}
