import Compute

/// Weights in the order that a kernel reads, made anew only when the weights have changed.
final class PackedWeights {
  private let packed: Blob
  private var madeOf: Int?

  init(_ name: String) { packed = Blob(name) }

  /// Forgets what was made: its order depends on shapes.
  func reset() { madeOf = nil }

  /// Makes them if need be.
  func update(
    _ weights: [Blob], count: Int, _ pack: (_ packed: UnsafeMutablePointer<Float>) -> Void
  ) {
    // Counts only grow, so that their sum tells whether any has.
    let state = weights.reduce(0) { $0 + $1.changes }
    guard madeOf != state else { return }
    packed.reshape([count])
    pack(packed.values)
    madeOf = state
  }

  /// What was made last.
  var values: UnsafePointer<Float> { packed.reading }
}
