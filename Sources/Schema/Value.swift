/// A value of a field.
public enum Value: Sendable, Equatable {
  /// A truth value.
  case bool(Bool)
  /// A number of a signed field.
  case int(Int64)
  /// A number of an unsigned field.
  case uint(UInt64)
  /// A number of a `float` field.
  case float(Float)
  /// A number of a `double` field.
  case double(Double)
  /// A text.
  case string(String)
  /// Bytes.
  case bytes([UInt8])
  /// The number of an enum's value.
  case enumeration(Int32)
  /// A message.
  case message(Message)

  /// Whether both are the same; a NaN is the same as another.
  public static func == (a: Value, b: Value) -> Bool {
    switch (a, b) {
    case (.bool(let a), .bool(let b)): a == b
    case (.int(let a), .int(let b)): a == b
    case (.uint(let a), .uint(let b)): a == b
    case (.float(let a), .float(let b)): a == b || (a.isNaN && b.isNaN)
    case (.double(let a), .double(let b)): a == b || (a.isNaN && b.isNaN)
    case (.string(let a), .string(let b)): a == b
    case (.bytes(let a), .bytes(let b)): a == b
    case (.enumeration(let a), .enumeration(let b)): a == b
    case (.message(let a), .message(let b)): a == b
    default: false
    }
  }
}

/// All values of one field, without a wrapper for each: a blob has millions.
enum Values: Sendable {
  case bool([Bool])
  case int([Int64])
  case uint([UInt64])
  case float([Float])
  case double([Double])
  case string([String])
  case bytes([[UInt8]])
  case enumeration([Int32])
  case message([Message])

  /// No values of a kind.
  init(_ kind: FieldType.Kind) {
    self =
      switch kind {
      case .bool: .bool([])
      case .int32, .int64: .int([])
      case .uint32, .uint64: .uint([])
      case .float: .float([])
      case .double: .double([])
      case .string: .string([])
      case .bytes: .bytes([])
      case .enumeration: .enumeration([])
      case .message: .message([])
      }
  }

  var count: Int {
    switch self {
    case .bool(let all): all.count
    case .int(let all): all.count
    case .uint(let all): all.count
    case .float(let all): all.count
    case .double(let all): all.count
    case .string(let all): all.count
    case .bytes(let all): all.count
    case .enumeration(let all): all.count
    case .message(let all): all.count
    }
  }

  subscript(index: Int) -> Value {
    switch self {
    case .bool(let all): .bool(all[index])
    case .int(let all): .int(all[index])
    case .uint(let all): .uint(all[index])
    case .float(let all): .float(all[index])
    case .double(let all): .double(all[index])
    case .string(let all): .string(all[index])
    case .bytes(let all): .bytes(all[index])
    case .enumeration(let all): .enumeration(all[index])
    case .message(let all): .message(all[index])
    }
  }

  /// Appends a value of the same kind.
  ///
  /// Returns whether it is of the same kind.
  mutating func append(_ value: Value) -> Bool {
    // Each array is moved out and back: appending to a copy would copy it whole.
    switch (self, value) {
    case (.bool(var all), .bool(let value)):
      self = .bool([])
      all.append(value)
      self = .bool(all)
    case (.int(var all), .int(let value)):
      self = .int([])
      all.append(value)
      self = .int(all)
    case (.uint(var all), .uint(let value)):
      self = .uint([])
      all.append(value)
      self = .uint(all)
    case (.float(var all), .float(let value)):
      self = .float([])
      all.append(value)
      self = .float(all)
    case (.double(var all), .double(let value)):
      self = .double([])
      all.append(value)
      self = .double(all)
    case (.string(var all), .string(let value)):
      self = .string([])
      all.append(value)
      self = .string(all)
    case (.bytes(var all), .bytes(let value)):
      self = .bytes([])
      all.append(value)
      self = .bytes(all)
    case (.enumeration(var all), .enumeration(let value)):
      self = .enumeration([])
      all.append(value)
      self = .enumeration(all)
    case (.message(var all), .message(let value)):
      self = .message([])
      all.append(value)
      self = .message(all)
    default:
      return false
    }
    return true
  }
}

extension Values: Equatable {
  static func == (a: Values, b: Values) -> Bool {
    switch (a, b) {
    case (.float(let a), .float(let b)):
      a.elementsEqual(b) { $0 == $1 || ($0.isNaN && $1.isNaN) }
    case (.double(let a), .double(let b)):
      a.elementsEqual(b) { $0 == $1 || ($0.isNaN && $1.isNaN) }
    case (.bool(let a), .bool(let b)): a == b
    case (.int(let a), .int(let b)): a == b
    case (.uint(let a), .uint(let b)): a == b
    case (.string(let a), .string(let b)): a == b
    case (.bytes(let a), .bytes(let b)): a == b
    case (.enumeration(let a), .enumeration(let b)): a == b
    case (.message(let a), .message(let b)): a == b
    default: false
    }
  }
}
