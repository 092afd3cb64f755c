extension FieldType {
  /// The type as references show it: `float`, `int32, repeated`, `MAX | AVE`, `BlobShape`.
  public var typeText: String {
    let name =
      switch kind {
      case .bool: "bool"
      case .int32: "int32"
      case .int64: "int64"
      case .uint32: "uint32"
      case .uint64: "uint64"
      case .float: "float"
      case .double: "double"
      case .string: "string"
      case .bytes: "bytes"
      case .enumeration(let type): type.values.map(\.name).joined(separator: " | ")
      case .message(let type): type.name
      }
    return isRepeated ? "\(name), repeated" : name
  }

  /// The default that the schema names; `nil` if it names none.
  public var defaultText: String? {
    guard hasExplicitDefault, let value = defaultValue else { return nil }
    switch value {
    case .bool(let value): return String(value)
    case .int(let value): return String(value)
    case .uint(let value): return String(value)
    case .float(let value): return FieldType.short("\(value)")
    case .double(let value): return FieldType.short("\(value)")
    case .string(let value): return "\"\(value)\""
    case .enumeration(let number):
      guard case .enumeration(let type) = kind else { return nil }
      return type.name(of: number)
    case .bytes, .message: return nil
    }
  }

  private static func short(_ number: String) -> String {
    number.hasSuffix(".0") ? String(number.dropLast(2)) : number
  }
}
