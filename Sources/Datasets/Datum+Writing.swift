extension Datum {
  /// The bytes of a record with an image of bytes, as Caffe's converters write it.
  ///
  /// - Parameters:
  ///   - channels: The number of channels.
  ///   - height: The number of rows.
  ///   - width: The number of columns.
  ///   - data: The values.
  ///   - label: The label.
  ///   - saysEncoding: Whether it is said that the image is not encoded, as for images of files.
  /// - Returns: The record's value.
  public static func encode(
    channels: Int, height: Int, width: Int, data: some Collection<UInt8>, label: Int32,
    saysEncoding: Bool = false
  ) -> [UInt8] {
    var writer = Writer(data.count + 32)
    writer.append(0x08, channels)
    writer.append(0x10, height)
    writer.append(0x18, width)
    writer.append(0x22, data.count)
    writer.bytes += data
    writer.append(0x28, Int(label))
    if saysEncoding { writer.append(0x38, 0) }
    return writer.bytes
  }

  /// The bytes of a record with an image file, as Caffe's converter writes it.
  public static func encode(file: some Collection<UInt8>, label: Int32) -> [UInt8] {
    var writer = Writer(file.count + 32)
    writer.append(0x22, file.count)
    writer.bytes += file
    writer.append(0x28, Int(label))
    writer.append(0x38, 1)
    return writer.bytes
  }

  /// The bytes of a record of numbers, without a label, as Caffe's extract_features writes it.
  public static func encode(
    channels: Int, height: Int, width: Int, floats: UnsafeBufferPointer<Float>
  ) -> [UInt8] {
    var writer = Writer(5 * floats.count + 32)
    writer.append(0x08, channels)
    writer.append(0x10, height)
    writer.append(0x18, width)
    // Caffe's schema does not pack them: each has a tag.
    for value in floats {
      writer.bytes.append(0x35)
      withUnsafeBytes(of: value.bitPattern.littleEndian) { writer.bytes.append(contentsOf: $0) }
    }
    return writer.bytes
  }

  private struct Writer {
    var bytes: [UInt8] = []

    init(_ capacity: Int) { bytes.reserveCapacity(capacity) }

    mutating func append(_ tag: UInt8, _ value: Int) {
      bytes.append(tag)
      var value = UInt64(bitPattern: Int64(value))
      while value >= 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
        value >>= 7
      }
      bytes.append(UInt8(value))
    }
  }
}
