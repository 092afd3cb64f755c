// Typed reading: the value that is set, or the schema's default.

extension Message {
  /// The value of a truth field.
  public func bool(_ field: String) -> Bool {
    optionalBool(field) ?? optionalBool(default: field)
  }

  /// The value of a field of any integer type.
  public func int(_ field: String) -> Int {
    let type = self.field(field)
    guard let value = entry(of: type)?.values.last ?? type.defaultValue,
      let number = value.integer
    else { mismatch(type, "an integer") }
    return number
  }

  /// The value of a `float` field.
  public func float(_ field: String) -> Float {
    let type = self.field(field)
    guard case .float(let value)? = entry(of: type)?.values.last ?? type.defaultValue else {
      mismatch(type, "a float")
    }
    return value
  }

  /// The value of a `float` or `double` field.
  public func double(_ field: String) -> Double {
    let type = self.field(field)
    switch entry(of: type)?.values.last ?? type.defaultValue {
    case .float(let value)?: return Double(value)
    case .double(let value)?: return value
    default: mismatch(type, "a floating point number")
    }
  }

  /// The value of a string field.
  public func string(_ field: String) -> String {
    let type = self.field(field)
    guard case .string(let value)? = entry(of: type)?.values.last ?? type.defaultValue else {
      mismatch(type, "a string")
    }
    return value
  }

  /// The value of a bytes field.
  public func bytes(_ field: String) -> [UInt8] {
    let type = self.field(field)
    guard case .bytes(let value)? = entry(of: type)?.values.last ?? type.defaultValue else {
      mismatch(type, "bytes")
    }
    return value
  }

  /// The name of an enum field's value.
  public func enumName(_ field: String) -> String {
    let type = self.field(field)
    guard case .enumeration(let enumeration) = type.kind,
      case .enumeration(let number)? = entry(of: type)?.values.last ?? type.defaultValue
    else { mismatch(type, "an enum") }
    return enumeration.name(of: number) ?? String(number)
  }

  /// The message in a field; if it is not set, an empty one that stands where this one does.
  public func message(_ field: String) -> Message {
    let type = self.field(field)
    guard case .message(let inner) = type.kind else { mismatch(type, "a message") }
    if case .message(let value)? = entry(of: type)?.values.last { return value }
    var empty = Message(inner)
    empty.location = location
    return empty
  }

  /// The value of an integer field, `nil` if it is not set.
  public func optionalInt(_ field: String) -> Int? { has(field) ? int(field) : nil }
  /// The value of a `float` field, `nil` if it is not set.
  public func optionalFloat(_ field: String) -> Float? { has(field) ? float(field) : nil }

  /// The value of a truth field, `nil` if it is not set.
  public func optionalBool(_ field: String) -> Bool? {
    let type = self.field(field)
    guard let value = entry(of: type)?.values.last else { return nil }
    guard case .bool(let result) = value else { mismatch(type, "a truth value") }
    return result
  }

  private func optionalBool(default field: String) -> Bool {
    let type = self.field(field)
    guard case .bool(let value)? = type.defaultValue else { mismatch(type, "a truth value") }
    return value
  }
}

// MARK: - Repeated fields

extension Message {
  /// All values of a field of any integer type.
  public func ints(_ field: String) -> [Int] {
    let type = self.field(field)
    switch entry(of: type)?.values ?? Values(type.kind) {
    case .int(let all): return all.map { Int($0) }
    case .uint(let all): return all.map { Int(clamping: $0) }
    default: mismatch(type, "integers")
    }
  }

  /// All values of a `float` field.
  public func floats(_ field: String) -> [Float] {
    let type = self.field(field)
    guard case .float(let all) = entry(of: type)?.values ?? Values(type.kind) else {
      mismatch(type, "floats")
    }
    return all
  }

  /// All values of a `double` field.
  public func doubles(_ field: String) -> [Double] {
    let type = self.field(field)
    guard case .double(let all) = entry(of: type)?.values ?? Values(type.kind) else {
      mismatch(type, "doubles")
    }
    return all
  }

  /// All values of a string field.
  public func strings(_ field: String) -> [String] {
    let type = self.field(field)
    guard case .string(let all) = entry(of: type)?.values ?? Values(type.kind) else {
      mismatch(type, "strings")
    }
    return all
  }

  /// All values of a truth field.
  public func bools(_ field: String) -> [Bool] {
    let type = self.field(field)
    guard case .bool(let all) = entry(of: type)?.values ?? Values(type.kind) else {
      mismatch(type, "truth values")
    }
    return all
  }

  /// All messages in a field.
  public func messages(_ field: String) -> [Message] {
    let type = self.field(field)
    guard case .message(let all) = entry(of: type)?.values ?? Values(type.kind) else {
      mismatch(type, "messages")
    }
    return all
  }

  private func mismatch(_ field: FieldType, _ wanted: String) -> Never {
    preconditionFailure("\(type.name).\(field.name) does not hold \(wanted)")
  }
}

extension Value {
  /// The number of any integer field.
  var integer: Int? {
    switch self {
    case .int(let value): Int(value)
    case .uint(let value): Int(clamping: value)
    default: nil
    }
  }
}

extension Values {
  /// The value that counts for a field of one value.
  var last: Value? { count > 0 ? self[count - 1] : nil }
}
