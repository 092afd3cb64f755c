import Glibc

/// A terminal that a stream is connected to.
struct Terminal {
  private let descriptor: Int32
  /// Whether colours are wanted and possible.
  let hasColors: Bool

  /// The terminal behind a descriptor, `nil` if it is a file or a pipe.
  init?(_ descriptor: Int32) {
    guard isatty(descriptor) == 1 else { return nil }
    self.descriptor = descriptor
    hasColors = Terminal.wantsColors(
      noColor: Environment["NO_COLOR"], terminal: Environment["TERM"])
  }

  /// Whether the environment lets us colour: `NO_COLOR` (no-color.org) set to anything forbids it.
  static func wantsColors(noColor: String?, terminal: String?) -> Bool {
    (noColor ?? "").isEmpty && terminal != "dumb"
  }

  /// Whether the terminal can erase lines.
  var canErase: Bool { Environment["TERM"] != "dumb" }

  /// The number of columns now; windows change.
  var width: Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }
}

/// The variables of the environment.
enum Environment {
  /// The value of a variable, `nil` if it is not set.
  static subscript(name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// Whether text may have more characters than ASCII's.
  static var isUTF8: Bool {
    isUTF8(["LC_ALL", "LC_CTYPE", "LANG"].map { Environment[$0] })
  }

  /// Whether the first of these variables that says anything names an encoding of all characters.
  static func isUTF8(_ values: [String?]) -> Bool {
    let encoding = values.lazy.compactMap { $0 }.first { !$0.isEmpty }
    return encoding?.lowercased().filter { $0 != "-" }.contains("utf8") ?? false
  }
}
