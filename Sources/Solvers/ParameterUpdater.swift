import CKernels
import Compute
import Layers
import Nets
import Schema

/// Applies an update rule to all parameters of a net: one pass over weights, gradients and history.
///
/// Large matrices whose gradient nothing else needs follow it during the backward pass. The work on all
/// others is cut in pieces whose places depend on the shapes alone.
final class ParameterUpdater {
  private let net: Net
  private let settings: SolverSettings
  private let workers: Workers
  /// What the rule remembers: a block for every parameter, then perhaps a second run of them.
  let history: [Blob]
  private let pieces: [Piece]
  private let differences: Blob
  private var magnitudes: [Double]
  private let followers: [Int: ParameterFollower]

  private struct Piece {
    let parameter: Int
    let range: Range<Int>
  }

  /// Small enough for a worker's scratch, large enough to be worth handing out.
  private static let grain = 16 * 1024

  /// Makes the history of a net's parameters.
  ///
  /// - Parameter allowsNonFinite: Whether gradients that are not finite numbers are to move parameters all the same.
  init(_ net: Net, _ settings: SolverSettings, allowsNonFinite: Bool) {
    self.net = net
    self.settings = settings
    workers = net.context.workers
    let history = (0..<type(of: settings.rule).historyCount).flatMap { run in
      net.parameters.map { Blob("history \(run) of \($0.title)", shape: $0.blob.shape) }
    }
    self.history = history
    let followers = Self.followers(net, settings, history, allowsNonFinite)
    self.followers = followers
    var pieces: [Piece] = []
    let rests = type(of: settings.rule).rests
    for (index, parameter) in net.parameters.enumerated() {
      // What no loss reaches decays all the same, as in Caffe; its gradient is zero.
      if !parameter.blob.hasGradient, parameter.rate == 0, rests { continue }
      if followers[index] == nil { _ = parameter.blob.gradient }
      for start in stride(from: 0, to: parameter.blob.count, by: Self.grain) {
        let end = min(parameter.blob.count, start + Self.grain)
        pieces.append(Piece(parameter: index, range: start..<end))
      }
    }
    self.pieces = pieces
    magnitudes = Array(repeating: 0, count: pieces.count)
    differences = Blob(
      "differences", shape: [settings.snapshotsDiff ? Self.grain * workers.count : 1])
    if !followers.isEmpty { net.follow(followers) }
  }

  /// Whether parameters may move before the backward pass has come to its end.
  var follows: Bool { !followers.isEmpty }

  /// What moves the parameters that are large enough for it to pay, unless something needs all gradients
  /// together, or as they are.
  private static func followers(
    _ net: Net, _ settings: SolverSettings, _ history: [Blob], _ allowsNonFinite: Bool
  ) -> [Int: ParameterFollower] {
    let needsGradients =
      settings.clip >= 0 || settings.iterSize > 1 || settings.snapshotsDiff || settings.debugInfo
      || net.debugInfo
    guard !needsGradients else { return [:] }
    let large = net.parameters.indices.filter {
      net.parameters[$0].blob.count >= grain && net.canFollow($0)
    }
    return large.reduce(into: [:]) { found, index in
      let second = index + net.parameters.count
      found[index] = ParameterFollower(
        net.parameters[index].blob, history[index],
        second < history.count ? history[second] : nil, settings.rule, allowsNonFinite)
    }
  }

  /// Tells what moves parameters during the backward pass by how much.
  func prepare(rate: Float, iteration: Int) {
    guard follows else { return }
    let constants = settings.rule.constants(iteration: iteration)
    for (index, follower) in followers {
      follower.begin(numbers(constants, of: net.parameters[index], rate: rate, scale: 1))
    }
  }

  /// The L2 norm of all gradients together that are stored; not finite if any gradient is not.
  func gradientNorm() -> Float {
    magnitudes.withUnsafeMutableBufferPointer { buffer in
      let sums = SendablePointer(buffer.baseAddress)
      workers.forEach(pieces.count) { index, _ in
        let piece = pieces[index]
        guard !net.isFollowed(piece.parameter) else { return }
        let gradient = net.parameters[piece.parameter].blob.gradient + piece.range.lowerBound
        sums.pointer?[index] = nk_sum_of_squares(gradient, piece.range.count)
      }
    }
    guard followers.values.allSatisfy(\.isFinite) else { return .nan }
    return Float(magnitudes.reduce(0, +).squareRoot())
  }

  /// Updates all parameters that have not moved yet.
  ///
  /// - Parameters:
  ///   - rate: The learning rate of the iteration.
  ///   - scale: What the gradients are multiplied by first: clipping, and 1 / iter_size.
  ///   - iteration: The iteration, counted from 0.
  func update(rate: Float, scale: Float, iteration: Int) {
    let constants = settings.rule.constants(iteration: iteration)
    workers.forEach(pieces.count) { index, worker in
      apply(pieces[index], constants, rate: rate, scale: scale, worker: worker)
    }
  }

  /// What a rule needs to know for one parameter.
  private func numbers(
    _ constants: nk_update, of parameter: Parameter, rate: Float, scale: Float
  ) -> nk_update {
    var step = constants
    step.gradient_scale = scale
    step.rate = rate * parameter.rate
    let decay = settings.weightDecay * parameter.decay
    if settings.isL1 { step.l1 = decay } else { step.l2 = decay }
    return step
  }

  private func apply(
    _ piece: Piece, _ constants: nk_update, rate: Float, scale: Float, worker: Int
  ) {
    let parameter = net.parameters[piece.parameter]
    guard !net.isFollowed(piece.parameter) else { return }
    let step = numbers(constants, of: parameter, rate: rate, scale: scale)
    let start = piece.range.lowerBound
    let count = piece.range.count
    let weights = parameter.blob.values + start
    let gradient = parameter.blob.gradient + start
    let first = history[piece.parameter].values + start
    let secondIndex = piece.parameter + net.parameters.count
    let second = secondIndex < history.count ? history[secondIndex].values + start : nil
    guard settings.snapshotsDiff else {
      return settings.rule.update(weights, gradient, (first, second), step, count: count)
    }
    // Caffe leaves in `diff` what was subtracted last, and writes it to snapshots.
    let before = differences.values + worker * Self.grain
    nk_copy(before, weights, count)
    settings.rule.update(weights, gradient, (first, second), step, count: count)
    nk_subtract(gradient, before, weights, count)
  }
}

/// Hands a pointer to workers, each of which writes a place of its own.
private struct SendablePointer: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<Double>?
  init(_ pointer: UnsafeMutablePointer<Double>?) { self.pointer = pointer }
}
