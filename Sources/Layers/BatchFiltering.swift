import CKernels
import Compute

/// Minimal filtering (Winograd's) of a whole batch: tiles of many samples are transformed, multiplied
/// by the transformed weights at each of the 36 points, and transformed back.
///
/// Each point is one matrix product, and the points are what threads share.
struct BatchFiltering: BatchConvolution {
  private static let points = 36
  /// Floats of transformed tiles, in and out: more leave the last cache.
  private static let room = 6 * 1024 * 1024
  private static let leastTiles = 64
  private static let mostTiles = 1024
  /// Channels that a thread takes at a time.
  private static let grain = 8

  private let shape: BatchConvolutionShape
  private let most: Int
  private let largest: Int
  private let blocks: Int
  private let keepsWeights: Bool
  let scratchCount: Int

  init(_ shape: BatchConvolutionShape) {
    self.shape = shape
    keepsWeights = shape.isSmall
    let each = BatchFiltering.points * (shape.channels + shape.outputs)
    most = min(
      BatchFiltering.mostTiles, max(BatchFiltering.leastTiles, BatchFiltering.room / each))
    var plan = shape.plan
    blocks = nk_winograd_block_count(&plan, shape.samples, most)
    largest = nk_winograd_block_at(&plan, shape.samples, most, 0).padded
    scratchCount = nk_winograd_lines(&plan, shape.samples, most)
  }

  /// From point to point: not a multiple of a cache's way, so that 36 streams do not evict each other.
  private static func step(_ count: Int) -> Int { (count + 15) / 16 * 16 + 16 }

  private var weightStep: Int { BatchFiltering.step(shape.outputs * shape.channels) }
  private var inputStep: Int { BatchFiltering.step(shape.channels * largest) }
  private var outputStep: Int { BatchFiltering.step(shape.outputs * largest) }

  private var transformedCount: Int { BatchFiltering.points * weightStep }

  /// With few samples, transforming the weights takes longer than using them.
  var packedCount: Int { keepsWeights ? shape.groups * transformedCount : 0 }

  var forwardWorkspace: Int {
    BatchFiltering.points * (inputStep + outputStep) + (keepsWeights ? 0 : transformedCount)
  }

  var backwardWorkspace: Int {
    BatchFiltering.points * (inputStep + outputStep) + 2 * transformedCount
  }

  func pack(
    _ packed: UnsafeMutablePointer<Float>, _ weights: UnsafePointer<Float>, workers: Workers
  ) {
    for group in 0..<shape.groups {
      transform(
        packed + group * transformedCount, weights + group * shape.weightCount, workers)
    }
  }

  /// The parts of the workspace.
  private func parts(_ workers: Workers) -> (
    v: UnsafeMutablePointer<Float>, p: UnsafeMutablePointer<Float>,
    u: UnsafeMutablePointer<Float>, du: UnsafeMutablePointer<Float>
  ) {
    let v = workers.workspace
    let p = v + BatchFiltering.points * inputStep
    let u = p + BatchFiltering.points * outputStep
    return (v, p, u, u + transformedCount)
  }

  private func transform(
    _ u: UnsafeMutablePointer<Float>, _ weights: UnsafePointer<Float>, _ workers: Workers
  ) {
    workers.forEachRange(of: shape.outputs, grain: BatchFiltering.grain) { range, _ in
      var plan = shape.plan
      nk_winograd_weights(u, weightStep, weights, &plan, range.lowerBound, range.upperBound)
    }
  }

  private func transform(
    _ block: nk_winograd_block, _ x: UnsafePointer<Float>, to v: UnsafeMutablePointer<Float>,
    _ workers: Workers
  ) {
    workers.forEachRange(of: shape.channels, grain: BatchFiltering.grain) { range, worker in
      var (plan, block) = (shape.plan, block)
      nk_winograd_inputs(
        v, inputStep, x, shape.xStride, &plan, &block, range.lowerBound, range.upperBound,
        workers.scratch(worker))
    }
  }

  func forward(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    packed: UnsafePointer<Float>?, bias: UnsafePointer<Float>?, slope: Float, workers: Workers
  ) {
    let (v, p, own, _) = parts(workers)
    let (channels, outputs) = (shape.channels, shape.outputs)
    for group in 0..<shape.groups {
      let x = x + group * channels * shape.inputSize
      let y = y + group * outputs * shape.outputSize
      let bias = bias.map { $0 + group * outputs }
      if packed == nil { transform(own, weights + group * shape.weightCount, workers) }
      let u = packed.map { $0 + group * transformedCount } ?? UnsafePointer(own)
      for number in 0..<blocks {
        var plan = shape.plan
        let block = nk_winograd_block_at(&plan, shape.samples, most, number)
        transform(block, x, to: v, workers)
        workers.forEach(BatchFiltering.points) { point, _ in
          BLAS.multiply(
            m: outputs, n: block.padded, k: channels, u + point * weightStep, lda: channels,
            v + point * inputStep, ldb: block.padded, beta: 0, p + point * outputStep,
            ldc: block.padded)
        }
        workers.forEachRange(of: outputs, grain: BatchFiltering.grain) { range, worker in
          var (plan, block) = (shape.plan, block)
          nk_winograd_outputs(
            y, shape.yStride, p, outputStep, bias, slope, &plan, &block, range.lowerBound,
            range.upperBound, workers.scratch(worker))
        }
      }
    }
  }

  func backward(
    _ dx: UnsafeMutablePointer<Float>?, _ dw: UnsafeMutablePointer<Float>?,
    _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    workers: Workers
  ) {
    for group in 0..<shape.groups {
      let dx = dx.map { $0 + group * shape.channels * shape.inputSize }
      let x = x + group * shape.channels * shape.inputSize
      if let dx { clear(dx, workers) }
      if dx != nil {
        transform(parts(workers).u, weights + group * shape.weightCount, workers)
      }
      for number in 0..<blocks {
        backward(
          dx, dw != nil, dy + group * shape.outputs * shape.outputSize, x, number, workers)
      }
      guard let dw = dw.map({ $0 + group * shape.weightCount }) else { continue }
      let du = parts(workers).du
      workers.forEachRange(of: shape.outputs, grain: BatchFiltering.grain) { range, _ in
        var plan = shape.plan
        nk_winograd_weight_gradients(
          dw, du, weightStep, &plan, range.lowerBound, range.upperBound)
      }
    }
  }

  private func clear(_ dx: UnsafeMutablePointer<Float>, _ workers: Workers) {
    workers.forEach(shape.samples) { sample, _ in
      (dx + sample * shape.xStride).update(
        repeating: 0, count: shape.channels * shape.inputSize)
    }
  }

  /// One block of tiles: adds to dx, and to the sums du over the tiles at each point.
  private func backward(
    _ dx: UnsafeMutablePointer<Float>?, _ wantsWeights: Bool, _ dy: UnsafePointer<Float>,
    _ x: UnsafePointer<Float>, _ number: Int, _ workers: Workers
  ) {
    let (v, p, u, du) = parts(workers)
    let (channels, outputs) = (shape.channels, shape.outputs)
    var plan = shape.plan
    let block = nk_winograd_block_at(&plan, shape.samples, most, number)
    workers.forEachRange(of: outputs, grain: BatchFiltering.grain) { range, worker in
      var (plan, block) = (shape.plan, block)
      nk_winograd_output_gradients(
        p, outputStep, dy, shape.yStride, &plan, &block, range.lowerBound, range.upperBound,
        workers.scratch(worker))
    }
    if wantsWeights { transform(block, x, to: v, workers) }
    workers.forEach(BatchFiltering.points) { point, _ in
      let (v, p) = (v + point * inputStep, p + point * outputStep)
      if wantsWeights {
        BLAS.multiply(
          transposeB: true, m: outputs, n: channels, k: block.count, p, lda: block.padded, v,
          ldb: block.padded, beta: number == 0 ? 0 : 1, du + point * weightStep, ldc: channels)
      }
      guard dx != nil else { return }
      // The transformed x of this point has served.
      BLAS.multiply(
        transposeA: true, m: channels, n: block.padded, k: outputs, u + point * weightStep,
        lda: channels, p, ldb: block.padded, beta: 0, v, ldc: block.padded)
    }
    guard let dx else { return }
    workers.forEachRange(of: channels, grain: BatchFiltering.grain) { range, worker in
      var (plan, block) = (shape.plan, block)
      nk_winograd_input_gradients(
        dx, shape.xStride, v, inputStep, &plan, &block, range.lowerBound, range.upperBound,
        workers.scratch(worker))
    }
  }
}
