/// One record as Caffe stores it: an image, raw or encoded, and its label.
///
/// Read straight from the bytes of the record, to which it points; nothing is copied.
public struct Datum {
  /// The number of channels; 0 if not given, as in encoded images.
  public var channels = 0
  /// The number of rows.
  public var height = 0
  /// The number of columns.
  public var width = 0
  /// The label; 0 if not given, as in Caffe.
  public var label: Int32 = 0
  /// Whether `data` is an image file.
  public var isEncoded = false
  /// The image's bytes.
  public var data = UnsafeRawBufferPointer(start: nil, count: 0)
  /// How many values the image has that are stored as floats.
  public var floatCount = 0
  /// The bytes of the floats if they lie in one piece.
  private var floatPiece = UnsafeRawBufferPointer(start: nil, count: 0)
  private var bytes: UnsafeRawBufferPointer

  /// Reads a record.
  ///
  /// - Throws: a `DatumFault` if the bytes are no Datum.
  public init(_ bytes: UnsafeRawBufferPointer) throws(DatumFault) {
    self.bytes = bytes
    var reader = Wire(bytes)
    while let tag = try reader.tag() {
      switch tag {
      case 0x08: channels = try reader.size("channels")
      case 0x10: height = try reader.size("height")
      case 0x18: width = try reader.size("width")
      case 0x22: data = try reader.piece()
      case 0x28: label = Int32(truncatingIfNeeded: try reader.varint())
      case 0x32: try addFloats(reader.piece())
      case 0x35: try addFloats(reader.fixed(4))
      case 0x38: isEncoded = try reader.varint() != 0
      default: try reader.skip(tag)
      }
    }
  }

  private mutating func addFloats(_ piece: UnsafeRawBufferPointer) throws(DatumFault) {
    guard piece.count % 4 == 0 else { throw DatumFault("its float_data is cut off") }
    floatPiece = piece
    floatCount += piece.count / 4
  }

  /// The number of values of an image of the given size, which must be those that are there.
  ///
  /// - Throws: a `DatumFault` if size and values do not agree.
  public func checkedCount() throws(DatumFault) -> Int {
    let (area, overflow) = height.multipliedReportingOverflow(by: width)
    let (count, overflows) = area.multipliedReportingOverflow(by: channels)
    guard !overflow, !overflows else {
      throw DatumFault("its size of \(channels)×\(height)×\(width) is not possible")
    }
    // Caffe takes float_data only where data is empty.
    if count == (data.isEmpty ? floatCount : data.count), count > 0 { return count }
    throw wrongCount(count)
  }

  private func wrongCount(_ count: Int) -> DatumFault {
    if data.isEmpty, floatCount == 0 { return DatumFault("it holds no image") }
    let given = data.isEmpty ? "\(floatCount) floats" : "\(data.count) bytes"
    let kind = ImageKind(data)
    let help = kind == .unknown ? nil : "the bytes are a \(kind) image, but encoded is not set"
    if count == 0 {
      return DatumFault(
        "it says \(channels) channels, \(height) rows and \(width) columns, but holds \(given)",
        help: help)
    }
    return DatumFault(
      "it says \(channels)×\(height)×\(width), that is \(count) values, but holds \(given)",
      help: help)
  }

  /// Copies the floats to memory that has room for `floatCount`.
  public func copyFloats(into target: UnsafeMutablePointer<Float>) {
    if floatPiece.count == 4 * floatCount {
      Datum.copy(floatPiece, to: target)
      return
    }
    var reader = Wire(bytes)
    var done = 0
    // The record has been read to its end before, so that nothing is thrown here.
    while let tag = (try? reader.tag()).flatMap({ $0 }) {
      guard tag == 0x32 || tag == 0x35 else {
        guard (try? reader.skip(tag)) != nil else { return }
        continue
      }
      guard let piece = try? tag == 0x32 ? reader.piece() : reader.fixed(4),
        done + piece.count / 4 <= floatCount
      else { return }
      Datum.copy(piece, to: target + done)
      done += piece.count / 4
    }
  }

  private static func copy(_ piece: UnsafeRawBufferPointer, to target: UnsafeMutablePointer<Float>)
  {
    UnsafeMutableRawBufferPointer(start: target, count: piece.count).copyMemory(from: piece)
  }
}

/// What is wrong with a record.
public struct DatumFault: Error {
  /// What, as a sentence about "it".
  public let message: String
  /// What to do, if there is something.
  public let help: String?

  /// Makes a fault.
  public init(_ message: String, help: String? = nil) {
    self.message = message
    self.help = help
  }
}

/// Reads protobuf's binary format without believing a length.
private struct Wire {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next field's number and layout; `nil` at the end.
  mutating func tag() throws(DatumFault) -> UInt64? {
    guard position < bytes.count else { return nil }
    return try varint()
  }

  @inline(__always)
  mutating func varint() throws(DatumFault) -> UInt64 {
    if position < bytes.count, bytes[position] < 0x80 {
      position += 1
      return UInt64(bytes[position - 1])
    }
    return try longVarint()
  }

  private mutating func longVarint() throws(DatumFault) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
      guard shift < 70 else { throw DatumFault("a number in it has more than 10 bytes") }
    }
    throw DatumFault("it is cut off")
  }

  mutating func size(_ name: String) throws(DatumFault) -> Int {
    let value = Int32(truncatingIfNeeded: try varint())
    guard value >= 0 else { throw DatumFault("it says \(value) for \(name)") }
    return Int(value)
  }

  mutating func piece() throws(DatumFault) -> UnsafeRawBufferPointer {
    let length = try varint()
    guard length <= UInt64(bytes.count - position) else {
      throw DatumFault(
        "it is cut off: \(length) bytes should follow, but only \(bytes.count - position) do")
    }
    return try fixed(Int(length))
  }

  mutating func fixed(_ count: Int) throws(DatumFault) -> UnsafeRawBufferPointer {
    guard count <= bytes.count - position else { throw DatumFault("it is cut off") }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
  }

  /// Leaves the value of a field out that is none of a Datum's.
  mutating func skip(_ tag: UInt64) throws(DatumFault) {
    var depth = 0
    var tag = tag
    while true {
      guard tag >> 3 > 0, tag >> 3 < 1 << 29 else { throw DatumFault("it is no Datum") }
      switch tag & 7 {
      case 0: _ = try varint()
      case 1: _ = try fixed(8)
      case 2: _ = try piece()
      case 3: depth += 1
      case 4 where depth > 0: depth -= 1
      case 5: _ = try fixed(4)
      default: throw DatumFault("it is no Datum")
      }
      if depth == 0 { return }
      guard let next = try self.tag() else { throw DatumFault("it is cut off") }
      tag = next
    }
  }
}
