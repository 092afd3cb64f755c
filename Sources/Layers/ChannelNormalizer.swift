import CKernels
import Compute

/// The arithmetic of batch normalisation: each channel about its mean, in units of its deviation, then
/// scaled and shifted if the layer does that too.
///
///     y = scale · (x − mean) · factor + bias, factor = 1 / √(variance + eps)
///
/// Channels are independent, so that threads share them in pieces that depend on the shape alone.
final class ChannelNormalizer {
  /// Where mean and variance come from.
  enum Source {
    /// From the batch.
    case batch
    /// Given for each channel.
    case given
  }

  private let workers: Workers
  private var samples = 0
  private var channels = 0
  private var inner = 0
  /// Of one piece of work.
  private var channelsPerPiece = 1
  private let mean = Blob("mean")
  private let factor = Blob("factor")
  /// The factor of the gradient, which the scale multiplies.
  private let scaled = Blob("scaled factor")
  private let shift = Blob("mean gradient")
  private let slope = Blob("slope")
  private let sums = Buffer<Double>()

  init(_ workers: Workers) { self.workers = workers }

  /// Makes room for a batch of (samples, channels, inner).
  func reshape(samples: Int, channels: Int, inner: Int) {
    (self.samples, self.channels, self.inner) = (samples, channels, inner)
    let least = max(1, 16 / max(1, inner))
    channelsPerPiece = max(least, 32 * 1024 / max(1, samples * inner))
    for blob in [mean, factor, scaled, shift, slope] { blob.reshape([channels]) }
    sums.reserve(channels)
  }

  /// The values of a channel.
  private var count: Int { samples * inner }

  /// What the variance of a batch is multiplied by to be that of what it was drawn from.
  var unbiased: Float { count > 1 ? Float(count) / Float(count - 1) : 1 }

  /// Some channels of the batch, as the kernels take them: from value `start` of a blob.
  private struct Piece {
    var batch: nk_batch
    let channels: Range<Int>
    let start: Int
  }

  private func forEachPiece(_ body: (inout Piece) -> Void) {
    workers.forEachRange(of: channels, grain: channelsPerPiece) { part, _ in
      let batch = nk_batch(
        samples: samples, stride: channels * inner, channels: part.count, inner: inner)
      var piece = Piece(batch: batch, channels: part, start: part.lowerBound * inner)
      body(&piece)
    }
  }

  // MARK: Forward

  /// Computes y, rectified with `slope` for negative values; keeps x in `kept` if y replaces it.
  ///
  /// `statistics` is called once for each channel, with mean and variance of the batch where
  /// they come from there; what it leaves in them is used where they are given.
  func forward(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>,
    keeping kept: UnsafeMutablePointer<Float>? = nil, from source: Source, epsilon: Float,
    scale: UnsafePointer<Float>? = nil, bias: UnsafePointer<Float>? = nil, slope: Float = 1,
    statistics: (_ channel: Int, _ mean: inout Float, _ variance: inout Float) -> Void
  ) {
    forEachPiece { piece in
      let first = piece.channels.lowerBound
      // While the values are in the cache.
      if let kept { copy(&piece, kept, x) }
      if source == .batch { measure(&piece, x) }
      for channel in piece.channels {
        var variance = source == .batch ? Float(sums.pointer[channel]) : 0
        let used = variance
        statistics(channel, &mean.values[channel], &variance)
        factor.values[channel] = 1 / ((source == .batch ? used : variance) + epsilon).squareRoot()
      }
      for channel in piece.channels {
        scaled.values[channel] = factor.values[channel] * (scale?[channel] ?? 1)
      }
      nk_batch_normalize(
        y + piece.start, x + piece.start, mean.values + first, scaled.values + first,
        bias.map { $0 + first }, slope, &piece.batch)
    }
  }

  private func copy(
    _ piece: inout Piece, _ to: UnsafeMutablePointer<Float>, _ from: UnsafePointer<Float>
  ) {
    for sample in 0..<samples {
      let start = piece.start + sample * piece.batch.stride
      nk_copy(to + start, from + start, piece.channels.count * inner)
    }
  }

  /// Means, and in `sums` variances, of some channels.
  private func measure(_ piece: inout Piece, _ x: UnsafePointer<Float>) {
    let first = piece.channels.lowerBound
    let each = 1 / Double(max(1, count))
    nk_batch_sum(sums.pointer + first, x + piece.start, &piece.batch)
    for channel in piece.channels { mean.values[channel] = Float(sums.pointer[channel] * each) }
    nk_batch_sum_of_squares_about(
      sums.pointer + first, x + piece.start, mean.values + first, &piece.batch)
    for channel in piece.channels { sums.pointer[channel] *= each }
  }

  // MARK: Backward

  /// The gradients of the pass that `forward` did last: writes `dx`, adds to `dscale` and `dbias`.
  func backward(
    _ dx: UnsafeMutablePointer<Float>?, _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>,
    from source: Source, scale: UnsafePointer<Float>? = nil,
    dscale: UnsafeMutablePointer<Float>? = nil, dbias: UnsafeMutablePointer<Float>? = nil
  ) {
    forEachPiece { piece in
      let first = piece.channels.lowerBound
      for channel in piece.channels {
        (shift.values[channel], slope.values[channel]) = (0, 0)
        scaled.values[channel] = factor.values[channel] * (scale?[channel] ?? 1)
      }
      let isMeasured = source == .batch && dx != nil
      let each = 1 / Double(max(1, count))
      if isMeasured || dbias != nil {
        nk_batch_sum(sums.pointer + first, dy + piece.start, &piece.batch)
        for channel in piece.channels {
          if let dbias { dbias[channel] += Float(sums.pointer[channel]) }
          if isMeasured { shift.values[channel] = Float(sums.pointer[channel] * each) }
        }
      }
      if isMeasured || dscale != nil {
        nk_batch_dot_about(
          sums.pointer + first, dy + piece.start, x + piece.start, mean.values + first,
          &piece.batch)
        for channel in piece.channels {
          let factor = Double(factor.values[channel])
          if let dscale { dscale[channel] += Float(sums.pointer[channel] * factor) }
          if isMeasured {
            slope.values[channel] = Float(sums.pointer[channel] * each * factor * factor)
          }
        }
      }
      guard let dx else { return }
      nk_batch_normalize_backward(
        dx + piece.start, dy + piece.start, x + piece.start, mean.values + first,
        scaled.values + first, shift.values + first, slope.values + first, &piece.batch)
    }
  }
}
