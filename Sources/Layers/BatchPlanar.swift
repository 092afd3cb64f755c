import CKernels
import Compute

/// A convolution of few samples by the kernels that read the image as it lies, outputs shared among
/// the threads.
struct BatchPlanar: BatchConvolution {
  /// The kernels' rows: parts of the outputs are multiples of it.
  private static let rows = 6
  private static let leastOutputs = 24

  private let shape: BatchConvolutionShape
  /// What the kernels compute: a pointwise window with strides sees a copy of the pixels it meets.
  private let plan: nk_conv2d
  private let skipsPixels: Bool
  /// Patches as columns, for the way back.
  private let product: BatchProduct
  /// A part of the outputs of one group.
  private let part: Int
  /// Groups that a thread takes at a time.
  private let groupGrain: Int
  let scratchCount: Int

  init(_ shape: BatchConvolutionShape) {
    self.shape = shape
    product = BatchProduct(shape)
    // Each part of the outputs reads the image anew, so there are few.
    let parts = [8, 4, 2].first { shape.outputs >= $0 * BatchPlanar.leastOutputs } ?? 1
    let rows = BatchPlanar.rows
    part = (shape.outputs + parts * rows - 1) / (parts * rows) * rows
    groupGrain = max(1, BatchPlanar.leastOutputs / shape.outputs)
    var plan = shape.plan
    let window = shape.window
    skipsPixels =
      shape.taps == 1 && (window.stride_h > 1 || window.stride_w > 1) && window.pad_h == 0
      && window.pad_w == 0
    if skipsPixels {
      (plan.window.height, plan.window.out_h) = (1, 1)
      (plan.window.width, plan.window.out_w) = (shape.outputSize, shape.outputSize)
      (plan.window.stride_h, plan.window.stride_w) = (1, 1)
    }
    self.plan = plan
    scratchCount = nk_conv2d_scratch(&plan)
  }

  var forwardWorkspace: Int {
    skipsPixels ? shape.samples * shape.groups * shape.channels * shape.outputSize : 0
  }
  var backwardWorkspace: Int { product.backwardWorkspace }

  var packedCount: Int {
    var plan = shape.plan
    return shape.groups * nk_conv2d_packed_size(&plan)
  }

  func pack(
    _ packed: UnsafeMutablePointer<Float>, _ weights: UnsafePointer<Float>, workers: Workers
  ) {
    workers.forEach(shape.groups) { group, _ in
      var plan = shape.plan
      let at = group * shape.weightCount
      nk_conv2d_pack(packed + at, weights + at, &plan)
    }
  }

  func forward(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    packed: UnsafePointer<Float>?, bias: UnsafePointer<Float>?, slope: Float, workers: Workers
  ) {
    guard let packed else { return }
    let x = skipsPixels ? UnsafePointer(gathered(x, workers)) : x
    let xSize = plan.window.channels * plan.window.height * plan.window.width
    let parts = (shape.outputs + part - 1) / part
    let blocks = (shape.groups + groupGrain - 1) / groupGrain
    workers.forEach(shape.samples * blocks * parts) { index, worker in
      let (sample, rest) = (index / (blocks * parts), index % (blocks * parts))
      let (block, first) = (rest / parts, rest % parts * part)
      var plan = plan
      plan.outputs = min(part, shape.outputs - first)
      for group in block * groupGrain..<min(shape.groups, (block + 1) * groupGrain) {
        let output = group * shape.outputs + first
        nk_conv2d_forward(
          y + sample * shape.yStride + output * shape.outputSize,
          x + (sample * shape.groups + group) * xSize,
          packed + output * shape.channels * shape.taps, bias.map { $0 + output }, slope, &plan,
          workers.scratch(worker))
      }
    }
  }

  /// The pixels that a pointwise window with strides meets.
  private func gathered(
    _ x: UnsafePointer<Float>, _ workers: Workers
  ) -> UnsafeMutablePointer<Float> {
    let pixels = workers.workspace
    let planes = shape.samples * shape.groups * shape.channels
    workers.forEachRange(of: planes, grain: 32) { range, _ in
      var window = shape.window
      window.channels = range.count
      nk_im2col(
        pixels + range.lowerBound * shape.outputSize, shape.outputSize,
        x + range.lowerBound * shape.inputSize, &window, 0, shape.outputSize)
    }
    return pixels
  }

  func backward(
    _ dx: UnsafeMutablePointer<Float>?, _ dw: UnsafeMutablePointer<Float>?,
    _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    workers: Workers
  ) {
    product.backward(dx, dw, dy, x, weights: weights, workers: workers)
  }
}
