public import Prototxt

// Setting with plain Swift values. Integers go to fields of any integer type.

extension Message {
  /// Sets an integer field.
  public mutating func set(_ field: String, int value: Int, at location: SourceRange? = nil) {
    set(field, integer(value, for: field), at: location)
  }

  /// Sets a truth field.
  public mutating func set(_ field: String, bool value: Bool, at location: SourceRange? = nil) {
    set(field, .bool(value), at: location)
  }

  /// Sets a `float` field.
  public mutating func set(_ field: String, float value: Float, at location: SourceRange? = nil) {
    set(field, .float(value), at: location)
  }

  /// Sets a string field.
  public mutating func set(_ field: String, string value: String, at location: SourceRange? = nil) {
    set(field, .string(value), at: location)
  }

  /// Sets a message field.
  public mutating func set(
    _ field: String, message value: Message, at location: SourceRange? = nil
  ) {
    set(field, .message(value), at: location ?? value.location)
  }

  /// Sets an enum field by the name of a value that the enum has.
  public mutating func set(_ field: String, enum name: String, at location: SourceRange? = nil) {
    guard case .enumeration(let type) = self.field(field).kind,
      let number = type.number(named: name)
    else { preconditionFailure("\(self.type.name).\(field) has no value \(name)") }
    set(field, .enumeration(number), at: location)
  }

  /// Sets all values of a repeated integer field.
  public mutating func set(_ field: String, ints values: [Int], at location: SourceRange? = nil) {
    clear(field)
    for value in values { append(field, integer(value, for: field), at: location) }
  }

  /// Sets all values of a repeated `float` field.
  public mutating func set(_ field: String, floats values: [Float]) {
    let type = self.field(field)
    guard case .float = type.kind else {
      preconditionFailure("\(self.type.name).\(field) does not hold floats")
    }
    set(type, values: .float(values))
  }

  /// Sets all values of a repeated string field.
  public mutating func set(
    _ field: String, strings values: [String], at location: SourceRange? = nil
  ) {
    clear(field)
    for value in values { append(field, .string(value), at: location) }
  }

  /// Sets all messages of a repeated field; each keeps its own location.
  public mutating func set(_ field: String, messages values: [Message]) {
    clear(field)
    for value in values { append(field, .message(value), at: value.location) }
  }

  /// Adds a string to a repeated field.
  public mutating func append(
    _ field: String, string value: String, at location: SourceRange? = nil
  ) {
    append(field, .string(value), at: location)
  }

  /// Adds a number to a repeated integer field.
  public mutating func append(_ field: String, int value: Int, at location: SourceRange? = nil) {
    append(field, integer(value, for: field), at: location)
  }

  /// Adds a message to a repeated field.
  public mutating func append(_ field: String, message value: Message) {
    append(field, .message(value), at: value.location)
  }

  private func integer(_ value: Int, for field: String) -> Value {
    switch self.field(field).kind {
    case .uint32, .uint64:
      precondition(value >= 0, "\(type.name).\(field) cannot be negative")
      return .uint(UInt64(value))
    default:
      return .int(Int64(value))
    }
  }
}
