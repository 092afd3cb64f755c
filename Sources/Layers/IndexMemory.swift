/// A block of whole numbers that grows and never shrinks: which input an output came from.
final class IndexMemory {
  private(set) var pointer = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
  private var capacity = 1

  init() { pointer.initialize(to: -1) }

  deinit { pointer.deallocate() }

  /// Makes room for `count` numbers, all −1 where memory is new; the old ones are lost.
  func reserve(_ count: Int) {
    guard count > capacity else { return }
    pointer.deallocate()
    pointer = .allocate(capacity: count)
    pointer.initialize(repeating: -1, count: count)
    capacity = count
  }
}
