/// The bytes that a quoted string means.
struct UnescapedString {
  private(set) var bytes: [UInt8] = []
  /// The offsets of an escape that means nothing, if there was one.
  private(set) var badEscape: Range<Int>?

  /// Resolves the escapes of the string that stands, quotes included, at a range of the text.
  init(_ text: [UInt8], _ range: Range<Int>) {
    guard let quote = text[range].first else { return }
    var position = range.lowerBound + 1
    while position < range.upperBound, text[position] != quote {
      guard text[position] == UInt8(ascii: "\\"), position + 1 < range.upperBound else {
        bytes.append(text[position])
        position += 1
        continue
      }
      let end = appendEscape(text[position + 1..<range.upperBound])
      if end == nil, badEscape == nil { badEscape = position..<position + 2 }
      position = end ?? position + 2
    }
  }

  /// Appends what the escape means; the text begins behind the backslash.
  ///
  /// Returns the offset behind the escape, or `nil` if it means nothing.
  private mutating func appendEscape(_ text: ArraySlice<UInt8>) -> Int? {
    guard let letter = text.first else { return nil }
    let rest = text.dropFirst()
    if let byte = Self.simple[letter] {
      bytes.append(byte)
      return rest.startIndex
    }
    switch letter {
    case UInt8(ascii: "0")...UInt8(ascii: "7"):
      let digits = text.prefix(3).prefix { $0.isOctalDigit }
      let value = digits.reduce(0) { $0 * 8 + Int($1 - UInt8(ascii: "0")) }
      bytes.append(UInt8(truncatingIfNeeded: value))
      return digits.endIndex
    case UInt8(ascii: "x"), UInt8(ascii: "X"):
      let digits = rest.prefix(2).prefix { $0.isHexDigit }
      guard !digits.isEmpty else { return nil }
      bytes.append(UInt8(truncatingIfNeeded: Self.hexValue(digits)))
      return digits.endIndex
    case UInt8(ascii: "u"), UInt8(ascii: "U"):
      return appendUnicode(rest, length: letter == UInt8(ascii: "u") ? 4 : 8)
    default:
      return nil
    }
  }

  private mutating func appendUnicode(_ text: ArraySlice<UInt8>, length: Int) -> Int? {
    let digits = text.prefix(length).prefix { $0.isHexDigit }
    guard digits.count == length else { return nil }
    var code = Self.hexValue(digits)
    var end = digits.endIndex
    // A pair of surrogates is one character.
    if (0xd800..<0xdc00).contains(code), text[end...].starts(with: #"\u"#.utf8) {
      let low = text[end...].dropFirst(2).prefix(4).prefix { $0.isHexDigit }
      let value = Self.hexValue(low)
      if low.count == 4, (0xdc00..<0xe000).contains(value) {
        code = 0x10000 + (code - 0xd800) << 10 + (value - 0xdc00)
        end = low.endIndex
      }
    }
    guard let scalar = Unicode.Scalar(code) else { return nil }
    bytes.append(contentsOf: String(Character(scalar)).utf8)
    return end
  }

  private static func hexValue(_ digits: ArraySlice<UInt8>) -> UInt32 {
    digits.reduce(0) { $0 << 4 | UInt32($1.hexValue ?? 0) }
  }

  private static let simple: [UInt8: UInt8] = [
    UInt8(ascii: "n"): 0x0a, UInt8(ascii: "t"): 0x09, UInt8(ascii: "r"): 0x0d,
    UInt8(ascii: "a"): 0x07, UInt8(ascii: "b"): 0x08, UInt8(ascii: "f"): 0x0c,
    UInt8(ascii: "v"): 0x0b, UInt8(ascii: "\\"): 0x5c, UInt8(ascii: "'"): 0x27,
    UInt8(ascii: "\""): 0x22, UInt8(ascii: "?"): 0x3f,
  ]
}
