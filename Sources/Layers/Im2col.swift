import CKernels
import Compute
import Prototxt
import Schema

/// Lays the patches that a window sees side by side: the first step of a convolution.
///
///     y[(c, t), p] = x[c, p · stride + t · dilation − pad]
///
/// Shapes: `x` is batch axes, C channels at `axis`, then spatial axes of sizes i; `y` the same batch axes,
/// C · kernel, then o = ⌊(i + 2·pad − (dilation·(kernel − 1) + 1)) / stride⌋ + 1. Padding gives 0.
///
/// Gradient: dx takes each dy at the place that it was read from.
final class Im2col: SampleLayer {
  static let reference = LayerReference(
    "Im2col", .vision,
    summary: "Lays the patches that a window sees side by side: the first step of a convolution.",
    formula: "y[(c, t), p] = x[c, p · stride + t · dilation − pad]",
    shapes: "x: batch axes, C channels at `axis`, then spatial axes of sizes i; y: the same batch "
      + "axes, C · kernel, then ⌊(i + 2·pad − (dilation·(kernel − 1) + 1)) / stride⌋ + 1",
    notes: "Any number of spatial axes from one on. Padding gives 0.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "convolution_param",
        [
          "num_output": "Accepted, without effect.",
          "bias_term": "Accepted, without effect.",
          "pad": "Zeros before and behind each spatial axis: once for all, or once for each.",
          "kernel_size": "Size of the window: once for all spatial axes, or once for each.",
          "stride": "Step from place to place: once for all spatial axes, or once for each.",
          "dilation": "Step from tap to tap: once for all spatial axes, or once for each.",
          "pad_h": "Padding of the height, with two spatial axes and without pad.",
          "pad_w": "Padding of the width.",
          "kernel_h": "Height of the window, with two spatial axes and without kernel_size.",
          "kernel_w": "Width of the window.",
          "stride_h": "Step along the height, with two spatial axes and without stride.",
          "stride_w": "Step along the width.",
          "group": "Accepted, without effect.",
          "weight_filler": "Accepted, without effect.",
          "bias_filler": "Accepted, without effect.",
          "engine": "Accepted, without effect.",
          "axis": "The channel axis: those before it are the batch; negative counts from the end.",
          "force_nd_im2col": "Accepted, without effect.",
        ])
    ])
  static let samples = [
    sample("kernel_size: 3", [2, 2, 5, 6]),
    sample("kernel_size: 3 stride: 2 pad: 1", [2, 3, 6, 5]),
    sample("kernel_h: 3 kernel_w: 2 stride_h: 1 stride_w: 2 pad_h: 1", [1, 2, 6, 5]),
    sample("kernel_size: 2 dilation: 2", [1, 2, 7, 6]),
    sample("kernel_size: 3 stride: 2 pad: 1 dilation: 2", [2, 2, 9]),
    sample("kernel_size: 2 kernel_size: 1 kernel_size: 3 pad: 1 stride: 2", [2, 2, 3, 2, 4]),
    sample("kernel_size: 2 axis: -3 force_nd_im2col: true", [2, 3, 2, 3, 4]),
    sample("kernel_size: 2 axis: 0", [3, 4, 3]),
  ]

  private static func sample(_ fields: String, _ shape: Shape) -> LayerSample {
    LayerSample("convolution_param { \(fields) }", bottoms: [.uniform(shape)])
  }

  private let spec: LayerSpec
  private let fields: WindowFields
  /// The window, if it has one or two axes.
  private var plane: nk_window?
  /// For windows of more axes: sizes, kernel, stride, pad, dilation and places, one behind the other.
  private let sizes = Buffer<Int>()
  private var axes = 0
  private var channels = 0
  /// Values of one sample.
  private var inputSize = 0
  private var outputSize = 0
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    var problems = Diagnostics()
    fields = try WindowFields(spec, spec.parameters("convolution_param"), &problems)
    try problems.keeping { try spec.refuseInPlace(why: "patches overlap") }
    try problems.throwIfErrors()
  }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let bottom = bottoms[0]
    let axis = try spec.axis(spec.parameters("convolution_param"), of: bottom)
    guard bottom.axes > axis + 1 else {
      throw spec.error(
        "needs a spatial axis behind the channels' axis \(axis), but the bottom is "
          + "\(bottom.display)")
    }
    let window = try fields.window(spec, over: bottom, from: axis + 1)
    let places = try fields.places(spec, of: window, over: bottom, from: axis + 1)
    let batch = Array(bottom.dimensions[..<axis])
    try spec.checkCount(batch + [bottom[axis]] + window.kernel + places, "a top", at: nil)
    channels = bottom[axis]
    axes = places.count
    sampleCount = bottom.count(from: 0, to: axis)
    inputSize = bottom.count(from: axis)
    let rows = channels * window.kernel.reduce(1, *)
    outputSize = rows * places.reduce(1, *)
    keep(window, Array(bottom.dimensions[(axis + 1)...]), places)
    return [Shape(batch + [rows] + places)]
  }

  private func keep(_ window: SpatialWindow, _ input: [Int], _ places: [Int]) {
    guard axes <= 2 else {
      plane = nil
      let lists = [input, window.kernel, window.stride, window.pad, window.dilation, places]
      sizes.reserve(lists.count * axes)
      for (index, value) in lists.joined().enumerated() { sizes.pointer[index] = value }
      return
    }
    var plane = nk_window()
    plane.channels = channels
    (plane.height, plane.out_h, plane.kernel_h, plane.stride_h, plane.dilation_h) = (1, 1, 1, 1, 1)
    if axes == 2 {
      (plane.height, plane.out_h, plane.kernel_h) = (input[0], places[0], window.kernel[0])
      (plane.stride_h, plane.pad_h) = (window.stride[0], window.pad[0])
      plane.dilation_h = window.dilation[0]
    }
    let last = axes - 1
    (plane.width, plane.out_w, plane.kernel_w) = (input[last], places[last], window.kernel[last])
    (plane.stride_w, plane.pad_w) = (window.stride[last], window.pad[last])
    plane.dilation_w = window.dilation[last]
    self.plane = plane
  }

  private var solid: nk_window_nd {
    let sizes = sizes.pointer
    return nk_window_nd(
      channels: channels, axes: axes, shape: sizes, kernel: sizes + axes,
      stride: sizes + 2 * axes, pad: sizes + 3 * axes, dilation: sizes + 4 * axes,
      out: sizes + 5 * axes)
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    for sample in samples {
      let y = top[0].values + sample * outputSize
      let x = bottom[0].values + sample * inputSize
      if var plane {
        let places = plane.out_h * plane.out_w
        nk_im2col(y, places, x, &plane, 0, places)
      } else {
        var solid = solid
        nk_im2col_nd(y, x, &solid)
      }
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    for sample in samples {
      let dx = bottom[0].gradient + sample * inputSize
      let dy = top[0].gradient + sample * outputSize
      nk_fill(dx, 0, inputSize)
      if var plane {
        let places = plane.out_h * plane.out_w
        nk_col2im_add(dx, dy, places, &plane, 0, places)
      } else {
        var solid = solid
        nk_col2im_nd_add(dx, dy, &solid)
      }
    }
  }
}
