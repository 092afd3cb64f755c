import CKernels
import Compute
import Prototxt
import Schema

/// Moves places to channels, or channels to places, as Darknet does for YOLO v2.
///
/// With s = stride, F = C / s² and k = o · F + c, where `M` is C × H × W and `L` is F × sH × sW:
///
///     M[k, j, i] = L[c, j · s + o / s, i · s + o mod s]
///
/// `y` are the values of M where `x` are those of L, each in the order of its memory; with reverse the
/// other way round. C, H and W are the bottom's.
///
/// Shapes: `x` N × C × H × W; `y` N × C·s² × H/s × W/s, with reverse N × C/s² × sH × sW.
/// Gradient: dx takes each dy from where the value went.
final class Reorg: SampleLayer {
  static let reference = LayerReference(
    "Reorg", .utility,
    summary: "Moves places to channels, or channels to places, as Darknet does.",
    formula: "M[o·F + c, j, i] = L[c, j·s + o/s, i·s + o mod s], s = stride, F = C/s²\n"
      + "y = M where x = L, each as it lies in memory; reverse: y = L where x = M",
    shapes: "x: N × C × H × W; y: N × C·s² × H/s × W/s, with reverse N × C/s² × sH × sW",
    notes: "Of the YOLO v2 ports, in the order of Darknet's weights. Darknet takes the bottom's "
      + "sizes for M in both directions, so that this is no plain space-to-depth: C must be a "
      + "multiple of s². The port 'caffe-yolo9000' does the opposite: use reverse and Reshape.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "reorg_param",
        [
          "stride": "How many places along each axis become channels; must be given.",
          "reverse": "Whether channels become places.",
        ])
    ], isExtension: true)
  static let samples = [
    LayerSample("reorg_param { stride: 2 }", bottoms: [.uniform([2, 4, 4, 6])]),
    LayerSample("reorg_param { stride: 2 reverse: true }", bottoms: [.uniform([2, 8, 2, 3])]),
    LayerSample("reorg_param { stride: 3 }", bottoms: [.uniform([1, 9, 3, 6])]),
  ]

  private let spec: LayerSpec
  private let stride: Int
  private let isReverse: Bool
  private var sizes = (channels: 0, height: 0, width: 0)
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("reorg_param")
    self.spec = spec
    stride = try spec.positive(given, "stride")
    isReverse = given.bool("reverse")
    try spec.checkCount([stride, stride], "a block", at: given.location("stride"))
  }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    try spec.requireImages(bottoms)
    let shape = bottoms[0]
    let square = stride * stride
    let fits = shape[1] % square == 0 && shape[1] > 0
    guard fits, isReverse || (shape[2] % stride == 0 && shape[3] % stride == 0) else {
      throw spec.error(
        "the bottom (\(shape.display)) cannot be reorganised with stride \(stride)",
        at: spec.parameters("reorg_param").location("stride"),
        help: "channels must be a multiple of \(square)"
          + (isReverse ? "" : ", height and width multiples of \(stride)"))
    }
    sampleCount = shape[0]
    sizes = (shape[1], shape[2], shape[3])
    return [
      isReverse
        ? [shape[0], shape[1] / square, shape[2] * stride, shape[3] * stride]
        : [shape[0], shape[1] * square, shape[2] / stride, shape[3] / stride]
    ]
  }

  private func move(
    _ to: UnsafeMutablePointer<Float>, _ from: UnsafePointer<Float>, _ samples: Range<Int>,
    isReverse: Bool
  ) {
    let size = sizes.channels * sizes.height * sizes.width
    for sample in samples {
      nk_reorg(
        to + sample * size, from + sample * size, sizes.channels, sizes.height, sizes.width,
        stride, isReverse ? 1 : 0)
    }
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    move(top[0].values, bottom[0].values, samples, isReverse: isReverse)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    move(bottom[0].gradient, top[0].gradient, samples, isReverse: !isReverse)
  }
}
