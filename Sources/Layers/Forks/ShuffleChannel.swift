import CKernels
import Compute
import Prototxt
import Schema

/// Mixes the channels of groups, of ShuffleNet.
///
///     y[i · group + g] = x[g · (C / group) + i]
///
/// Shapes: `x` and `y` N × C × any axes. Gradient: dx takes dy from where x went.
final class ShuffleChannel: SampleLayer {
  static let reference = LayerReference(
    "ShuffleChannel", .utility,
    summary: "Mixes the channels of groups, so that the next grouped convolution sees all of them.",
    formula: "y[i · group + g] = x[g · (C / group) + i]", shapes: "x, y: N × C × any axes",
    notes: "Of ShuffleNet's fork.", arity: .oneToOne,
    parameters: [
      ParameterTable(
        "shuffle_channel_param", ["group": "The number of groups; divides the channels."])
    ], isExtension: true)
  static let samples = [
    LayerSample("shuffle_channel_param { group: 3 }", bottoms: [.uniform([2, 6, 2, 2])]),
    LayerSample("shuffle_channel_param { group: 2 }", bottoms: [.uniform([3, 8])]),
    LayerSample("", bottoms: [.uniform([2, 3, 2])]),
  ]

  private let spec: LayerSpec
  private let group: Int
  private var channels = 0
  private var inner = 0
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("shuffle_channel_param")
    self.spec = spec
    group = given.int("group")
    try spec.checkSize(group, "group", least: 1, at: given.location("group"))
  }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let shape = bottoms[0]
    guard shape.axes >= 2, shape[1] % group == 0 else {
      throw spec.error(
        "the bottom (\(shape.display)) has no channels that can be split in \(group) groups",
        at: spec.parameters("shuffle_channel_param").location("group"),
        help: "the number of channels must be a multiple of group")
    }
    (sampleCount, channels, inner) = (shape[0], shape[1], shape.count(from: 2))
    return [shape]
  }

  /// Copies the channels of some samples, each to or from its place.
  private func move(
    _ to: UnsafeMutablePointer<Float>, _ from: UnsafePointer<Float>, _ samples: Range<Int>,
    isForward: Bool
  ) {
    let rows = isForward ? group : channels / group
    let columns = channels / rows
    for sample in samples {
      let at = sample * channels
      for row in 0..<rows {
        for column in 0..<columns {
          nk_copy(
            to + (at + column * rows + row) * inner, from + (at + row * columns + column) * inner,
            inner)
        }
      }
    }
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    move(top[0].values, bottom[0].values, samples, isForward: true)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    move(bottom[0].gradient, top[0].gradient, samples, isForward: false)
  }
}
