internal import Prototxt

/// Reads one value of a text as the type that its field has.
struct ScalarReader {
  let field: FieldType
  let text: TextValue
  /// What is wrong with the value; a warning if it can be used all the same.
  private(set) var problem: Diagnostic?

  init(field: FieldType, text: TextValue) {
    self.field = field
    self.text = text
  }

  /// The value, or `nil` and a problem.
  mutating func read() -> Value? {
    switch field.kind {
    case .bool: bool()
    case .int32: signed(Int64(Int32.min)...Int64(Int32.max))
    case .int64: signed(Int64.min...Int64.max)
    case .uint32: unsigned(limit: UInt64(UInt32.max))
    case .uint64: unsigned(limit: UInt64.max)
    case .float: float()
    case .double: double().map { .double($0) }
    case .string: string()
    case .bytes: bytes().map { .bytes($0) }
    case .enumeration(let type): enumeration(type)
    case .message: fail()
    }
  }

  // MARK: Types

  private mutating func bool() -> Value? {
    switch text.content {
    case .word("true", false), .word("True", false), .word("t", false): return .bool(true)
    case .word("false", false), .word("False", false), .word("f", false): return .bool(false)
    case .number(let number) where !number.isNegative && number.magnitude == 0: return .bool(false)
    case .number(let number) where !number.isNegative && number.magnitude == 1: return .bool(true)
    default: return fail()
    }
  }

  private mutating func signed(_ range: ClosedRange<Int64>) -> Value? {
    guard case .number(let number) = text.content, number.isInteger else { return fail() }
    // The smallest number has no positive counterpart.
    if let magnitude = number.magnitude {
      let limit = number.isNegative ? range.lowerBound.magnitude : range.upperBound.magnitude
      if magnitude <= limit {
        let bits = Int64(bitPattern: magnitude)
        return .int(number.isNegative ? 0 &- bits : bits)
      }
    }
    return failRange("\(range.lowerBound) to \(range.upperBound)")
  }

  private mutating func unsigned(limit: UInt64) -> Value? {
    guard case .number(let number) = text.content, number.isInteger else { return fail() }
    if !number.isNegative, let magnitude = number.magnitude, magnitude <= limit {
      return .uint(magnitude)
    }
    return failRange("0 to \(limit)")
  }

  private mutating func double() -> Double? {
    switch text.content {
    case .number(let number):
      if let value = number.double { return value }
      problem = .error(
        "'\(field.name)' takes a decimal number", at: text.range,
        help: "a number that begins with 0 is octal or hexadecimal")
      return nil
    case .word(let word, let isNegative):
      switch word.lowercased() {
      case "inf", "infinity": return isNegative ? -.infinity : .infinity
      case "nan": return .nan
      default: break
      }
    default:
      break
    }
    _ = fail()
    return nil
  }

  private mutating func float() -> Value? {
    guard let value = double() else { return nil }
    // Rounded twice, as protobuf does.
    let result = Float(value)
    if result.isInfinite, case .number = text.content {
      problem = .warning(
        "the number is too large for a float and counts as infinite", at: text.range)
    }
    return .float(result)
  }

  private mutating func bytes() -> [UInt8]? {
    guard case .string(let bytes) = text.content else {
      _ = fail()
      return nil
    }
    return bytes
  }

  private mutating func string() -> Value? {
    guard let bytes = bytes() else { return nil }
    if let string = String(validating: bytes, as: UTF8.self) { return .string(string) }
    problem = .warning(
      "the string is not UTF-8; what cannot be read is replaced", at: text.range,
      help: "save the file as UTF-8")
    return .string(String(decoding: bytes, as: UTF8.self))
  }

  private mutating func enumeration(_ type: EnumType) -> Value? {
    switch text.content {
    case .word(let name, false):
      if let number = type.number(named: name) { return .enumeration(number) }
      let names = type.values.map(\.name)
      let match = closestMatch(to: name, in: names)
      problem = .error(
        "'\(name)' is no value of '\(field.name)'", at: text.range,
        label: match.map { "did you mean \($0)?" }, help: type.choices)
      return nil
    case .number(let number) where number.isInteger:
      let magnitude = number.magnitude.flatMap { Int32(exactly: $0) }
      if let value = magnitude.map({ number.isNegative ? -$0 : $0 }), type.name(of: value) != nil {
        return .enumeration(value)
      }
      problem = .error(
        "\(number.isNegative ? "-" : "")\(number.digits) is no value of '\(field.name)'",
        at: text.range, help: type.choices)
      return nil
    case .string(let bytes):
      let name = String(decoding: bytes, as: UTF8.self)
      let help = type.number(named: name) == nil ? type.choices : "write it without quotes: \(name)"
      problem = .error(
        "'\(field.name)' takes a name without quotes, not a string", at: text.range, help: help)
      return nil
    default:
      return fail()
    }
  }

  // MARK: Problems

  private mutating func fail() -> Value? {
    var help: String?
    if case .string = field.kind, case .word(let word, false) = text.content {
      help = "put it in quotes: \"\(word)\""
    }
    problem = .error(
      "'\(field.name)' takes \(field.kind.expectation), found \(text.summary)", at: text.range,
      help: help)
    return nil
  }

  private mutating func failRange(_ range: String) -> Value? {
    problem = .error("'\(field.name)' takes a whole number from \(range)", at: text.range)
    return nil
  }
}

extension FieldType.Kind {
  /// What a text must have for a field of this type.
  var expectation: String {
    switch self {
    case .bool: "true or false"
    case .int32, .int64: "a whole number"
    case .uint32, .uint64: "a whole number, not negative"
    case .float, .double: "a number"
    case .string, .bytes: "a string in quotes"
    case .enumeration(let type): type.choices
    case .message: "a message in braces"
    }
  }
}

extension EnumType {
  /// Its names as a sentence tells them; the many of old layer types are left out.
  var choices: String {
    let names = values.map(\.name)
    guard let last = names.last, names.count > 1 else { return names.joined() }
    guard names.count <= 12 else { return "one of \(names.count) names" }
    return names.dropLast().joined(separator: ", ") + " or " + last
  }
}

extension TextValue {
  /// The value as a message quotes it.
  var summary: String {
    switch content {
    case .number(let number):
      return "\(number.isNegative ? "-" : "")\(number.digits.prefix(40))"
    case .word(let word, let isNegative): return "'\(isNegative ? "-" : "")\(word.prefix(40))'"
    case .string: return "a string"
    case .message: return "a message"
    }
  }
}
