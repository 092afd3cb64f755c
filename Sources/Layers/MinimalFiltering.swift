import CKernels
import Compute

/// A convolution of 3 × 3 or 5 × 5 taps with fewer products than taps times outputs (Winograd's).
///
/// Pays where the products saved outweigh the transforms of tiles and weights; `init` estimates that
/// from shapes alone, with what kernels/convolution.c of the benchmarks measured.
struct MinimalFiltering {
  private enum Cost {
    /// Products a tile of one pair of channels takes.
    static let products = 36.0
    /// Transforms of a tile of one channel, in products, with 2 × 2 and with 4 × 4 outputs.
    static let small = 150.0
    static let large = 300.0
    /// Transforming the weights, for each of the values that come out.
    static let weight = 24.0
    /// It must promise so much: the estimate is rough.
    static let share = 0.8
  }
  /// Transformed weights are up to four times as many as weights: above so many, memory counts more.
  private static let mostWeights = 4_000_000.0
  /// Tiles are computed in vectors of so many.
  private static let vector = 16
  /// The engine cuts a batch in at least so many chunks.
  private static let chunks = 8

  private let plan: nk_conv2d
  private let groups: Int
  private let tiles: Int
  private let xSize: Int
  private let ySize: Int

  /// Nil where the plain way is as quick, or the only one.
  init?(_ plan: nk_conv2d, groups: Int, samples: Int) {
    var window = plan.window
    guard nk_winograd_fits(&window) != 0, samples > 0 else { return nil }
    let side = window.kernel_h == 3 ? 4 : 2
    tiles = ((window.out_h - 1) / side + 1) * ((window.out_w - 1) / side + 1)
    self.plan = plan
    self.groups = groups
    xSize = window.channels * window.height * window.width
    ySize = plan.outputs * window.out_h * window.out_w
    let (channels, outputs) = (Double(window.channels), Double(plan.outputs))
    let weights = Cost.products * channels * outputs
    guard weights * Double(groups) <= MinimalFiltering.mostWeights else { return nil }
    let chunk = max(1, samples / MinimalFiltering.chunks)
    let vectors = (chunk * tiles + MinimalFiltering.vector - 1) / MinimalFiltering.vector
    let computed = Double(vectors * MinimalFiltering.vector) / Double(chunk)
    let transforms = (side == 2 ? Cost.small : Cost.large) * (channels + outputs)
    let cost = computed * (weights + transforms) + Cost.weight * weights / Double(samples)
    let taps = Double(window.kernel_h * window.kernel_w)
    let plain = channels * outputs * taps * Double(window.out_h * window.out_w)
    guard cost < Cost.share * plain else { return nil }
  }

  /// Floats of the weights as `pack` and `packBackward` leave them.
  var packedCount: Int {
    var plan = plan
    return groups * nk_winograd_packed_size(&plan)
  }

  func scratchCount(samples: Int) -> Int {
    var plan = plan
    return nk_winograd_scratch(&plan, samples)
  }

  /// Whether the weight gradient of so many samples has tiles enough to pay.
  func paysForWeights(samples: Int) -> Bool { samples * tiles >= MinimalFiltering.vector }

  func pack(_ packed: UnsafeMutablePointer<Float>, _ weights: UnsafePointer<Float>, backward: Bool)
  {
    var plan = plan
    let window = plan.window
    let count = plan.outputs * window.channels * window.kernel_h * window.kernel_w
    let packedCount = nk_winograd_packed_size(&plan)
    for group in 0..<groups {
      let (to, from) = (packed + group * packedCount, weights + group * count)
      if backward {
        nk_winograd_pack_backward(to, from, &plan)
      } else {
        nk_winograd_pack(to, from, &plan)
      }
    }
  }

  /// y = f(w ∗ x + bias), f(v) = v < 0 ? slope · v : v.
  func forward(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, packed: UnsafePointer<Float>,
    bias: UnsafePointer<Float>?, slope: Float, samples: Range<Int>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    var plan = plan
    let packedCount = nk_winograd_packed_size(&plan)
    for group in 0..<groups {
      let first = samples.lowerBound * groups + group
      nk_winograd_forward(
        y + first * ySize, x + first * xSize, packed + group * packedCount,
        bias.map { $0 + group * plan.outputs }, slope, &plan, samples.count, groups * ySize,
        groups * xSize, scratch)
    }
  }

  /// dx = the transpose of w ∗, applied to dy; dw += dy times what the taps see of x.
  func backward(
    _ dx: UnsafeMutablePointer<Float>?, _ dw: UnsafeMutablePointer<Float>?,
    _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>?, packed: UnsafePointer<Float>?,
    samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    var plan = plan
    let window = plan.window
    let count = plan.outputs * window.channels * window.kernel_h * window.kernel_w
    let packedCount = nk_winograd_packed_size(&plan)
    for group in 0..<groups {
      let first = samples.lowerBound * groups + group
      nk_winograd_backward(
        dx.map { $0 + first * xSize }, dw.map { $0 + group * count }, dy + first * ySize,
        x.map { $0 + first * xSize }, packed.map { $0 + group * packedCount }, &plan,
        samples.count, groups * ySize, groups * xSize, scratch)
    }
  }
}
