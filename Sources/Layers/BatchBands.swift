import CKernels
import Compute

/// Minimal filtering of few samples with few weights: threads share bands of an image's rows.
struct BatchBands: BatchConvolution {
  private let shape: BatchConvolutionShape
  private let filtering: BatchFiltering
  let scratchCount: Int

  init(_ shape: BatchConvolutionShape) {
    self.shape = shape
    filtering = BatchFiltering(shape)
    var plan = shape.plan
    scratchCount = max(filtering.scratchCount, nk_winograd_scratch(&plan, 1))
  }

  var forwardWorkspace: Int { 0 }
  var backwardWorkspace: Int { filtering.backwardWorkspace }

  private var packedGroup: Int {
    var plan = shape.plan
    return nk_winograd_packed_size(&plan)
  }

  var packedCount: Int { shape.groups * packedGroup }

  func pack(
    _ packed: UnsafeMutablePointer<Float>, _ weights: UnsafePointer<Float>, workers: Workers
  ) {
    workers.forEach(shape.groups) { group, _ in
      var plan = shape.plan
      nk_winograd_pack(
        packed + group * packedGroup, weights + group * shape.weightCount, &plan)
    }
  }

  func forward(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    packed: UnsafePointer<Float>?, bias: UnsafePointer<Float>?, slope: Float, workers: Workers
  ) {
    guard let packed else { return }
    var plan = shape.plan
    let bands = nk_winograd_bands(&plan)
    workers.forEach(shape.samples * shape.groups * bands) { index, worker in
      var plan = shape.plan
      let (part, band) = (index / bands, index % bands)
      let group = part % shape.groups
      nk_winograd_forward_band(
        y + part * shape.outputs * shape.outputSize, x + part * shape.channels * shape.inputSize,
        packed + group * packedGroup, bias.map { $0 + group * shape.outputs }, slope, &plan, band,
        workers.scratch(worker))
    }
  }

  func backward(
    _ dx: UnsafeMutablePointer<Float>?, _ dw: UnsafeMutablePointer<Float>?,
    _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    workers: Workers
  ) {
    filtering.backward(dx, dw, dy, x, weights: weights, workers: workers)
  }
}
