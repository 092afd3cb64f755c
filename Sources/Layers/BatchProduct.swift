import CKernels
import Compute

/// The convolution of a whole batch as matrix products with gathered patches: of several samples,
/// so that small images make wide matrices.
struct BatchProduct: BatchConvolution {
  /// Floats of gathered patches at once.
  private static let room = 6 * 1024 * 1024
  private static let grain = 8

  private let shape: BatchConvolutionShape
  /// Samples whose patches are gathered at once.
  private let most: Int
  let scratchCount = 0

  init(_ shape: BatchConvolutionShape) {
    self.shape = shape
    let each = shape.channels * shape.taps * shape.outputSize
    most = max(1, min(shape.samples, BatchProduct.room / max(1, each)))
  }

  private var depth: Int { shape.channels * shape.taps }
  private var columns: Int { (most * shape.outputSize + 15) / 16 * 16 + 16 }

  var forwardWorkspace: Int { columns * (2 * depth + shape.outputs) }
  var backwardWorkspace: Int { forwardWorkspace }

  private func parts(_ workers: Workers) -> (
    col: UnsafeMutablePointer<Float>, dcol: UnsafeMutablePointer<Float>,
    p: UnsafeMutablePointer<Float>
  ) {
    let col = workers.workspace
    return (col, col + depth * columns, col + 2 * depth * columns)
  }

  /// Ranges of samples that are taken at once.
  private var batches: [Range<Int>] {
    stride(from: 0, to: shape.samples, by: most).map { $0..<min(shape.samples, $0 + most) }
  }

  /// Patches of the samples, side by side: col[(c, tap), (sample, place)].
  private func gather(_ x: UnsafePointer<Float>, _ samples: Range<Int>, _ workers: Workers) {
    let (col, _, _) = parts(workers)
    let blocks = (shape.channels + BatchProduct.grain - 1) / BatchProduct.grain
    workers.forEach(samples.count * blocks) { index, _ in
      let (sample, first) = (index / blocks, index % blocks * BatchProduct.grain)
      var window = shape.window
      window.channels = min(BatchProduct.grain, shape.channels - first)
      nk_im2col(
        col + first * shape.taps * columns + sample * shape.outputSize, columns,
        x + (samples.lowerBound + sample) * shape.xStride + first * shape.inputSize, &window, 0,
        shape.outputSize)
    }
  }

  func forward(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    packed: UnsafePointer<Float>?, bias: UnsafePointer<Float>?, slope: Float, workers: Workers
  ) {
    let (col, _, p) = parts(workers)
    let (outputs, size) = (shape.outputs, shape.outputSize)
    for group in 0..<shape.groups {
      for samples in batches {
        gather(x + group * shape.channels * shape.inputSize, samples, workers)
        BLAS.multiply(
          workers: workers, m: outputs, n: samples.count * size, k: depth,
          weights + group * shape.weightCount, lda: depth, col, ldb: columns, beta: 0, p,
          ldc: columns)
        workers.forEachRange(of: outputs, grain: BatchProduct.grain) { range, _ in
          for output in range {
            let first = group * outputs + output
            for sample in 0..<samples.count {
              nk_bias_relu(
                y + (samples.lowerBound + sample) * shape.yStride + first * size,
                p + output * columns + sample * size, bias?[first] ?? 0, slope, size)
            }
          }
        }
      }
    }
  }

  func backward(
    _ dx: UnsafeMutablePointer<Float>?, _ dw: UnsafeMutablePointer<Float>?,
    _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    workers: Workers
  ) {
    let (col, dcol, p) = parts(workers)
    let (outputs, channels) = (shape.outputs, shape.channels)
    for group in 0..<shape.groups {
      for samples in batches {
        let count = samples.count * shape.outputSize
        gatherGradients(dy + group * outputs * shape.outputSize, samples, workers)
        if let dw {
          gather(x + group * channels * shape.inputSize, samples, workers)
          BLAS.multiply(
            workers: workers, transposeB: true, m: outputs, n: depth, k: count, p, lda: columns,
            col, ldb: columns, beta: 1, dw + group * shape.weightCount, ldc: depth)
        }
        guard let dx else { continue }
        BLAS.multiply(
          workers: workers, transposeA: true, m: depth, n: count, k: outputs,
          weights + group * shape.weightCount, lda: depth, p, ldb: columns, beta: 0, dcol,
          ldc: columns)
        scatter(dx + group * channels * shape.inputSize, samples, workers)
      }
    }
  }

  private func gatherGradients(
    _ dy: UnsafePointer<Float>, _ samples: Range<Int>, _ workers: Workers
  ) {
    let (_, _, p) = parts(workers)
    workers.forEachRange(of: shape.outputs, grain: BatchProduct.grain) { range, _ in
      for output in range {
        for sample in 0..<samples.count {
          (p + output * columns + sample * shape.outputSize).update(
            from: dy + (samples.lowerBound + sample) * shape.yStride + output * shape.outputSize,
            count: shape.outputSize)
        }
      }
    }
  }

  private func scatter(
    _ dx: UnsafeMutablePointer<Float>, _ samples: Range<Int>, _ workers: Workers
  ) {
    let (_, dcol, _) = parts(workers)
    let blocks = (shape.channels + BatchProduct.grain - 1) / BatchProduct.grain
    workers.forEach(samples.count * blocks) { index, _ in
      let (sample, first) = (index / blocks, index % blocks * BatchProduct.grain)
      var window = shape.window
      window.channels = min(BatchProduct.grain, shape.channels - first)
      let to = dx + (samples.lowerBound + sample) * shape.xStride + first * shape.inputSize
      to.update(repeating: 0, count: window.channels * shape.inputSize)
      nk_col2im_add(
        to, dcol + first * shape.taps * columns + sample * shape.outputSize, columns, &window, 0,
        shape.outputSize)
    }
  }
}
