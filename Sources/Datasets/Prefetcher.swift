internal import Glibc
internal import Prototxt

/// Fills batches, one after the other.
public protocol BatchSource: AnyObject {
  /// Fills a batch with the next records; returns `false` if there are no more.
  func fill(_ batch: Batch) throws -> Bool
}

/// Reads ahead of a net on a thread of its own.
///
/// Batches go round: filled by the thread, handed to the net, given back. What goes wrong while
/// reading ahead is thrown when the batch is due.
public final class Prefetcher {
  /// Milliseconds that `next` has waited, in all.
  public private(set) var waitedMilliseconds = 0.0
  private let queue: BatchQueue
  private var thread: pthread_t?

  /// Makes a reader that is at most `depth` batches ahead; it starts at the first `next`.
  ///
  /// While it reads, nothing else may use the source.
  public init(_ source: any BatchSource, depth: Int, tops: Int) {
    queue = BatchQueue(source, depth: max(1, depth), tops: tops)
  }

  deinit { stop() }

  /// The next batch, which must be given back by `recycle`; `nil` if there are no more.
  public func next() throws -> Batch? {
    if thread == nil { try start() }
    if let batch = queue.take(waits: false) { return batch }
    let start = Prefetcher.now()
    defer { waitedMilliseconds += Prefetcher.now() - start }
    if let batch = queue.take(waits: true) { return batch }
    if let failure = queue.failure { throw failure }
    return nil
  }

  /// Gives a batch back to be filled again.
  public func recycle(_ batch: Batch) { queue.recycle(batch) }

  /// Stops reading and forgets what was read ahead; the source may be used until the next `next`.
  public func stop() {
    guard let thread else { return }
    queue.stop()
    pthread_join(thread, nil)
    self.thread = nil
    queue.clear()
  }

  private func start() throws {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(queue)
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        let queue = Unmanaged<BatchQueue>.fromOpaque(context).takeRetainedValue()
        Prefetcher.blockSignals()
        queue.run()
        return nil
      }, context.toOpaque())
    guard code == 0 else {
      context.release()
      throw Diagnostic.error(
        "no thread can be started to read data: \(systemText(code))", kind: .runFailed)
    }
    self.thread = thread
  }

  /// Leaves signals to the program's other threads, but for those that a fault raises.
  private static func blockSignals() {
    var signals = sigset_t()
    sigfillset(&signals)
    for signal in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGPROF] {
      sigdelset(&signals, signal)
    }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) * 1e-6
  }
}

/// What reading thread and net share; all of it is guarded by the lock but `source`, which is the
/// thread's while it runs.
private final class BatchQueue: @unchecked Sendable {
  private let source: any BatchSource
  private let depth: Int
  private let tops: Int
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var ready: [Batch] = []
  private var free: [Batch] = []
  private var made = 0
  private var isStopping = false
  private var isOver = false
  private var error: (any Error)?

  init(_ source: any BatchSource, depth: Int, tops: Int) {
    self.source = source
    self.depth = depth
    self.tops = tops
    pthread_mutex_init(lock, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(lock)
    changed.deallocate()
    lock.deallocate()
  }

  private func locked<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return body()
  }

  // MARK: The reading thread

  func run() {
    while let batch = takeFree() {
      do {
        guard try source.fill(batch) else { return end(nil, batch) }
        locked {
          ready.append(batch)
          pthread_cond_broadcast(changed)
        }
      } catch {
        return end(error, batch)
      }
    }
  }

  private func takeFree() -> Batch? {
    locked {
      while free.isEmpty, made == depth, !isStopping { pthread_cond_wait(changed, lock) }
      if isStopping { return nil }
      if let batch = free.popLast() { return batch }
      made += 1
      return Batch(tops: tops)
    }
  }

  private func end(_ error: (any Error)?, _ batch: Batch) {
    locked {
      free.append(batch)
      self.error = error
      isOver = true
      pthread_cond_broadcast(changed)
    }
  }

  // MARK: The net's thread

  var failure: (any Error)? { locked { error } }

  func take(waits: Bool) -> Batch? {
    locked {
      while waits, ready.isEmpty, !isOver { pthread_cond_wait(changed, lock) }
      return ready.isEmpty ? nil : ready.removeFirst()
    }
  }

  func recycle(_ batch: Batch) {
    locked {
      free.append(batch)
      pthread_cond_broadcast(changed)
    }
  }

  func stop() {
    locked {
      isStopping = true
      pthread_cond_broadcast(changed)
    }
  }

  /// After the thread has ended.
  func clear() {
    locked {
      free += ready
      ready.removeAll(keepingCapacity: true)
      isStopping = false
      isOver = false
      error = nil
    }
  }
}
