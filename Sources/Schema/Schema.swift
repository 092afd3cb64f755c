internal import CCaffeSchema
internal import CProtobufC

/// All messages of `caffe.proto`, made of protobuf-c's descriptors.
final class Schema: Sendable {
  static let shared = Schema()

  let messages: [String: MessageType]

  private init() {
    var reader = DescriptorReader()
    var roots = caffe_schema_roots()
    while let root = roots?.pointee {
      _ = reader.message(root.pointee)
      roots = roots?.advanced(by: 1)
    }
    messages = reader.messages
  }

  /// A message that `caffe.proto` is known to have.
  static func message(_ name: String) -> MessageType {
    guard let message = shared.messages[name] else {
      preconditionFailure("caffe.proto has no message \(name)")
    }
    return message
  }
}

/// Turns C descriptors into Swift objects, each once.
private struct DescriptorReader {
  var messages: [String: MessageType] = [:]
  private var enums: [String: EnumType] = [:]
  private var unfinished: Set<String> = []

  /// The message of a descriptor, and with it all messages that are its fields.
  mutating func message(_ descriptor: ProtobufCMessageDescriptor) -> MessageType {
    let name = String(cString: descriptor.short_name)
    if let message = messages[name] { return message }
    // No recursion means that nesting has a limit, and readers of binary files rely on that.
    precondition(unfinished.insert(name).inserted, "\(name) must not contain itself")
    var fields: [FieldType] = []
    for index in 0..<Int(descriptor.n_fields) {
      fields.append(field(descriptor.fields[index], index: index))
    }
    let message = MessageType(name: name, fields: fields)
    messages[name] = message
    return message
  }

  private mutating func field(_ descriptor: ProtobufCFieldDescriptor, index: Int) -> FieldType {
    let kind = kind(of: descriptor)
    let flags = descriptor.flags
    return FieldType(
      name: String(cString: descriptor.name), number: Int(descriptor.id), index: index,
      label: label(descriptor.label), kind: kind,
      isPacked: flags & UInt32(PROTOBUF_C_FIELD_FLAG_PACKED.rawValue) != 0,
      defaultValue: defaultValue(kind, descriptor.default_value),
      hasExplicitDefault: descriptor.default_value != nil)
  }

  private func label(_ label: ProtobufCLabel) -> FieldType.Label {
    switch label {
    case PROTOBUF_C_LABEL_REPEATED: .repeated
    case PROTOBUF_C_LABEL_REQUIRED: .required
    default: .optional
    }
  }

  private mutating func kind(of field: ProtobufCFieldDescriptor) -> FieldType.Kind {
    switch field.type {
    case PROTOBUF_C_TYPE_BOOL: return .bool
    case PROTOBUF_C_TYPE_INT32: return .int32
    case PROTOBUF_C_TYPE_INT64: return .int64
    case PROTOBUF_C_TYPE_UINT32: return .uint32
    case PROTOBUF_C_TYPE_UINT64: return .uint64
    case PROTOBUF_C_TYPE_FLOAT: return .float
    case PROTOBUF_C_TYPE_DOUBLE: return .double
    case PROTOBUF_C_TYPE_STRING: return .string
    case PROTOBUF_C_TYPE_BYTES: return .bytes
    case PROTOBUF_C_TYPE_ENUM:
      let type = field.descriptor.assumingMemoryBound(to: ProtobufCEnumDescriptor.self)
      return .enumeration(enumeration(type.pointee))
    case PROTOBUF_C_TYPE_MESSAGE:
      let type = field.descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
      return .message(message(type.pointee))
    default:
      preconditionFailure(
        "caffe.proto must not use the wire type of \(String(cString: field.name))")
    }
  }

  private mutating func enumeration(_ descriptor: ProtobufCEnumDescriptor) -> EnumType {
    let fullName = String(cString: descriptor.name)
    if let type = enums[fullName] { return type }
    var values: [(name: String, number: Int32)] = []
    for index in 0..<Int(descriptor.n_values) {
      let value = descriptor.values[index]
      values.append((String(cString: value.name), value.value))
    }
    let type = EnumType(name: String(cString: descriptor.short_name), values: values)
    enums[fullName] = type
    return type
  }

  private func defaultValue(_ kind: FieldType.Kind, _ pointer: UnsafeRawPointer?) -> Value? {
    func load<T>(_ type: T.Type, or zero: T) -> T { pointer?.load(as: type) ?? zero }
    switch kind {
    case .bool: return .bool(load(protobuf_c_boolean.self, or: 0) != 0)
    case .int32: return .int(Int64(load(Int32.self, or: 0)))
    case .int64: return .int(load(Int64.self, or: 0))
    case .uint32: return .uint(UInt64(load(UInt32.self, or: 0)))
    case .uint64: return .uint(load(UInt64.self, or: 0))
    case .float: return .float(load(Float.self, or: 0))
    case .double: return .double(load(Double.self, or: 0))
    case .string:
      return .string(pointer.map { String(cString: $0.assumingMemoryBound(to: CChar.self)) } ?? "")
    case .bytes: return .bytes([])
    case .enumeration(let type):
      return .enumeration(load(Int32.self, or: type.values.first?.number ?? 0))
    case .message: return nil
    }
  }
}
