/// What stands between braces, or in a whole file: fields in the order of the text.
///
/// The tree knows the text format but no schema: which fields there are, and whether `16` is a
/// number or the number of an enum's value, is for the reader of the tree to say.
public struct TextMessage: Sendable {
  /// The fields, one for each time a name stands in the text.
  public let fields: [TextField]
  /// From the opening brace to the closing one, or the whole file.
  public let range: SourceRange
}

/// A name with its value, or with several in square brackets.
public struct TextField: Sendable {
  /// The field's name.
  public let name: String
  /// Where the name stands.
  public let nameRange: SourceRange
  /// One value; with brackets any number; none after a syntax error.
  public let values: [TextValue]
  /// Whether the values stand in square brackets.
  public let isList: Bool
}

/// A value and where it stands.
public struct TextValue: Sendable {
  /// What kind of value the text shows.
  public enum Content: Sendable {
    /// A number.
    case number(TextNumber)
    /// A word: a truth value, the name of an enum's value, `inf` or `nan`.
    case word(String, isNegative: Bool)
    /// A string, its escapes resolved and its parts joined.
    case string([UInt8])
    /// A message in braces or angle brackets.
    case message(TextMessage)
  }

  /// The value.
  public let content: Content
  /// Where it stands.
  public let range: SourceRange
}

/// A number as it was written.
public struct TextNumber: Sendable {
  /// The digits without the sign.
  public let digits: String
  /// Whether a minus stands before it.
  public let isNegative: Bool
  /// Whether it has neither a point nor an exponent nor an `f`.
  public let isInteger: Bool

  /// How many digits there are to a place: 10, 16 after `0x`, 8 after a leading zero.
  public var radix: Int {
    guard isInteger, digits.count > 1, digits.hasPrefix("0") else { return 10 }
    return digits.hasPrefix("0x") || digits.hasPrefix("0X") ? 16 : 8
  }

  /// The value without its sign; `nil` for a fraction and beyond 64 bits.
  public var magnitude: UInt64? {
    guard isInteger else { return nil }
    return switch radix {
    case 16: UInt64(digits.dropFirst(2), radix: 16)
    case 8: UInt64(digits, radix: 8)
    default: UInt64(digits)
    }
  }

  /// The value with its sign as a floating point number; infinite if it is too large for one.
  ///
  /// `nil` if it is written in octal or hexadecimal digits.
  public var double: Double? {
    guard radix == 10 else { return nil }
    var text = Substring(digits)
    if let last = text.last, last == "f" || last == "F" { text = text.dropLast() }
    guard let value = Double(text) else { return nil }
    return isNegative ? -value : value
  }
}
