import CKernels
import Compute
import Prototxt
import Schema

/// Gives the channels unit length, and scales them, of SSD.
///
///     y[c, i] = scale[c] · x[c, i] / √(Σ x² + eps)
///
/// The sum goes over all values of a sample, or without across_spatial over the channels at each place.
///
/// Shapes: `x` and `y` N × C × any axes; scale C, or a scalar with channel_shared.
/// Gradient: with n the root and g = scale · dy, dx = g / n − x · Σ (g · x) / n³;
/// dscale[c] += Σ dy · x / n.
final class Normalize: SampleLayer {
  static let reference = LayerReference(
    "Normalize", .common,
    summary: "Gives the channels unit length, and scales them.",
    formula: "y = scale · x / √(Σ x² + eps)",
    shapes: "x, y: N × C × any axes; scale: C, or a scalar with channel_shared",
    notes: "Of SSD, whose conv4_3 it follows with across_spatial and channel_shared false.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "norm_param",
        [
          "across_spatial": "Whether the sum goes over a whole sample; false takes the channels at "
            + "each place.",
          "scale_filler": "How scale is filled; left out, with 1.",
          "channel_shared": "Whether all channels have one scale.",
          "eps": "Added to the sum of squares.",
        ])
    ], isExtension: true)
  static let samples = [
    LayerSample("", bottoms: [.uniform([2, 3, 2, 2])]),
    LayerSample(
      "norm_param { across_spatial: false channel_shared: false scale_filler { type: 'uniform' "
        + "min: 0.5 max: 2 } }", bottoms: [.range([2, 3, 4], 0.3...2)]),
    LayerSample(
      "norm_param { across_spatial: false eps: 0.1 scale_filler { value: 3 } }",
      bottoms: [.uniform([3, 2, 3, 2])]),
    LayerSample(
      "norm_param { channel_shared: false eps: 0.01 scale_filler { type: 'gaussian' } }",
      bottoms: [.uniform([2, 4])]),
  ]

  private let spec: LayerSpec
  private let context: LayerContext
  private let isWhole: Bool
  private let isShared: Bool
  private let epsilon: Float
  private let filler: Filler
  private(set) var parameters: [Blob] = []
  private(set) var sampleCount = 1
  private(set) var operations = 0
  private var channels = 0
  private var inner = 0
  /// The roots: one for each sample, or for each place.
  private let roots = Blob("lengths")

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("norm_param")
    self.spec = spec
    self.context = context
    isWhole = given.bool("across_spatial")
    isShared = given.bool("channel_shared")
    epsilon = given.float("eps")
    filler = try spec.filler(given, "scale_filler", default: Filler(.constant(1)))
    guard epsilon >= 0 else {
      throw spec.error("eps is \(epsilon), but must be 0 or more", at: given.location("eps"))
    }
  }

  var backwardReads: BackwardReads { .bottoms }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let shape = bottoms[0]
    guard shape.axes >= 2 else {
      throw spec.error(
        "needs a bottom of samples and channels, but it is \(shape.display)",
        at: spec.message.location("bottom"))
    }
    if parameters.isEmpty {
      channels = shape[1]
      parameters = [
        try spec.parameter("scale", isShared ? .scalar : [channels], filler, context)
      ]
    }
    guard shape[1] == channels || isShared else {
      throw spec.error(
        "was built for \(channels) channels, but the bottom (\(shape.display)) now has \(shape[1])",
        help: "the number of channels cannot change after the net is built")
    }
    channels = shape[1]
    inner = shape.count(from: 2)
    sampleCount = shape[0]
    roots.reshape([isWhole ? sampleCount : sampleCount * inner])
    operations = 5 * shape.count
    return [shape]
  }

  var scratchCount: Int { 2 * inner }

  private func scale(_ channel: Int) -> Float { parameters[0].values[isShared ? 0 : channel] }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let size = channels * inner
    for sample in samples {
      let x = bottom[0].values + sample * size
      let y = top[0].values + sample * size
      if isWhole {
        let root = Float((nk_sum_of_squares(x, size) + Double(epsilon)).squareRoot())
        roots.values[sample] = root
        for channel in 0..<channels {
          nk_scale(y + channel * inner, scale(channel) / root, x + channel * inner, inner)
        }
      } else {
        let root = roots.values + sample * inner
        nk_fill(root, epsilon, inner)
        for channel in 0..<channels {
          nk_multiply_add(root, x + channel * inner, x + channel * inner, inner)
        }
        for place in 0..<inner { root[place] = root[place].squareRoot() }
        for channel in 0..<channels {
          nk_divide(y + channel * inner, x + channel * inner, root, inner)
          nk_scale(y + channel * inner, scale(channel), y + channel * inner, inner)
        }
      }
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let size = channels * inner
    for sample in samples {
      let x = bottom[0].values + sample * size
      let dy = top[0].gradient + sample * size
      if let dscale = pass.gradients[0] { addScaleGradient(dscale, dy, x, sample, scratch) }
      guard pass.propagate[0] else { continue }
      let dx = bottom[0].gradient + sample * size
      if isWhole {
        goBack(dx, dy, x, root: roots.values[sample])
      } else {
        goBack(dx, dy, x, roots: roots.values + sample * inner, scratch)
      }
    }
  }

  private func addScaleGradient(
    _ dscale: UnsafeMutablePointer<Float>, _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>,
    _ sample: Int, _ scratch: UnsafeMutablePointer<Float>
  ) {
    for channel in 0..<channels {
      let at = channel * inner
      if isWhole {
        let sum = nk_dot(dy + at, x + at, inner) / Double(roots.values[sample])
        dscale[isShared ? 0 : channel] += Float(sum)
      } else {
        nk_divide(scratch, x + at, roots.values + sample * inner, inner)
        dscale[isShared ? 0 : channel] += Float(nk_dot(dy + at, scratch, inner))
      }
    }
  }

  private func goBack(
    _ dx: UnsafeMutablePointer<Float>, _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>,
    root: Float
  ) {
    var sum = 0.0
    for channel in 0..<channels {
      sum += Double(scale(channel)) * nk_dot(dy + channel * inner, x + channel * inner, inner)
    }
    let slope = -Float(sum / Double(root) / Double(root) / Double(root))
    for channel in 0..<channels {
      let at = channel * inner
      nk_scale(dx + at, slope, x + at, inner)
      nk_axpy(dx + at, scale(channel) / root, dy + at, inner)
    }
  }

  private func goBack(
    _ dx: UnsafeMutablePointer<Float>, _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>,
    roots: UnsafePointer<Float>, _ scratch: UnsafeMutablePointer<Float>
  ) {
    // The sum over the channels of g · x, then what x is multiplied by.
    let (sum, part) = (scratch, scratch + inner)
    nk_fill(sum, 0, inner)
    for channel in 0..<channels {
      nk_multiply(part, dy + channel * inner, x + channel * inner, inner)
      nk_axpy(sum, scale(channel), part, inner)
    }
    for place in 0..<inner {
      let root = roots[place]
      sum[place] = -sum[place] / root / root / root
    }
    for channel in 0..<channels {
      let at = channel * inner
      nk_divide(dx + at, dy + at, roots, inner)
      nk_scale(dx + at, scale(channel), dx + at, inner)
      nk_multiply_add(dx + at, sum, x + at, inner)
    }
  }
}
