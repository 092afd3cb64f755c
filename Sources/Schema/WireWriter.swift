/// Writes protobuf's binary format, byte for byte as protobuf's own library does: fields in the
/// order of their numbers, packed where the schema says so.
struct WireWriter {
  private(set) var bytes: [UInt8] = []

  mutating func reserve(_ count: Int) {
    bytes.reserveCapacity(bytes.count + count)
  }

  /// Takes what was written out, to go on with nothing.
  mutating func take() -> [UInt8] {
    defer { bytes.removeAll(keepingCapacity: true) }
    return bytes
  }

  // MARK: Pieces

  mutating func append(varint value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }

  mutating func append(tag number: Int, _ type: WireType) {
    append(varint: UInt64(number) << 3 | UInt64(type.rawValue))
  }

  mutating func append(tag number: Int, length: Int) {
    append(tag: number, .lengthDelimited)
    append(varint: UInt64(length))
  }

  private mutating func append<Word: FixedWidthInteger>(fixed value: Word) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  // MARK: Messages

  /// Writes all fields of a message, or those whose numbers are in a range.
  mutating func append(_ message: Message, numbers: ClosedRange<Int> = 0...Int.max) {
    for entry in message.entries {
      let field = message.type.fields[entry.index]
      if numbers.contains(field.number) { append(entry.values, field) }
    }
  }

  private mutating func append(_ values: Values, _ field: FieldType) {
    if field.isPacked {
      append(tag: field.number, length: payload(values, field))
      for index in 0..<values.count { append(values[index], field) }
      return
    }
    for index in 0..<values.count {
      append(tag: field.number, field.kind.wireType)
      append(values[index], field)
    }
  }

  private mutating func append(_ value: Value, _ field: FieldType) {
    switch value {
    case .bool(let value): bytes.append(value ? 1 : 0)
    case .int(let value): append(varint: UInt64(bitPattern: value))
    case .uint(let value): append(varint: value)
    case .enumeration(let value): append(varint: UInt64(bitPattern: Int64(value)))
    case .float(let value): append(fixed: value.bitPattern)
    case .double(let value): append(fixed: value.bitPattern)
    case .string(let value):
      append(varint: UInt64(value.utf8.count))
      bytes.append(contentsOf: value.utf8)
    case .bytes(let value):
      append(varint: UInt64(value.count))
      bytes.append(contentsOf: value)
    case .message(let inner):
      append(varint: UInt64(size(of: inner)))
      append(inner)
    }
  }

  // MARK: Sizes

  /// How many bytes a message takes, or those of its fields whose numbers are in a range.
  func size(of message: Message, numbers: ClosedRange<Int> = 0...Int.max) -> Int {
    var total = 0
    for entry in message.entries {
      let field = message.type.fields[entry.index]
      guard numbers.contains(field.number) else { continue }
      let payload = payload(entry.values, field)
      let tag = Self.size(ofTag: field.number)
      total +=
        field.isPacked
        ? tag + Self.size(ofVarint: UInt64(payload)) + payload : entry.values.count * tag + payload
    }
    return total
  }

  static func size(ofTag number: Int) -> Int { size(ofVarint: UInt64(number) << 3) }

  static func size(ofVarint value: UInt64) -> Int {
    max(1, (UInt64.bitWidth - value.leadingZeroBitCount + 6) / 7)
  }

  /// The bytes of all values without their tags.
  private func payload(_ values: Values, _ field: FieldType) -> Int {
    func lengths(_ sizes: some Sequence<Int>) -> Int {
      sizes.reduce(0) { $0 + Self.size(ofVarint: UInt64($1)) + $1 }
    }
    return switch values {
    case .bool(let all): all.count
    case .float(let all): 4 * all.count
    case .double(let all): 8 * all.count
    case .int(let all): all.reduce(0) { $0 + Self.size(ofVarint: UInt64(bitPattern: $1)) }
    case .uint(let all): all.reduce(0) { $0 + Self.size(ofVarint: $1) }
    case .enumeration(let all):
      all.reduce(0) { $0 + Self.size(ofVarint: UInt64(bitPattern: Int64($1))) }
    case .string(let all): lengths(all.lazy.map(\.utf8.count))
    case .bytes(let all): lengths(all.lazy.map(\.count))
    case .message(let all): lengths(all.lazy.map { size(of: $0) })
    }
  }
}
