/// Shows how far a piece of work is, on a terminal.
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
    live = console.chatterTerminal.flatMap { terminal in
      terminal.canErase ? LiveLine(console.chatter, width: { terminal.width }) : nil
    }
  }

  deinit { finish() }

  /// Shows a count.
  func update(_ done: Int, _ all: Int) {
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
