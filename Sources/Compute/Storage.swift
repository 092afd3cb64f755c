import Glibc
import Synchronization

/// A block of floats, aligned to 64 bytes, that grows and never shrinks.
///
/// Blobs that share memory share the storage object, so that exchanging what lies inside it
/// (a data layer handing over a batch) reaches all of them. A storage may also lie within that of a
/// pool, which others use at other times.
final class Storage: @unchecked Sendable {
  private(set) var pointer: UnsafeMutablePointer<Float>
  private(set) var capacity: Int
  /// How often somebody has asked to write.
  let changes = Atomic<Int>(0)
  /// Whose memory it is; `nil` if its own.
  private var lender: Storage?

  init(capacity: Int = 0) {
    self.capacity = max(capacity, 16)
    pointer = Storage.allocate(self.capacity)
  }

  /// Makes one that lies at the place of another.
  init(at other: Storage) {
    pointer = other.pointer
    capacity = other.capacity
    lender = other.lender ?? other
  }

  deinit { release() }

  /// Whether its memory is another's.
  var isLent: Bool { lender != nil }

  /// Moves into another's memory; the values there become its own.
  ///
  /// An offset below 0 is the place of a beginning that is not there: only what lies behind may be touched.
  func lie(in other: Storage, at offset: Int, count: Int) {
    if lender !== other {
      release()
      lender = other
    }
    pointer = other.pointer + offset
    capacity = count
  }

  /// Takes memory of its own, of zeros, if it has none.
  func standAlone(_ count: Int) {
    guard lender != nil else { return }
    lender = nil
    capacity = max(count, 16)
    pointer = Storage.allocate(capacity)
  }

  /// Makes room for `count` floats; new memory is zero, its own, and the old values are lost.
  func reserve(_ count: Int) {
    guard count > capacity else { return }
    release()
    lender = nil
    capacity = count
    pointer = Storage.allocate(count)
  }

  /// Exchanges the memory of two storages.
  func exchange(with other: Storage) {
    swap(&pointer, &other.pointer)
    swap(&capacity, &other.capacity)
    swap(&lender, &other.lender)
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
    guard lender == nil else { return }
    let bytes = Storage.bytes(capacity)
    if bytes >= Storage.mappedBytes {
      munmap(pointer, bytes)
    } else {
      free(pointer)
    }
  }
}
