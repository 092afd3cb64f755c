/// Writes protobuf's text format: a field on each line, two spaces for each message around it.
public struct TextPrinter {
  /// What is written so far.
  public private(set) var text = ""
  private var depth = 0

  /// Starts with nothing.
  public init() {}

  /// Opens a message; `close()` ends it.
  public mutating func open(_ name: String) {
    line("\(name) {")
    depth += 1
  }

  /// Ends the message opened last.
  public mutating func close() {
    depth -= 1
    line("}")
  }

  /// Writes a value that needs no quotes.
  public mutating func field(_ name: String, _ value: String) {
    line("\(name): \(value)")
  }

  /// Writes a string.
  public mutating func field(_ name: String, string: String) {
    line("\(name): \(Self.quoted(string.utf8))")
  }

  /// Writes bytes as a string.
  public mutating func field(_ name: String, bytes: [UInt8]) {
    line("\(name): \(Self.quoted(bytes, isText: false))")
  }

  /// The shortest digits that read back as the same number.
  public static func number(_ value: Float) -> String { trimmed(value.description) }

  /// The shortest digits that read back as the same number.
  public static func number(_ value: Double) -> String { trimmed(value.description) }

  private static func trimmed(_ digits: String) -> String {
    digits.hasSuffix(".0") ? String(digits.dropLast(2)) : digits
  }

  private mutating func line(_ content: String) {
    text += String(repeating: "  ", count: max(0, depth)) + content + "\n"
  }

  private static func quoted(_ bytes: some Sequence<UInt8>, isText: Bool = true) -> String {
    var result: [UInt8] = [UInt8(ascii: "\"")]
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "\n"): result += #"\n"#.utf8
      case UInt8(ascii: "\r"): result += #"\r"#.utf8
      case UInt8(ascii: "\t"): result += #"\t"#.utf8
      case UInt8(ascii: "\""): result += #"\""#.utf8
      case UInt8(ascii: "\\"): result += #"\\"#.utf8
      case 0x20..<0x7f: result.append(byte)
      case 0x80... where isText: result.append(byte)
      default:
        // Always three digits: the next character could be a digit too.
        let digits = String(byte, radix: 8)
        result += "\\".utf8
        result += String(repeating: "0", count: 3 - digits.count).utf8
        result += digits.utf8
      }
    }
    result.append(UInt8(ascii: "\""))
    return String(decoding: result, as: UTF8.self)
  }
}
