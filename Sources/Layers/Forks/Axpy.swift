import CKernels
import Compute
import Prototxt
import Schema

/// Scales each channel by a number and adds another blob, of SENet.
///
///     out[n, c, i] = a[n, c] · x[n, c, i] + y[n, c, i]
///
/// Shapes: `a` is N × C, or N × C with further axes of size 1; `x`, `y` and the top N × C × any axes.
/// Gradient: da = Σᵢ dout · x, dx = a · dout, dy = dout.
final class Axpy: SampleLayer {
  static let reference = LayerReference(
    "Axpy", .utility,
    summary: "Scales each channel by a number and adds another blob.",
    formula: "out = a[n, c] · x + y",
    shapes: "a: N × C, further axes of size 1; x, y, out: N × C × any axes",
    notes: "Of SENet, for scale and shortcut in one: the bottoms are a, x and y.",
    arity: Arity(3...3, 1...1), isExtension: true)
  static let samples = [
    LayerSample(
      "",
      bottoms: [.uniform([2, 3, 1, 1]), .uniform([2, 3, 2, 4]), .uniform([2, 3, 2, 4])]),
    LayerSample("", bottoms: [.uniform([3, 2]), .uniform([3, 2, 5]), .uniform([3, 2, 5])]),
  ]

  private let spec: LayerSpec
  private var channels = 0
  private var inner = 0
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws { self.spec = spec }

  var backwardReads: BackwardReads { .bottoms(0, 1) }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let (scale, x) = (bottoms[0], bottoms[1])
    try spec.requireEqual(bottoms, 2, to: 1)
    guard x.axes >= 2, scale.axes >= 2, scale[0] == x[0], scale[1] == x[1],
      scale.dimensions[2...].allSatisfy({ $0 == 1 })
    else {
      throw spec.error(
        "'\(spec.bottoms[0])' is \(scale.display), but must have one number for each sample and "
          + "channel of '\(spec.bottoms[1])' (\(x.display))", at: spec.message.location("bottom"))
    }
    (sampleCount, channels, inner) = (x[0], x[1], x.count(from: 2))
    operations = 2 * x.count
    return [x]
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let part = top[0].part(samples, of: sampleCount)
    nk_copy(top[0].values + part.lowerBound, bottom[2].values + part.lowerBound, part.count)
    for plane in samples.lowerBound * channels..<samples.upperBound * channels {
      let at = plane * inner
      nk_axpy(top[0].values + at, bottom[0].values[plane], bottom[1].values + at, inner)
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let dy = top[0].gradient
    for plane in samples.lowerBound * channels..<samples.upperBound * channels {
      let at = plane * inner
      if pass.propagate[0] {
        bottom[0].gradient[plane] = Float(nk_dot(dy + at, bottom[1].values + at, inner))
      }
      if pass.propagate[1] {
        nk_scale(bottom[1].gradient + at, bottom[0].values[plane], dy + at, inner)
      }
      if pass.propagate[2] { nk_copy(bottom[2].gradient + at, dy + at, inner) }
    }
  }
}
