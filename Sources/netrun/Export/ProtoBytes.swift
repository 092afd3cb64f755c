/// Writes protobuf messages of schemas that are not Caffe's: fields by their numbers.
struct ProtoBytes {
  private(set) var bytes: [UInt8] = []

  /// Makes an empty message.
  init() {}

  /// Adds a whole number.
  mutating func add(_ field: Int, _ value: Int) {
    append(varint: UInt64(field) << 3)
    append(varint: UInt64(bitPattern: Int64(value)))
  }

  /// Adds a float.
  mutating func add(_ field: Int, _ value: Float) {
    append(varint: UInt64(field) << 3 | 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
  }

  /// Adds a double.
  mutating func add(_ field: Int, _ value: Double) {
    append(varint: UInt64(field) << 3 | 1)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
  }

  /// Adds a string.
  mutating func add(_ field: Int, _ value: String) { add(field, bytes: Array(value.utf8)) }

  /// Adds a message.
  mutating func add(_ field: Int, _ value: ProtoBytes) { add(field, bytes: value.bytes) }

  /// Adds bytes.
  mutating func add(_ field: Int, bytes value: [UInt8]) {
    append(varint: UInt64(field) << 3 | 2)
    append(varint: UInt64(value.count))
    bytes += value
  }

  /// Adds floats as the bytes of a field, little-endian as this machine has them.
  mutating func add(_ field: Int, memory: UnsafeRawBufferPointer) {
    append(varint: UInt64(field) << 3 | 2)
    append(varint: UInt64(memory.count))
    bytes += memory
  }

  /// Adds doubles, packed.
  mutating func add(_ field: Int, packed values: [Double]) {
    add(
      field,
      bytes: values.flatMap { value in
        withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
      })
  }

  /// Adds what stands before a message or bytes of a length, which are to follow.
  mutating func addHead(_ field: Int, count: Int) {
    append(varint: UInt64(field) << 3 | 2)
    append(varint: UInt64(count))
  }

  private mutating func append(varint value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }
}
