/// Plain memory that a layer keeps beside its blobs: masks, sums of samples.
///
/// It grows and never shrinks. Threads may write disjoint parts of it at once.
final class Buffer<Element: BitwiseCopyable> {
  private(set) var pointer: UnsafeMutablePointer<Element>
  private var capacity: Int

  init() {
    capacity = 1
    pointer = .allocate(capacity: 1)
  }

  deinit { pointer.deallocate() }

  /// Makes room for `count` elements; what was there is lost.
  func reserve(_ count: Int) {
    guard count > capacity else { return }
    pointer.deallocate()
    pointer = .allocate(capacity: count)
    capacity = count
  }
}
