/// A word, number, string or sign of the text.
struct Token {
  enum Kind: Equatable {
    case identifier, integer, float, string
    case symbol(UInt8)
    case end
  }

  var kind: Kind
  var start: Int
  var end: Int
}

/// Cuts a text into tokens.
///
/// What cannot be one is reported and left out.
struct TextLexer {
  let file: SourceFile
  private(set) var diagnostics: [Diagnostic] = []
  private var position = 0

  init(_ file: SourceFile) {
    self.file = file
    if file.bytes.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
  }

  /// Hands over what was reported since the last call.
  mutating func takeDiagnostics() -> [Diagnostic] {
    defer { diagnostics = [] }
    return diagnostics
  }

  /// The next token; at the end of the text `.end`, again and again.
  mutating func next() -> Token {
    while true {
      skipBlanks()
      let start = position
      guard let byte = peek() else { return Token(kind: .end, start: start, end: start) }
      switch byte {
      case _ where byte.startsIdentifier:
        skip { $0.continuesIdentifier }
        return token(.identifier, from: start)
      case _ where byte.isDigit, UInt8(ascii: ".") where peek(1)?.isDigit == true:
        return number(from: start)
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        return string(quote: byte, from: start)
      case _ where Self.symbols.contains(byte):
        position += 1
        return token(.symbol(byte), from: start)
      default:
        reportStrange(from: start)
      }
    }
  }

  private static let symbols = Set("{}<>[]:,;-".utf8)

  // MARK: Pieces

  private func peek(_ ahead: Int = 0) -> UInt8? {
    position + ahead < file.bytes.count ? file.bytes[position + ahead] : nil
  }

  private mutating func skip(while condition: (UInt8) -> Bool) {
    while let byte = peek(), condition(byte) { position += 1 }
  }

  private mutating func skipBlanks() {
    while let byte = peek() {
      if byte.isBlank {
        position += 1
      } else if byte == UInt8(ascii: "#") {
        skip { $0 != UInt8(ascii: "\n") }
      } else {
        return
      }
    }
  }

  private func token(_ kind: Token.Kind, from start: Int) -> Token {
    Token(kind: kind, start: start, end: position)
  }

  private mutating func report(_ message: String, from start: Int, help: String? = nil) {
    let range = SourceRange(file: file, start: start, end: position)
    diagnostics.append(.error(message, at: range, help: help))
  }

  // MARK: Numbers

  private mutating func number(from start: Int) -> Token {
    var kind = Token.Kind.integer
    if peek() == UInt8(ascii: "0"), let x = peek(1), x | 0x20 == UInt8(ascii: "x") {
      position += 2
      let digits = position
      skip { $0.isHexDigit }
      if position == digits {
        report("hexadecimal digits must follow '0x'", from: start)
      }
      return token(kind, from: start)
    }
    skip { $0.isDigit }
    let integerEnd = position
    if peek() == UInt8(ascii: ".") {
      kind = .float
      position += 1
      skip { $0.isDigit }
    }
    if let e = peek(), e | 0x20 == UInt8(ascii: "e") {
      kind = .float
      position += 1
      if peek() == UInt8(ascii: "-") || peek() == UInt8(ascii: "+") { position += 1 }
      let digits = position
      skip { $0.isDigit }
      if position == digits { report("digits must follow the exponent's 'e'", from: start) }
    }
    if let f = peek(), f | 0x20 == UInt8(ascii: "f") {
      kind = .float
      position += 1
    }
    if kind == .integer, integerEnd - start > 1, file.bytes[start] == UInt8(ascii: "0"),
      file.bytes[start..<integerEnd].contains(where: { $0 > UInt8(ascii: "7") })
    {
      report(
        "a number that begins with 0 is octal and has no digits 8 and 9", from: start,
        help: "leave out the leading 0")
    }
    return token(kind, from: start)
  }

  // MARK: Strings

  private mutating func string(quote: UInt8, from start: Int) -> Token {
    position += 1
    var lineEnd: Int?
    while let byte = peek() {
      if byte == quote {
        position += 1
        if let lineEnd, !canEndString(at: position) {
          position = lineEnd
          break
        }
        return token(.string, from: start)
      }
      if byte == UInt8(ascii: "\n"), lineEnd == nil { lineEnd = position }
      position += byte == UInt8(ascii: "\\") ? 2 : 1
    }
    position = min(lineEnd ?? position, file.bytes.count)
    let mark = Character(Unicode.Scalar(quote))
    report("the string has no closing \(mark)", from: start)
    return token(.string, from: start)
  }

  /// Strings may go over several lines.
  ///
  /// A quote on a later line closes the string only if no word follows at once: else it probably
  /// opens another, and this one was never closed.
  private func canEndString(at offset: Int) -> Bool {
    guard offset < file.bytes.count else { return true }
    let byte = file.bytes[offset]
    return byte.isBlank || "}>],;#\"'".utf8.contains(byte)
  }

  // MARK: What is no token

  private mutating func reportStrange(from start: Int) {
    // A character of several bytes is one mistake, and so is a run of them.
    position += 1
    skip { !$0.isBlank && ($0 >= 0x80 || $0 < 0x20) }
    let text = String(decoding: file.bytes[start..<min(position, start + 32)], as: UTF8.self)
    let shown = text.first.map(String.init) ?? ""
    let plain: String? =
      switch shown {
      case "“", "”", "„", "‘", "’", "«", "»": "\""
      case "：": ":"
      case "｛": "{"
      case "｝": "}"
      case "，": ","
      default: nil
      }
    if let plain {
      report("'\(shown)' is not '\(plain)'", from: start, help: "type a plain \(plain)")
    } else if let byte = file.bytes[start..<position].first, byte < 0x20 || byte == 0x7f {
      report("a control character (byte \(byte)) is no text", from: start)
    } else {
      report("'\(shown)' has no meaning here", from: start)
    }
  }
}

extension UInt8 {
  var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }

  var isHexDigit: Bool { hexValue != nil }

  var isOctalDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "7") }

  var hexValue: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  var startsIdentifier: Bool {
    (self | 0x20 >= UInt8(ascii: "a") && self | 0x20 <= UInt8(ascii: "z"))
      || self == UInt8(ascii: "_")
  }

  var continuesIdentifier: Bool { startsIdentifier || isDigit }

  /// Space, tab, line feed, vertical tab, form feed, carriage return.
  var isBlank: Bool { self == 0x20 || (self >= 0x09 && self <= 0x0d) }
}
