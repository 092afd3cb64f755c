import CKernels
import Compute
import Schema

/// Rectified linear unit that learns the slope for negative inputs.
///
///     y = max(x, 0) + a_c · min(x, 0)
///
/// Shapes: `x` is any shape with the channels along axis 1, `y` as `x`; `a` has a slope for each channel,
/// or is a scalar with channel_shared.
///
/// Gradient: dx = dy where x > 0, a_c · dy elsewhere, also at 0; da_c += Σ dy · x over the x ≤ 0. In place, a
/// copy of `x` is kept for it.
///
/// From He et al. 2015.
final class PReLU: SampleLayer {
  static let reference = LayerReference(
    "PReLU", .activation,
    summary: "Rectified linear unit that learns the slope for negative inputs.",
    formula: "y = max(x, 0) + a_c · min(x, 0)",
    shapes: "x: at least two axes, the channels along axis 1; y: as x; a: one slope for each "
      + "channel, or a scalar with channel_shared",
    notes:
      "The gradient at 0 is the slope. In place, a copy of x is kept. The number of channels is "
      + "fixed when the net is built.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "prelu_param",
        [
          "filler": "How the slopes are filled; without it, 0.25.",
          "channel_shared": "Whether all channels have one slope.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([2, 3, 4])], kinks: [0]),
    LayerSample(
      "prelu_param { filler { type: 'uniform' min: -0.5 max: 0.5 } }",
      bottoms: [.uniform([3, 5])], kinks: [0]),
    LayerSample(
      "prelu_param { channel_shared: true filler { value: 0.1 } }",
      bottoms: [.uniform([2, 2, 3, 2])], kinks: [0]),
    LayerSample("", bottoms: [.uniform([2, 2, 2, 1, 3])], kinks: [0]),
  ]
  static var runsInPlace: Bool { true }

  private let spec: LayerSpec
  private let context: LayerContext
  private let isShared: Bool
  private let filler: Filler
  private let input: KeptInput
  private var channels = 0
  /// As the arithmetic sees a sample: all of it is one channel where the slope is shared.
  private var rows = 0
  private var width = 0
  private(set) var parameters: [Blob] = []
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("prelu_param")
    self.spec = spec
    self.context = context
    isShared = given.bool("channel_shared")
    filler = try spec.filler(given, "filler", default: Filler(.constant(0.25)))
    input = KeptInput(spec)
  }

  var backwardReads: BackwardReads { .bottoms }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let bottom = bottoms[0]
    guard bottom.axes >= 2 else {
      throw spec.error(
        "needs a bottom with at least two axes, the channels along axis 1, not \(bottom.display)",
        help: "a Reshape layer can add an axis")
    }
    if parameters.isEmpty {
      channels = bottom[1]
      let shape: Shape = isShared ? .scalar : [channels]
      parameters = [try spec.parameter("slopes", shape, filler, context)]
    }
    guard isShared || bottom[1] == channels else {
      throw spec.error(
        "was built for \(channels) channels, but the bottom (\(bottom.display)) now has "
          + "\(bottom[1])", help: "the number of channels cannot change after the net is built")
    }
    sampleCount = bottom[0]
    operations = 2 * bottom.count
    rows = isShared ? 1 : bottom[1]
    width = bottom.count(from: isShared ? 1 : 2)
    input.reserve(bottom)
    return bottoms
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    input.keep(bottom[0], bottom[0].part(samples, of: sampleCount))
    for sample in samples {
      let start = sample * rows * width
      nk_prelu_forward(
        top[0].values + start, bottom[0].values + start, parameters[0].values, rows, width)
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let x = input.values(bottom[0])
    for sample in samples {
      let start = sample * rows * width
      let dy = top[0].gradient + start
      if let slopes = pass.gradients[0] {
        nk_prelu_slope_gradient(slopes, dy, x + start, rows, width)
      }
      if pass.propagate[0] {
        nk_prelu_backward(
          bottom[0].gradient + start, dy, x + start, parameters[0].values, rows, width)
      }
    }
  }
}
