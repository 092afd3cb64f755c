internal import CImages
public import Prototxt

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

/// Writes pictures that were computed.
public enum ImagePlanes {
  /// A PNG file of planes of bytes: one, or blue, green and red, each `height` rows of `width`.
  ///
  /// - Throws: why there can be no such picture.
  /// - Returns: The file's bytes.
  public static func png(
    _ planes: [UInt8], channels: Int, height: Int, width: Int
  ) throws(Diagnostic) -> [UInt8] {
    guard channels > 0, height > 0, width > 0, planes.count == channels * height * width else {
      throw .error("\(planes.count) bytes are no picture of \(channels) × \(height) × \(width)")
    }
    let size = ImageSize(channels: channels, height: height, width: width)
    let encoded = planes.withUnsafeBufferPointer { bytes in
      Result { () throws(DatumFault) in
        guard let start = bytes.baseAddress else { throw DatumFault("it holds no image") }
        return try ImageEncoder().encode(start, size, .png)
      }
    }
    do throws(DatumFault) { return try encoded.get() } catch {
      throw .error("a picture cannot be written: \(error.message)")
    }
  }
}
