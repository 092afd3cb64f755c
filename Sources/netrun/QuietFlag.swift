/// The flag `--quiet`, which goes with every command, wherever it stands.
enum QuietFlag {
  /// Takes the flag out of the arguments; returns whether it was there.
  static func take(from arguments: inout [String]) -> Bool {
    let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
    let rest = arguments[..<end].filter { !["--quiet", "-quiet", "-q"].contains($0) }
    guard rest.count < end else { return false }
    arguments.replaceSubrange(..<end, with: rest)
    return true
  }
}

/// Takes text to nowhere.
final class DiscardingSink: TextSink {
  func write(_ text: String) {}
}

extension Console {
  /// Whether nothing but results is wanted.
  var isQuiet: Bool { chatter is DiscardingSink }

  /// The same console, on which nothing is said but results.
  var quiet: Console {
    Console(out: out, chatter: DiscardingSink(), outTerminal: outTerminal, chatterTerminal: nil)
  }
}
