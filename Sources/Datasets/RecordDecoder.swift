internal import Compute

/// Finds the image in a record, decoding it if it is encoded; its memory is used again.
final class RecordDecoder {
  private let color: ImageColor
  private let decoder = ImageDecoder()
  private let floats = Blob("floats of a record")

  /// Makes a decoder that gives encoded images as many channels as `color` says.
  init(_ color: ImageColor) { self.color = color }

  /// The size of a record's image and its values, valid until the next record.
  func image(_ datum: Datum) throws(DatumFault) -> (ImageSize, BatchAssembler.Values) {
    if datum.isEncoded {
      let pixels = try decoder.decode(datum.data, color)
      let size = ImageSize(
        channels: decoder.channels, height: decoder.height, width: decoder.width)
      return (size, .bytes(pixels))
    }
    _ = try datum.checkedCount()
    let size = ImageSize(channels: datum.channels, height: datum.height, width: datum.width)
    if let start = datum.data.baseAddress, !datum.data.isEmpty {
      return (size, .bytes(start.assumingMemoryBound(to: UInt8.self)))
    }
    if floats.count < datum.floatCount { floats.reshape([datum.floatCount]) }
    datum.copyFloats(into: floats.values)
    return (size, .floats(UnsafePointer(floats.values)))
  }
}
