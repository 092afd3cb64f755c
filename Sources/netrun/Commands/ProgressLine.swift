import Glibc
import Prototxt
import Solvers

/// Shows how far a piece of work is, on a terminal, and ends it when a signal asks to.
final class ProgressLine {
  private let live: LiveLine?
  private let start = Clock.seconds
  private let things: String

  /// Begins to measure.
  ///
  /// - Parameters:
  ///   - console: Where to show it.
  ///   - things: What is counted, in the plural.
  init(_ console: Console, of things: String) {
    self.things = things
    // What is half made goes away with the objects that make it: an error does that, an exit not.
    for signal in [SIGINT, SIGTERM] { Signals.handle(signal, .stop) }
    live = console.chatterTerminal.flatMap { terminal in
      terminal.canErase ? LiveLine(console.chatter, width: { terminal.width }) : nil
    }
  }

  deinit { finish() }

  /// Shows a count.
  ///
  /// - Throws: A diagnostic if a signal has asked to stop.
  func update(_ done: Int, _ all: Int) throws(Diagnostic) {
    if let signal = Signals.requests.stop {
      finish()
      throw .error(
        "stopped after \(Numbers.grouped(done)) of \(Numbers.grouped(all)) \(things)",
        kind: .stopped(signal: signal))
    }
    live?.update(at: seconds) {
      "\(Numbers.grouped(done)) of \(Numbers.grouped(all)) \(self.things)  "
        + Numbers.percent(Double(done) / Double(max(1, all)), 0)
    }
  }

  /// Takes the line away.
  func finish() { live?.finish() }

  /// Seconds since the start.
  var seconds: Double { Clock.seconds - start }
}
