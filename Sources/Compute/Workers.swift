import CKernels
import Dispatch
import Synchronization

/// The threads that share a piece of work, and the scratch memory of each.
///
/// The pieces are fixed by the caller, from shapes alone; which thread takes which piece is
/// left to chance and must not matter. That is how every result has the same bits at any number
/// of threads.
public final class Workers: @unchecked Sendable {
  /// How many threads work at once.
  public let count: Int
  private let next = Atomic<Int>(0)
  private var scratch: [Storage]
  private let shared = Storage()

  /// How many threads the process may run at once.
  public static var available: Int { Int(nk_available_cpus()) }

  /// Makes a group of `count` threads, at least one.
  public init(count: Int) {
    self.count = max(1, count)
    scratch = (0..<self.count).map { _ in Storage() }
  }

  /// Makes room for `floats` numbers of scratch for every worker; earlier contents are lost.
  public func reserveScratch(_ floats: Int) {
    for storage in scratch { storage.reserve(floats) }
  }

  /// The scratch memory of one worker.
  public func scratch(_ worker: Int) -> UnsafeMutablePointer<Float> {
    scratch[worker].pointer
  }

  /// Makes room for `floats` numbers that all workers share; earlier contents are lost.
  public func reserveWorkspace(_ floats: Int) { shared.reserve(floats) }

  /// The memory that all workers share during one layer's pass; nothing in it outlives the pass.
  public var workspace: UnsafeMutablePointer<Float> { shared.pointer }

  /// Calls `body(index, worker)` once for each index below `pieces`; returns when all are done.
  ///
  /// Must not be called from within `body`.
  public func forEach(_ pieces: Int, _ body: (_ index: Int, _ worker: Int) -> Void) {
    guard pieces > 1, count > 1 else {
      for index in 0..<max(0, pieces) { body(index, 0) }
      return
    }
    next.store(0, ordering: .relaxed)
    // Rethrowing and Sendable checks do not apply: the call returns only when every piece is done.
    withoutActuallyEscaping(body) { body in
      let task = UncheckedTask(body: body)
      DispatchQueue.concurrentPerform(iterations: min(count, pieces)) { worker in
        while true {
          let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
          guard index < pieces else { break }
          task.body(index, worker)
        }
      }
    }
  }

  /// Cuts `0..<total` into pieces of `grain` and calls `body(range, worker)` for each.
  public func forEachRange(
    of total: Int, grain: Int, _ body: (_ range: Range<Int>, _ worker: Int) -> Void
  ) {
    let grain = max(1, grain)
    forEach((total + grain - 1) / grain) { index, worker in
      body(index * grain..<min(total, (index + 1) * grain), worker)
    }
  }
}

/// Carries a closure that `concurrentPerform` calls on several threads while its caller waits.
private struct UncheckedTask: @unchecked Sendable {
  let body: (Int, Int) -> Void
}
