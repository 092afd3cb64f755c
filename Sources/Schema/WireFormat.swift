public import Prototxt

/// Protobuf's binary format: weights, solver states, mean files, data base records.
public enum WireFormat {
  /// Reads bytes as a message of a kind.
  ///
  /// As in protobuf, numbers may be packed or not, and a field that the schema does not have or
  /// has with another layout is left out: forks of Caffe have given some numbers other meanings.
  public static func decode(
    _ bytes: UnsafeRawBufferPointer, as type: MessageType, source: String
  ) throws(Diagnostic) -> Message {
    try decode(bytes, as: type, source: source, omitting: nil)
  }

  /// Reads bytes as a message of a kind.
  public static func decode(
    _ bytes: [UInt8], as type: MessageType, source: String
  ) throws(Diagnostic) -> Message {
    // The closure of withUnsafeBytes cannot throw a Diagnostic as such.
    let result = bytes.withUnsafeBytes { buffer in
      Result { () throws(Diagnostic) in try decode(buffer, as: type, source: source) }
    }
    return try result.get()
  }

  /// Reads a file as a message of a kind.
  public static func read(_ path: String, as type: MessageType) throws(Diagnostic) -> Message {
    let file = try MappedFile(path: path)
    return try decode(file.bytes, as: type, source: path)
  }

  /// Reads bytes, but leaves the messages of one kind out.
  static func decode(
    _ bytes: UnsafeRawBufferPointer, as type: MessageType, source: String,
    omitting: MessageType?
  ) throws(Diagnostic) -> Message {
    var message = Message(type)
    let decoder = WireDecoder(omitted: omitting)
    try decoder.merge(WireReader(bytes, source: source), into: &message)
    return message
  }

  /// The bytes that protobuf's own library writes for a message.
  public static func encode(_ message: Message) -> [UInt8] {
    var writer = WireWriter()
    writer.reserve(writer.size(of: message))
    writer.append(message)
    return writer.bytes
  }
}

/// Puts what a reader finds into messages.
private struct WireDecoder {
  let omitted: MessageType?

  /// Reads all fields; a field of one value that is there twice takes the last one, and the parts
  /// of a message that is there twice are put together.
  func merge(_ reader: WireReader, into message: inout Message) throws(Diagnostic) {
    var reader = reader
    while let (number, wireType) = try reader.next() {
      guard let field = message.type.field(number: number) else {
        try reader.skip(wireType)
        continue
      }
      switch (field.kind, wireType) {
      case (.message(let type), .lengthDelimited):
        let range = try reader.lengthDelimited()
        if type != omitted { try add(reader.inner(range), type, field, to: &message) }
      case (.string, .lengthDelimited), (.bytes, .lengthDelimited):
        let range = try reader.lengthDelimited()
        let part = UnsafeRawBufferPointer(rebasing: reader.bytes[range])
        let isText = if case .string = field.kind { true } else { false }
        put(
          isText ? .string(String(decoding: part, as: UTF8.self)) : .bytes(Array(part)), field,
          &message)
      case (_, .lengthDelimited) where field.isRepeated && field.kind.wireType != .lengthDelimited:
        try addPacked(reader.inner(try reader.lengthDelimited()), field, to: &message)
      case (_, field.kind.wireType):
        if let value = try Self.scalar(field.kind, &reader) { put(value, field, &message) }
      default:
        try reader.skip(wireType)
      }
    }
  }

  private func add(
    _ reader: WireReader, _ type: MessageType, _ field: FieldType, to message: inout Message
  ) throws(Diagnostic) {
    var inner = Message(type)
    if !field.isRepeated, case .message(let first)? = message.entry(of: field)?.values.last {
      inner = first
    }
    try merge(reader, into: &inner)
    put(.message(inner), field, &message)
  }

  private func put(_ value: Value, _ field: FieldType, _ message: inout Message) {
    if !field.isRepeated { message.remove(field) }
    message.append(field, value, at: nil)
  }

  /// Reads numbers that stand behind each other without tags.
  private func addPacked(
    _ reader: WireReader, _ field: FieldType, to message: inout Message
  ) throws(Diagnostic) {
    var reader = reader
    let length = reader.end - reader.position
    if case .float = field.kind {
      guard length % 4 == 0 else {
        throw reader.broken("\(length) bytes are no whole number of floats", at: reader.position)
      }
      let part = UnsafeRawBufferPointer(rebasing: reader.bytes[reader.position..<reader.end])
      message.withValues(of: field) { $0.append(floats: part) }
      return
    }
    while reader.position < reader.end {
      if let value = try Self.scalar(field.kind, &reader) {
        message.append(field, value, at: nil)
      }
    }
  }

  /// A number; `nil` for an enum's value that the schema does not have.
  private static func scalar(
    _ kind: FieldType.Kind, _ reader: inout WireReader
  ) throws(Diagnostic) -> Value? {
    switch kind {
    case .bool: return .bool(try reader.varint() != 0)
    case .int32: return .int(Int64(Int32(truncatingIfNeeded: try reader.varint())))
    case .int64: return .int(Int64(bitPattern: try reader.varint()))
    case .uint32: return .uint(UInt64(UInt32(truncatingIfNeeded: try reader.varint())))
    case .uint64: return .uint(try reader.varint())
    case .float: return .float(Float(bitPattern: try reader.fixed32()))
    case .double: return .double(Double(bitPattern: try reader.fixed64()))
    case .enumeration(let type):
      let number = Int32(truncatingIfNeeded: try reader.varint())
      return type.name(of: number) == nil ? nil : .enumeration(number)
    case .string, .bytes, .message:
      return nil
    }
  }
}

extension FieldType.Kind {
  /// How a single value of this type is laid out.
  var wireType: WireType {
    switch self {
    case .bool, .int32, .int64, .uint32, .uint64, .enumeration: .varint
    case .float: .fixed32
    case .double: .fixed64
    case .string, .bytes, .message: .lengthDelimited
    }
  }
}

extension Values {
  /// Appends little-endian floats.
  fileprivate mutating func append(floats bytes: UnsafeRawBufferPointer) {
    guard case .float(var all) = self else { return }
    self = .float([])
    let count = bytes.count / 4
    let old = all.count
    all += [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      UnsafeMutableRawBufferPointer(buffer).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes.prefix(count * 4)))
      initialized = count
    }
    assert(all.count == old + count)
    self = .float(all)
  }
}
