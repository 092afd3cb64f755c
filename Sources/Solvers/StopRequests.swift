import Synchronization

/// What a signal, or another thread, asks of a solver; it looks between iterations.
///
/// Setting a request only stores to atomic variables, so a signal handler may do it.
public final class StopRequests: Sendable {
  private let stopSignal = Atomic<Int32>(0)
  private let snapshot = Atomic<Bool>(false)

  /// Makes an object without requests.
  public init() {}

  /// Asks to take a snapshot and stop; `signal` is the number of the signal that asked.
  public func requestStop(signal: Int32) {
    stopSignal.store(signal, ordering: .relaxed)
  }

  /// Asks to take a snapshot and go on.
  public func requestSnapshot() {
    snapshot.store(true, ordering: .relaxed)
  }

  /// The signal that asked to stop, if one did.
  public var stop: Int32? {
    let signal = stopSignal.load(ordering: .relaxed)
    return signal == 0 ? nil : signal
  }

  /// Whether a snapshot was asked for; forgets it.
  func takeSnapshot() -> Bool {
    snapshot.exchange(false, ordering: .relaxed)
  }
}
