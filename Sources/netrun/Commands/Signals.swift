import ArgumentParser
import Glibc
import Solvers

/// What a signal does to a training run.
enum SignalEffect: String, ExpressibleByArgument, CaseIterable {
  /// A snapshot is taken and the run ends.
  case stop
  /// A snapshot is taken and the run goes on.
  case snapshot
  /// Nothing happens.
  case none
}

/// Lets signals ask a solver for a snapshot, or to stop.
enum Signals {
  /// What the handlers set: atomic flags, all that a handler may touch.
  static let requests = StopRequests()

  /// Installs the handler of an effect.
  ///
  /// A second signal that stops ends the process at once, as it would have without a handler.
  static func handle(_ signal: Int32, _ effect: SignalEffect) {
    _ = requests
    var action = sigaction()
    sigemptyset(&action.sa_mask)
    action.sa_flags = Int32(SA_RESTART)
    switch effect {
    case .stop:
      action.sa_flags |= Int32(bitPattern: SA_RESETHAND)
      action.__sigaction_handler.sa_handler = { Signals.requests.requestStop(signal: $0) }
    case .snapshot:
      action.__sigaction_handler.sa_handler = { _ in Signals.requests.requestSnapshot() }
    case .none: action.__sigaction_handler.sa_handler = SIG_IGN
    }
    sigaction(signal, &action, nil)
    // Whoever started us may have had the signal blocked, and a mask is inherited.
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, signal)
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }
}
