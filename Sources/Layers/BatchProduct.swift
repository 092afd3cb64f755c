import CKernels
import Compute

/// The convolution of a whole batch as matrix products with gathered patches: of several samples,
/// so that small images make wide matrices.
struct BatchProduct: BatchConvolution {
  private static let leastPlaces = 16
  private static let grain = 8

  /// Of what patches are gathered at once: some whole samples, or some places of one.
  private struct Piece {
    let samples: Range<Int>
    let places: Range<Int>

    var columns: Int { samples.count * places.count }
  }

  private let shape: BatchConvolutionShape
  private let mostSamples: Int
  private let mostPlaces: Int
  let scratchCount = 0

  /// Plans products of about `room` floats of patches at once.
  init(_ shape: BatchConvolutionShape, room: Int = 6 * 1024 * 1024) {
    self.shape = shape
    let most = room / max(1, shape.depth)
    mostSamples = max(1, min(shape.samples, most / max(1, shape.outputSize)))
    mostPlaces = max(1, min(shape.outputSize, max(BatchProduct.leastPlaces, most)))
  }

  private var depth: Int { shape.depth }
  private var columns: Int { (mostSamples * mostPlaces + 15) / 16 * 16 + 16 }

  var forwardWorkspace: Int { columns * (depth + shape.outputs) }
  var backwardWorkspace: Int { columns * (2 * depth + shape.outputs) }

  private func parts(_ workers: Workers) -> (
    col: UnsafeMutablePointer<Float>, p: UnsafeMutablePointer<Float>,
    dcol: UnsafeMutablePointer<Float>
  ) {
    let col = workers.workspace
    let p = col + depth * columns
    return (col, p, p + shape.outputs * columns)
  }

  private func forEachPiece(_ body: (Piece) -> Void) {
    for sample in stride(from: 0, to: shape.samples, by: mostSamples) {
      let samples = sample..<min(shape.samples, sample + mostSamples)
      for place in stride(from: 0, to: shape.outputSize, by: mostPlaces) {
        body(
          Piece(samples: samples, places: place..<min(shape.outputSize, place + mostPlaces)))
      }
    }
  }

  /// Calls the body with some channels of one sample: the window, its first channel, where its
  /// patches begin in a row of columns.
  private func forEachWindow(
    _ piece: Piece, _ workers: Workers,
    _ body: (_ window: inout nk_window, _ channel: Int, _ sample: Int, _ column: Int) -> Void
  ) {
    let blocks = (shape.channels + BatchProduct.grain - 1) / BatchProduct.grain
    workers.forEach(piece.samples.count * blocks) { index, _ in
      let (sample, channel) = (index / blocks, index % blocks * BatchProduct.grain)
      var window = shape.window
      window.channels = min(BatchProduct.grain, shape.channels - channel)
      body(
        &window, channel, piece.samples.lowerBound + sample,
        channel * shape.taps * columns + sample * piece.places.count)
    }
  }

  /// Patches, side by side: col[(c, tap), (sample, place)].
  private func gather(_ x: UnsafePointer<Float>, _ piece: Piece, _ workers: Workers) {
    let (col, _, _) = parts(workers)
    forEachWindow(piece, workers) { window, channel, sample, column in
      nk_im2col(
        col + column, columns, x + sample * shape.xStride + channel * shape.inputSize, &window,
        piece.places.lowerBound, piece.places.upperBound)
    }
  }

  /// Adds the gradients of patches to the pixels that they came from.
  private func scatter(_ dx: UnsafeMutablePointer<Float>, _ piece: Piece, _ workers: Workers) {
    let (_, _, dcol) = parts(workers)
    forEachWindow(piece, workers) { window, channel, sample, column in
      let to = dx + sample * shape.xStride + channel * shape.inputSize
      if piece.places.lowerBound == 0 {
        to.update(repeating: 0, count: window.channels * shape.inputSize)
      }
      nk_col2im_add(
        to, dcol + column, columns, &window, piece.places.lowerBound, piece.places.upperBound)
    }
  }

  /// Calls the body for each output of each sample: where it begins among columns, and in y.
  private func forEachRow(
    _ piece: Piece, _ workers: Workers,
    _ body: (_ output: Int, _ column: Int, _ place: Int) -> Void
  ) {
    workers.forEachRange(of: shape.outputs, grain: BatchProduct.grain) { range, _ in
      for output in range {
        for (index, sample) in piece.samples.enumerated() {
          body(
            output, output * columns + index * piece.places.count,
            sample * shape.yStride + output * shape.outputSize + piece.places.lowerBound)
        }
      }
    }
  }

  func forward(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    packed: UnsafePointer<Float>?, bias: UnsafePointer<Float>?, slope: Float, workers: Workers
  ) {
    let (col, p, _) = parts(workers)
    for group in 0..<shape.groups {
      let y = y + group * shape.outputs * shape.outputSize
      forEachPiece { piece in
        gather(x + group * shape.channels * shape.inputSize, piece, workers)
        BLAS.multiply(
          workers: workers, m: shape.outputs, n: piece.columns, k: depth,
          weights + group * shape.weightCount, lda: depth, col, ldb: columns, beta: 0, p,
          ldc: columns)
        forEachRow(piece, workers) { output, column, place in
          nk_bias_relu(
            y + place, p + column, bias?[group * shape.outputs + output] ?? 0, slope,
            piece.places.count)
        }
      }
    }
  }

  func backward(
    _ dx: UnsafeMutablePointer<Float>?, _ dw: UnsafeMutablePointer<Float>?,
    _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    workers: Workers
  ) {
    let (col, p, dcol) = parts(workers)
    for group in 0..<shape.groups {
      let dy = dy + group * shape.outputs * shape.outputSize
      forEachPiece { piece in
        forEachRow(piece, workers) { _, column, place in
          (p + column).update(from: dy + place, count: piece.places.count)
        }
        if let dw {
          gather(x + group * shape.channels * shape.inputSize, piece, workers)
          BLAS.multiply(
            workers: workers, transposeB: true, m: shape.outputs, n: depth, k: piece.columns, p,
            lda: columns, col, ldb: columns, beta: 1, dw + group * shape.weightCount, ldc: depth)
        }
        guard let dx else { return }
        BLAS.multiply(
          workers: workers, transposeA: true, m: depth, n: piece.columns, k: shape.outputs,
          weights + group * shape.weightCount, lda: depth, p, ldb: columns, beta: 0, dcol,
          ldc: columns)
        scatter(dx + group * shape.channels * shape.inputSize, piece, workers)
      }
    }
  }
}
