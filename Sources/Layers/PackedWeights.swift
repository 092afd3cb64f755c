import Compute

/// Weights in the order that a kernel reads, made anew only when they have changed, or when another
/// order is asked for: one memory does for all.
final class PackedWeights {
  /// What reads them.
  enum Order {
    case forward
    case backward
    case whole
  }

  private let packed = Blob("packed weights")
  private var made: (order: Order, of: Blob.Version)?

  /// Forgets what was made: it depends on shapes.
  func reset() { made = nil }

  /// Makes them if need be.
  func update(
    _ order: Order, _ weights: Blob, count: Int,
    _ pack: (_ packed: UnsafeMutablePointer<Float>) -> Void
  ) {
    if let made, made == (order, weights.version) { return }
    packed.reshape([count])
    pack(packed.values)
    made = (order, weights.version)
  }

  /// What was made last.
  var values: UnsafePointer<Float> { packed.reading }
}
