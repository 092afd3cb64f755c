extension Diagnostic {
  /// The text for a terminal or a log, several lines without a line end behind the last.
  ///
  ///     lenet.prototxt:42:5: error: unknown field 'kernel_sise' in ConvolutionParameter
  ///       42 |     kernel_sise: 5
  ///          |     ^~~~~~~~~~~ did you mean 'kernel_size'?
  public func rendered(color: Bool) -> String {
    let style = Style(isOn: color)
    var lines = [headline(style)]
    if let location { lines += location.excerpt(label: label, style) }
    for note in notes {
      let place = note.location.map { "\($0): " } ?? ""
      lines.append(style.bold(place) + style.note("note: ") + note.message)
      if let location = note.location { lines += location.excerpt(label: nil, style) }
    }
    if let help { lines.append(style.help("help: ") + help) }
    return lines.joined(separator: "\n")
  }

  private func headline(_ style: Style) -> String {
    let place = location.map { "\($0): " } ?? path.map { "\($0): " } ?? ""
    let word =
      switch severity {
      case .error: style.error("error: ")
      case .warning: style.warning("warning: ")
      case .note: style.note("note: ")
      }
    return style.bold(place) + word + style.bold(message)
  }
}

extension Diagnostics {
  /// All of them, one after the other.
  public func rendered(color: Bool) -> String {
    all.map { $0.rendered(color: color) }.joined(separator: "\n")
  }
}

extension SourceRange {
  /// The line with its number, and below it a caret with tildes under the range.
  fileprivate func excerpt(label: String?, _ style: Style) -> [String] {
    let line = self.line
    let span = file.byteRange(ofLine: line)
    let start = min(max(start, span.lowerBound), span.upperBound)
    let end = min(max(end, start), span.upperBound)
    func text(_ range: Range<Int>) -> [Character] {
      Array(String(decoding: file.bytes[range], as: UTF8.self))
    }
    // Lines that a program wrote can be endless: only the surroundings of the range are shown.
    let before = text(span.lowerBound..<start).limitedToEnd(100)
    let marked = text(start..<end).limitedToStart(100)
    let after = text(end..<span.upperBound).limitedToStart(max(0, 120 - marked.count))

    let number = String(line)
    let gutter = String(repeating: " ", count: max(4, number.count + 1) - number.count) + number
    let blank = String(repeating: " ", count: gutter.count)
    let shown = (before + marked + after).map(\.printable).joined()
    let indent = before.map { $0 == "\t" ? "\t" : String(repeating: " ", count: $0.columns) }
    let width = max(1, marked.reduce(0) { $0 + $1.columns })
    let caret = "^" + String(repeating: "~", count: width - 1)
    let suffix = label.map { " \($0)" } ?? ""
    return [
      "\(gutter) | \(shown)",
      "\(blank) | \(indent.joined())" + style.caret(caret + suffix),
    ]
  }
}

extension [Character] {
  fileprivate func limitedToEnd(_ limit: Int) -> [Character] {
    count <= limit ? self : ["…"] + suffix(limit)
  }

  fileprivate func limitedToStart(_ limit: Int) -> [Character] {
    count <= limit ? self : prefix(limit) + ["…"]
  }
}

extension Character {
  /// Itself, unless a terminal could take it for a command.
  fileprivate var printable: String {
    guard let scalar = unicodeScalars.first else { return "" }
    let isControl = scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value)
    return isControl && self != "\t" ? "\u{fffd}" : String(self)
  }

  /// How many columns of a terminal it takes.
  fileprivate var columns: Int {
    guard let scalar = unicodeScalars.first else { return 0 }
    switch scalar.value {
    case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
      0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd:
      return 2
    case 0x0300...0x036f, 0x200b...0x200f, 0xfe00...0xfe0f:
      return 0
    default:
      return 1
    }
  }
}

/// Colours of a terminal, or none.
private struct Style {
  let isOn: Bool

  func bold(_ text: String) -> String { paint(text, "1") }
  func error(_ text: String) -> String { paint(text, "1;31") }
  func warning(_ text: String) -> String { paint(text, "1;35") }
  func note(_ text: String) -> String { paint(text, "1;36") }
  func help(_ text: String) -> String { paint(text, "1;34") }
  func caret(_ text: String) -> String { paint(text, "32") }

  private func paint(_ text: String, _ code: String) -> String {
    isOn && !text.isEmpty ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
  }
}
