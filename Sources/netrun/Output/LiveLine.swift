/// The last line of a terminal, rewritten while the work goes on; other text scrolls above it.
///
/// The cursor stays visible and no mode of the terminal is changed, so that there is nothing to
/// restore if the process is killed.
final class LiveLine {
  private let sink: any TextSink
  private let width: () -> Int
  private var shown = ""
  private var lastUpdate = -1.0

  /// Seconds between two updates: ten a second are enough for an eye.
  private static let interval = 0.1

  init(_ sink: any TextSink, width: @escaping () -> Int) {
    self.sink = sink
    self.width = width
  }

  /// Shows a text in place of the last, unless that was only just written.
  ///
  /// The text is made only if it is shown. Texts wider than the terminal are cut: a line that wraps
  /// cannot be erased.
  func update(at seconds: Double, _ text: () -> String) {
    guard lastUpdate < 0 || seconds - lastUpdate >= LiveLine.interval else { return }
    lastUpdate = seconds
    shown = LiveLine.cut(text(), to: width() - 1)
    sink.write("\r\u{1b}[K" + shown)
  }

  /// Writes a text with the live line out of the way; it comes back below.
  func scroll(_ text: String, to target: (any TextSink)? = nil) {
    erase()
    (target ?? sink).write(text)
    if !shown.isEmpty { sink.write(shown) }
  }

  /// Takes the line away for good.
  func finish() {
    erase()
    shown = ""
  }

  private func erase() {
    if !shown.isEmpty { sink.write("\r\u{1b}[K") }
  }

  /// The first `columns` columns of a text; the codes of colours take none.
  static func cut(_ text: String, to columns: Int) -> String {
    var result = ""
    var count = 0
    var isCode = false
    for character in text {
      if character == "\u{1b}" { isCode = true }
      if isCode {
        result.append(character)
        if character.isLetter { isCode = false }
      } else if count < columns {
        result.append(character)
        count += 1
      }
    }
    return result
  }
}
