internal import CImages

/// A format of image files that can be written.
public enum ImageFormat: String, Sendable, CaseIterable {
  /// Lossless.
  case png
  /// With losses; written at a quality of 95, as OpenCV does.
  case jpeg

  /// The format of a file's ending or an option's value, `jpg` as well as `jpeg`; `nil` for others.
  public init?(ending: some StringProtocol) {
    switch ending.lowercased() {
    case "png": self = .png
    case "jpg", "jpeg": self = .jpeg
    default: return nil
    }
  }

  /// The format of a file by its name.
  init?(path: String) {
    guard let dot = path.lastIndex(of: ".") else { return nil }
    self.init(ending: path[path.index(after: dot)...])
  }
}

/// Encodes planes of bytes as PNG or JPEG.
///
/// One thread at a time may use an encoder.
final class ImageEncoder {
  private var file = ni_file()

  deinit { ni_file_release(&file) }

  /// Encodes an image of one channel or of blue, green and red.
  ///
  /// - Throws: a `DatumFault` if it has another number of channels, or cannot be encoded.
  /// - Returns: The file's bytes.
  func encode(
    _ pixels: UnsafePointer<UInt8>, _ size: ImageSize, _ format: ImageFormat
  ) throws(DatumFault) -> [UInt8] {
    guard size.channels == 1 || size.channels == 3 else {
      throw DatumFault("it has \(size.channels) channels, but images have 1 or 3")
    }
    let result =
      switch format {
      case .png: ni_encode_png(&file, pixels, size.channels, size.height, size.width)
      case .jpeg: ni_encode_jpeg(&file, pixels, size.channels, size.height, size.width, 95)
      }
    if result == 0 { return Array(UnsafeRawBufferPointer(start: file.bytes, count: file.count)) }
    let text = withUnsafeBytes(of: file.error) { error in
      String(decoding: error.prefix { $0 != 0 }, as: UTF8.self)
    }
    throw DatumFault("it cannot be encoded: \(text)")
  }
}
