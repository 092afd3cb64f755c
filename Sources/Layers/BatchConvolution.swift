import CKernels
import Compute

/// A convolution that all threads compute together, over the samples of a whole batch.
///
/// Weights are read once for many samples, and no thread keeps sums of their gradients of its own;
/// so this is the way where weights are many beside the pixels of an image, or samples few.
protocol BatchConvolution {
  /// Floats that the threads need in common, forward and backward.
  var forwardWorkspace: Int { get }
  var backwardWorkspace: Int { get }

  /// Floats that each thread needs.
  var scratchCount: Int { get }

  /// Floats of the weights as `pack` leaves them for `forward`; 0 if they are not kept.
  var packedCount: Int { get }

  /// Puts the weights in the order that `forward` reads, if they are kept.
  func pack(
    _ packed: UnsafeMutablePointer<Float>, _ weights: UnsafePointer<Float>, workers: Workers)

  /// y = f(w ∗ x + bias), f(v) = v < 0 ? slope · v : v.
  func forward(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    packed: UnsafePointer<Float>?, bias: UnsafePointer<Float>?, slope: Float, workers: Workers)

  /// dx = the transpose of w ∗, applied to dy; dw += dy times what the taps see of x.
  func backward(
    _ dx: UnsafeMutablePointer<Float>?, _ dw: UnsafeMutablePointer<Float>?,
    _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    workers: Workers)
}

extension BatchConvolution {
  /// Nothing is kept.
  var packedCount: Int { 0 }

  /// Nothing to do.
  func pack(
    _ packed: UnsafeMutablePointer<Float>, _ weights: UnsafePointer<Float>, workers: Workers
  ) {}
}

/// The shape of a convolution over a batch: groups of channels that see nothing of each other.
struct BatchConvolutionShape {
  let plan: nk_conv2d
  let groups: Int
  let samples: Int

  var window: nk_window { plan.window }
  var outputs: Int { plan.outputs }
  var channels: Int { plan.window.channels }
  var taps: Int { window.kernel_h * window.kernel_w }
  var inputSize: Int { window.height * window.width }
  var outputSize: Int { window.out_h * window.out_w }
  /// Products in a sum.
  var depth: Int { channels * taps }
  /// Floats from sample to sample.
  var xStride: Int { groups * channels * inputSize }
  var yStride: Int { groups * outputs * outputSize }
  /// Whether there are too few samples for each thread to take some of its own.
  var isSmall: Bool { samples < 8 }
  /// Weights of one group.
  var weightCount: Int { outputs * channels * taps }
}

extension BatchConvolutionShape {
  /// So many weights of a group that reading them once for several samples pays.
  private static let manyWeights = 32_768
  /// So many that it pays where images are small and patches must be gathered.
  private static let manyTaps = 65_536
  /// Images of at most so many places are small.
  private static let smallImage = 64
  /// Above so many, what threads share would take more memory than it is worth.
  private static let mostDepth = 1 << 22
  private static let mostPairs = 1 << 21

  /// A share of the products that minimal filtering must save.
  private static let worthwhile = 0.6

  /// The way of the whole batch that is quicker than samples alone on each thread, if there is one;
  /// a choice by shapes alone, after measurements.
  var way: (any BatchConvolution)? {
    guard samples > 0, outputSize > 0, depth <= BatchConvolutionShape.mostDepth else { return nil }
    if filtersPay {
      let many = channels * outputs >= BatchConvolutionShape.manyWeights
      if isSmall && !many && tiles >= BatchConvolutionShape.smallImage { return BatchBands(self) }
      if isSmall || many { return BatchFiltering(self) }
    }
    if isSmall { return BatchPlanar(self) }
    let isWide = outputSize > BatchConvolutionShape.smallImage
    if isWide || weightCount < BatchConvolutionShape.manyTaps { return nil }
    return BatchProduct(self)
  }

  /// Tiles of one sample.
  private var tiles: Int {
    let side = window.kernel_h == 3 ? 4 : 2
    return ((window.out_h - 1) / side + 1) * ((window.out_w - 1) / side + 1)
  }

  private var filtersPay: Bool {
    var window = window
    guard nk_winograd_fits(&window) != 0, channels >= 16, outputs >= 16,
      channels * outputs <= BatchConvolutionShape.mostPairs
    else { return false }
    let padded = (samples * tiles + 15) / 16 * 16
    let saved = Double(36 * padded) / Double(taps * outputSize * samples)
    return saved < BatchConvolutionShape.worthwhile
  }
}
