import Glibc
import Synchronization

/// A block of floats, aligned to 64 bytes, that grows and never shrinks.
///
/// Blobs that share memory share the storage object, so that exchanging what lies inside it
/// (a data layer handing over a batch) reaches all of them.
final class Storage: @unchecked Sendable {
  private(set) var pointer: UnsafeMutablePointer<Float>
  private(set) var capacity: Int
  /// How often somebody has asked to write.
  let changes = Atomic<Int>(0)

  init(capacity: Int = 0) {
    self.capacity = max(capacity, 16)
    pointer = Storage.allocate(self.capacity)
  }

  deinit { release() }

  /// Makes room for `count` floats; new memory is zero and the old values are lost.
  func reserve(_ count: Int) {
    guard count > capacity else { return }
    release()
    capacity = count
    pointer = Storage.allocate(count)
  }

  /// Exchanges the memory of two storages.
  func exchange(with other: Storage) {
    swap(&pointer, &other.pointer)
    swap(&capacity, &other.capacity)
  }

  /// From this size on memory is mapped: it comes zeroed and untouched, in huge pages where the
  /// kernel has them, since page faults cost much beside the arithmetic.
  private static let mappedBytes = 1 << 20

  private static func bytes(_ count: Int) -> Int {
    (count * MemoryLayout<Float>.stride + 63) / 64 * 64
  }

  private static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
    let bytes = bytes(count)
    var raw: UnsafeMutableRawPointer?
    if bytes >= mappedBytes {
      // Not reserved: pages count when they are written, and a net that is only looked at writes none.
      let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
      raw = mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0)
      if raw == MAP_FAILED { raw = nil }
      if let raw { madvise(raw, bytes, MADV_HUGEPAGE) }
    } else if posix_memalign(&raw, 64, bytes) == 0, let raw {
      memset(raw, 0, bytes)
    }
    // The net's plan refuses sizes that the machine does not have; what fails here all the same
    // leaves nothing to go on with.
    guard let raw else { preconditionFailure("out of memory: \(bytes) bytes") }
    return raw.assumingMemoryBound(to: Float.self)
  }

  private func release() {
    let bytes = Storage.bytes(capacity)
    if bytes >= Storage.mappedBytes {
      munmap(pointer, bytes)
    } else {
      free(pointer)
    }
  }
}
