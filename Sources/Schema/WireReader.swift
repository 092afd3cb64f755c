internal import Prototxt

/// How a field's value is laid out in a binary file.
enum WireType: UInt8 {
  case varint = 0
  case fixed64 = 1
  case lengthDelimited = 2
  case startGroup = 3
  case endGroup = 4
  case fixed32 = 5
}

/// Reads protobuf's binary format out of memory that may hold anything.
///
/// No length is believed before it was compared with what is there.
struct WireReader {
  /// The whole file; offsets count from its start.
  let bytes: UnsafeRawBufferPointer
  /// The file's name, for messages.
  let source: String
  /// The offset of the next byte.
  private(set) var position: Int
  /// The offset behind the last byte of the message that is read.
  let end: Int

  /// Reads a whole file.
  init(_ bytes: UnsafeRawBufferPointer, source: String) {
    self.init(bytes, bytes.indices, source: source)
  }

  /// Reads a part of a file.
  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, source: String) {
    self.bytes = bytes
    self.source = source
    position = max(0, range.lowerBound)
    end = min(bytes.count, range.upperBound)
  }

  /// Reads the message whose bytes are at a range of the same file.
  func inner(_ range: Range<Int>) -> WireReader {
    WireReader(bytes, range, source: source)
  }

  /// The number and layout of the next field, or `nil` at the end of the message.
  mutating func next() throws(Diagnostic) -> (number: Int, type: WireType)? {
    guard position < end else { return nil }
    let start = position
    let tag = try varint()
    let number = tag >> 3
    guard let type = WireType(rawValue: UInt8(tag & 7)), number > 0, number < 1 << 29 else {
      throw broken("no field begins", at: start)
    }
    return (Int(number), type)
  }

  /// A number of seven bits a byte.
  mutating func varint() throws(Diagnostic) -> UInt64 {
    let start = position
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < end {
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
      guard shift < 70 else { throw broken("a number has more than 10 bytes", at: start) }
    }
    throw broken("the file ends in a number", at: start)
  }

  /// Four bytes.
  mutating func fixed32() throws(Diagnostic) -> UInt32 {
    try UInt32(littleEndian: load(UInt32.self))
  }

  /// Eight bytes.
  mutating func fixed64() throws(Diagnostic) -> UInt64 {
    try UInt64(littleEndian: load(UInt64.self))
  }

  /// Where the bytes of a string, a message or packed numbers are.
  mutating func lengthDelimited() throws(Diagnostic) -> Range<Int> {
    let start = position
    let length = try varint()
    guard length <= UInt64(end - position) else {
      throw broken("\(length) bytes should follow, but only \(end - position) do", at: start)
    }
    defer { position += Int(length) }
    return position..<position + Int(length)
  }

  /// Leaves a value out.
  mutating func skip(_ type: WireType) throws(Diagnostic) {
    switch type {
    case .varint: _ = try varint()
    case .fixed32: _ = try fixed32()
    case .fixed64: _ = try fixed64()
    case .lengthDelimited: _ = try lengthDelimited()
    case .startGroup: try skipGroup()
    case .endGroup: throw broken("a group ends that did not begin", at: position)
    }
  }

  /// Leaves a group out: an old kind of message that ends with a tag of its own.
  private mutating func skipGroup() throws(Diagnostic) {
    let start = position
    var depth = 1
    while depth > 0 {
      guard let (_, type) = try next() else { throw broken("a group does not end", at: start) }
      switch type {
      case .startGroup: depth += 1
      case .endGroup: depth -= 1
      default: try skip(type)
      }
    }
  }

  private mutating func load<Word: BitwiseCopyable>(_: Word.Type) throws(Diagnostic) -> Word {
    guard end - position >= MemoryLayout<Word>.size else {
      throw broken("the file ends in a number", at: position)
    }
    defer { position += MemoryLayout<Word>.size }
    return bytes.loadUnaligned(fromByteOffset: position, as: Word.self)
  }

  /// What to say when the bytes at an offset make no sense.
  func broken(_ problem: String, at offset: Int) -> Diagnostic {
    .error(
      "\(problem) at byte \(offset)", path: source,
      help: "the file is damaged, cut off, or of another kind")
  }
}
