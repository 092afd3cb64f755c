import Compute

/// What a layer's gradient needs of its bottom: the bottom itself, or in place a copy that is taken
/// before the layer writes over it.
struct KeptInput {
  private let copy: Buffer<Float>?

  /// Keeps a copy if the layer works in place; with `isNeeded` false never.
  init(_ spec: LayerSpec, isNeeded: Bool = true) {
    let isInPlace = spec.tops.first.map { $0 == spec.bottoms.first } ?? false
    copy = isNeeded && isInPlace ? Buffer() : nil
  }

  /// Makes room for a bottom of the shape.
  func reserve(_ shape: Shape) { copy?.reserve(shape.count) }

  /// Copies a part of the bottom before the layer writes.
  func keep(_ bottom: Blob, _ part: Range<Int>) {
    guard let copy else { return }
    (copy.pointer + part.lowerBound)
      .update(from: bottom.values + part.lowerBound, count: part.count)
  }

  /// The bottom's values as the layer found them.
  func values(_ bottom: Blob) -> UnsafePointer<Float> {
    UnsafePointer(copy?.pointer ?? bottom.values)
  }
}
