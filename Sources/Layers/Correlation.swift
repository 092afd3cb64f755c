import CKernels
import Compute

/// The arithmetic of a convolution over samples of one shape: y from x, dx from dy, dw from both.
///
/// Channels are split in groups that see nothing of each other. Four ways lead to the sums: kernels
/// that read the image as it lies (two axes and what can be taken as such), minimal filtering (those
/// of them where fewer products save time), one matrix product for a whole range of samples (where
/// the window covers the image), and patches (all else).
final class Correlation {
  private enum Way {
    case planar
    case filtering(MinimalFiltering)
    case product
    case patches
  }

  private let way: Way
  private let groups: Int
  /// Of one group.
  private let channels: Int
  private let outputs: Int
  /// Values of one channel of x and of y.
  private let inputSize: Int
  private let outputSize: Int
  /// Products in a sum.
  private let depth: Int
  private let plan: nk_conv2d
  private let sizes: UnsafeMutablePointer<Int>
  private let axes: Int
  /// The way in which threads take a whole batch together, where that is quicker.
  let batchWay: (any BatchConvolution)?

  /// How many floats of scratch any of the calls needs.
  let scratchCount: Int
  /// How many floats the packed weights take; 0 if they are used as they are.
  let packedCount: Int

  /// Plans for `samples` samples of x with `channels` and the `input` sizes, and y with `outputs` and the
  /// `output` sizes.
  init(
    _ window: SpatialWindow, groups: Int, channels: Int, input: [Int], outputs: Int,
    output: [Int], samples: Int
  ) {
    self.groups = groups
    self.channels = channels / groups
    self.outputs = outputs / groups
    inputSize = input.reduce(1, *)
    outputSize = output.reduce(1, *)
    depth = self.channels * window.kernel.reduce(1, *)
    axes = input.count
    sizes = Correlation.list([
      input, window.kernel, window.stride, window.pad, window.dilation, output,
    ])
    var plan = nk_conv2d()
    if window.covers(input) {
      way = .product
      batchWay = nil
      scratchCount = 0
      packedCount = 0
    } else if window.isPointwise || axes <= 2 {
      var shape = Correlation.plane(window, self.channels, input, output)
      plan = nk_conv2d_plan(&shape, self.outputs)
      let whole = BatchConvolutionShape(plan: plan, groups: groups, samples: samples)
      batchWay = whole.way
      let weightScratch = nk_conv2d_weight_gradient_scratch(&plan, max(1, samples))
      if let filtering = MinimalFiltering(plan, groups: groups, samples: samples) {
        way = .filtering(filtering)
        scratchCount = max(weightScratch, filtering.scratchCount(samples: samples))
        packedCount = filtering.packedCount
      } else {
        way = .planar
        let others = max(nk_conv2d_scratch(&plan), nk_conv2d_data_gradient_scratch(&plan))
        scratchCount = max(weightScratch, others)
        packedCount = groups * nk_conv2d_packed_size(&plan)
      }
    } else {
      way = .patches
      batchWay = nil
      scratchCount = depth * outputSize
      packedCount = 0
    }
    self.plan = plan
  }

  deinit { sizes.deallocate() }

  /// Whether minimal filtering is the way taken.
  var savesProducts: Bool {
    if case .filtering = way { return true }
    return false
  }

  /// Floats of the patches that a window of more than two axes takes; one factor each.
  static func patchSizes(
    _ window: SpatialWindow, channels: Int, input: [Int], output: [Int]
  ) -> [Int] {
    let needsPatches = !window.covers(input) && !window.isPointwise && input.count > 2
    return needsPatches ? [channels] + window.kernel + output : []
  }

  private static func list(_ lists: [[Int]]) -> UnsafeMutablePointer<Int> {
    let all = lists.flatMap { $0 }
    let memory = UnsafeMutablePointer<Int>.allocate(capacity: max(1, all.count))
    for (index, value) in all.enumerated() { (memory + index).initialize(to: value) }
    return memory
  }

  /// The window as one over height and width: one axis is a width, a pointwise window sees all
  /// axes as one.
  private static func plane(
    _ window: SpatialWindow, _ channels: Int, _ input: [Int], _ output: [Int]
  ) -> nk_window {
    var shape = nk_window()
    shape.channels = channels
    (shape.height, shape.out_h, shape.kernel_h, shape.stride_h, shape.dilation_h) = (1, 1, 1, 1, 1)
    (shape.width, shape.out_w, shape.kernel_w, shape.stride_w, shape.dilation_w) = (1, 1, 1, 1, 1)
    if window.isPointwise {
      shape.width = input.reduce(1, *)
      shape.out_w = shape.width
      return shape
    }
    if input.count == 2 {
      (shape.height, shape.out_h, shape.kernel_h) = (input[0], output[0], window.kernel[0])
      (shape.stride_h, shape.pad_h, shape.dilation_h) =
        (window.stride[0], window.pad[0], window.dilation[0])
    }
    if let last = input.indices.last {
      (shape.width, shape.out_w, shape.kernel_w) = (input[last], output[last], window.kernel[last])
      (shape.stride_w, shape.pad_w, shape.dilation_w) =
        (window.stride[last], window.pad[last], window.dilation[last])
    }
    return shape
  }

  private var patchWindow: nk_window_nd {
    nk_window_nd(
      channels: channels, axes: axes, shape: sizes, kernel: sizes + axes,
      stride: sizes + 2 * axes, pad: sizes + 3 * axes, dilation: sizes + 4 * axes,
      out: sizes + 5 * axes)
  }
}

// MARK: Computing

extension Correlation {

  /// Puts the weights in the order that `forward` reads.
  func pack(_ packed: UnsafeMutablePointer<Float>, _ weights: UnsafePointer<Float>) {
    if case .filtering(let filtering) = way {
      filtering.pack(packed, weights, backward: false)
    }
    guard case .planar = way else { return }
    var plan = plan
    for group in 0..<groups {
      let at = group * outputs * depth
      nk_conv2d_pack(packed + at, weights + at, &plan)
    }
  }

  /// Puts the weights in the order that `dataGradient` reads.
  func packBackward(_ packed: UnsafeMutablePointer<Float>, _ weights: UnsafePointer<Float>) {
    if case .filtering(let filtering) = way {
      filtering.pack(packed, weights, backward: true)
    }
    guard case .planar = way else { return }
    var plan = plan
    for group in 0..<groups {
      let at = group * outputs * depth
      nk_conv2d_pack_backward(packed + at, weights + at, &plan)
    }
  }

  /// y = f(w ∗ x + bias), f(v) = v < 0 ? slope · v : v.
  func forward(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    packed: UnsafePointer<Float>, bias: UnsafePointer<Float>?, slope: Float,
    samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let xSize = channels * inputSize
    let ySize = outputs * outputSize
    if case .filtering(let filtering) = way {
      filtering.forward(
        y, x, packed: packed, bias: bias, slope: slope, samples: samples, scratch: scratch)
      return
    }
    if case .planar = way {
      var plan = plan
      for part in samples.lowerBound * groups..<samples.upperBound * groups {
        let group = part % groups
        nk_conv2d_forward(
          y + part * ySize, x + part * xSize, packed + group * outputs * depth,
          bias.map { $0 + group * outputs }, slope, &plan, scratch)
      }
      return
    }
    let start = samples.lowerBound * groups
    let count = samples.count * groups
    if let bias {
      for row in 0..<count * outputs {
        nk_fill(
          y + start * ySize + row * outputSize, bias[row % (groups * outputs)], outputSize)
      }
    }
    let beta: Float = bias == nil ? 0 : 1
    if case .product = way {
      for group in 0..<groups {
        BLAS.multiply(
          transposeB: true, m: samples.count, n: outputs, k: depth, x + (start + group) * xSize,
          lda: groups * xSize, weights + group * outputs * depth, ldb: depth, beta: beta,
          y + (start + group) * ySize, ldc: groups * ySize)
      }
    } else {
      var window = patchWindow
      for part in start..<start + count {
        nk_im2col_nd(scratch, x + part * xSize, &window)
        BLAS.multiply(
          m: outputs, n: outputSize, k: depth, weights + part % groups * outputs * depth,
          lda: depth, scratch, ldb: outputSize, beta: beta, y + part * ySize, ldc: outputSize)
      }
    }
    if slope != 1 {
      nk_relu_forward(y + start * ySize, y + start * ySize, slope, count * ySize)
    }
  }

  /// Both gradients of one pass, where they share work.
  ///
  /// False where they do not, and `dataGradient` and `weightGradient` are to be called.
  func gradients(
    _ dx: UnsafeMutablePointer<Float>, _ dw: UnsafeMutablePointer<Float>,
    _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, packed: UnsafePointer<Float>,
    samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) -> Bool {
    guard case .filtering(let filtering) = way,
      filtering.paysForWeights(samples: samples.count)
    else { return false }
    filtering.backward(dx, dw, dy, x, packed: packed, samples: samples, scratch: scratch)
    return true
  }

  /// dx = the transpose of w ∗, applied to dy.
  func dataGradient(
    _ dx: UnsafeMutablePointer<Float>, _ dy: UnsafePointer<Float>,
    weights: UnsafePointer<Float>, packed: UnsafePointer<Float>, samples: Range<Int>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let xSize = channels * inputSize
    let ySize = outputs * outputSize
    let start = samples.lowerBound * groups
    let end = samples.upperBound * groups
    switch way {
    case .filtering(let filtering):
      filtering.backward(dx, nil, dy, nil, packed: packed, samples: samples, scratch: scratch)
    case .planar:
      var plan = plan
      for part in start..<end {
        nk_conv2d_data_gradient(
          dx + part * xSize, dy + part * ySize, packed + part % groups * outputs * depth, &plan,
          scratch)
      }
    case .product:
      for group in 0..<groups {
        BLAS.multiply(
          m: samples.count, n: depth, k: outputs, dy + (start + group) * ySize,
          lda: groups * ySize, weights + group * outputs * depth, ldb: depth, beta: 0,
          dx + (start + group) * xSize, ldc: groups * xSize)
      }
    case .patches:
      var window = patchWindow
      for part in start..<end {
        BLAS.multiply(
          transposeA: true, m: depth, n: outputSize, k: outputs,
          weights + part % groups * outputs * depth, lda: depth, dy + part * ySize,
          ldb: outputSize, beta: 0, scratch, ldc: outputSize)
        nk_fill(dx + part * xSize, 0, xSize)
        nk_col2im_nd_add(dx + part * xSize, scratch, &window)
      }
    }
  }

  /// dw += dy times what the taps see of x, over the samples.
  func weightGradient(
    _ dw: UnsafeMutablePointer<Float>, _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>,
    samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let xSize = channels * inputSize
    let ySize = outputs * outputSize
    let start = samples.lowerBound * groups
    switch way {
    case .filtering(let filtering) where filtering.paysForWeights(samples: samples.count):
      filtering.backward(nil, dw, dy, x, packed: nil, samples: samples, scratch: scratch)
    case .planar, .filtering:
      var plan = plan
      for group in 0..<groups {
        nk_conv2d_weight_gradient(
          dw + group * outputs * depth, dy + (start + group) * ySize,
          x + (start + group) * xSize, &plan, samples.count, groups * ySize, groups * xSize,
          scratch)
      }
    case .product:
      for group in 0..<groups {
        BLAS.multiply(
          transposeA: true, m: outputs, n: depth, k: samples.count,
          dy + (start + group) * ySize, lda: groups * ySize, x + (start + group) * xSize,
          ldb: groups * xSize, beta: 1, dw + group * outputs * depth, ldc: depth)
      }
    case .patches:
      var window = patchWindow
      for part in start..<samples.upperBound * groups {
        nk_im2col_nd(scratch, x + part * xSize, &window)
        BLAS.multiply(
          transposeB: true, m: outputs, n: depth, k: outputSize, dy + part * ySize,
          lda: outputSize, scratch, ldb: outputSize, beta: 1,
          dw + part % groups * outputs * depth, ldc: depth)
      }
    }
  }

  /// db += Σ dy over the places and samples.
  func biasGradient(
    _ db: UnsafeMutablePointer<Float>, _ dy: UnsafePointer<Float>, samples: Range<Int>
  ) {
    let rows = groups * outputs
    for sample in samples {
      nk_channel_sum(db, dy + sample * rows * outputSize, rows, outputSize)
    }
  }
  /// The same, channels shared among workers.
  func biasGradient(
    _ db: UnsafeMutablePointer<Float>, _ dy: UnsafePointer<Float>, samples: Range<Int>,
    workers: Workers
  ) {
    let rows = groups * outputs
    workers.forEachRange(of: rows, grain: 16) { range, _ in
      for sample in samples {
        nk_channel_sum(
          db + range.lowerBound, dy + (sample * rows + range.lowerBound) * outputSize,
          range.count, outputSize)
      }
    }
  }
}
