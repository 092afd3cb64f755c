import Compute
import Glibc

/// Measures how fast this machine multiplies matrices: what every layer's speed is compared to.
enum MatrixSpeed {
  private static let side = 1024

  /// GFLOP/s of products of 1024×1024 matrices with a number of threads: the best in `seconds`.
  static func measure(threads: Int, seconds: Double = 0.3) -> Double {
    let workers = Workers(count: threads)
    let a = Blob("a", shape: [side, side])
    let b = Blob("b", shape: [side, side])
    let c = Blob("c", shape: [side, side])
    for index in 0..<a.count {
      a.values[index] = Float(index % 7) * 0.1
      b.values[index] = Float(index % 5) * 0.1
    }
    let operations = 2 * Double(side) * Double(side) * Double(side)
    var best = Double.infinity
    let start = Clock.seconds
    repeat {
      let before = Clock.seconds
      BLAS.multiply(
        workers: workers, m: side, n: side, k: side, a.values, lda: side, b.values, ldb: side,
        beta: 0, c.values, ldc: side)
      best = min(best, Clock.seconds - before)
    } while Clock.seconds - start < seconds
    return operations / best / 1e9
  }
}

/// A clock that nobody sets.
enum Clock {
  /// Seconds since some moment.
  static var seconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// Measures how fast memory is copied.
enum MemorySpeed {
  private static let bytes = 64 << 20

  /// GB/s, reading and writing counted, of copying blocks that no cache holds: the best of a few.
  static func measure() -> Double {
    let source = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    let target = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    defer {
      source.deallocate()
      target.deallocate()
    }
    memset(source, 1, bytes)
    memset(target, 2, bytes)
    var best = Double.infinity
    var seen = 0
    for round in 0..<5 {
      let start = Clock.seconds
      memcpy(target, source, bytes)
      best = min(best, Clock.seconds - start)
      // What nobody reads, the compiler may not copy at all.
      seen += Int(target.load(fromByteOffset: (round * 4099 + seen) % bytes, as: UInt8.self))
    }
    return seen > 0 ? 2 * Double(bytes) / best / 1e9 : 0
  }
}
