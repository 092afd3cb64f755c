internal import CImages

/// What sort of image file some bytes are, judged by their beginning.
enum ImageKind: String, CustomStringConvertible {
  case png = "PNG"
  case jpeg = "JPEG"
  case unknown

  var description: String { rawValue }

  init(_ bytes: UnsafeRawBufferPointer) {
    if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
      self = .png
    } else if bytes.starts(with: [0xff, 0xd8, 0xff]) {
      self = .jpeg
    } else {
      self = .unknown
    }
  }
}

/// How many channels a decoded image gets.
public enum ImageColor: Sendable {
  /// As many as the file has: one or three. Alpha is left out.
  case unchanged
  /// One.
  case gray
  /// Three.
  case color
}

/// Decodes PNG and JPEG images to planes of bytes: blue, green and red, or gray.
///
/// The memory is reused from image to image. One thread at a time may use a decoder.
public final class ImageDecoder {
  private var image = ni_image()

  /// Makes a decoder.
  public init() {}

  deinit { ni_image_release(&image) }

  /// The number of channels of the last image: 1 or 3.
  public var channels: Int { image.channels }
  /// The number of rows of the last image.
  public var height: Int { image.height }
  /// The number of columns of the last image.
  public var width: Int { image.width }

  /// Whether the last image's file has one channel, whatever was asked for.
  var isFileGray: Bool { image.is_file_gray != 0 }

  /// Decodes an image.
  ///
  /// - Throws: a `DatumFault` if it is neither PNG nor JPEG, or is damaged.
  /// - Returns: The planes, valid until the next image.
  public func decode(
    _ bytes: UnsafeRawBufferPointer, _ color: ImageColor
  ) throws(DatumFault) -> UnsafePointer<UInt8> {
    let wanted: ni_color =
      switch color {
      case .unchanged: ni_color_unchanged
      case .gray: ni_color_gray
      case .color: ni_color_color
      }
    let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    let kind = ImageKind(bytes)
    var result: Int32 = -1
    if let start {
      switch kind {
      case .png: result = ni_decode_png(&image, start, bytes.count, wanted)
      case .jpeg: result = ni_decode_jpeg(&image, start, bytes.count, wanted)
      case .unknown: break
      }
    }
    if result == 0, let pixels = image.pixels { return UnsafePointer(pixels) }
    throw fault(kind, bytes)
  }

  private func fault(_ kind: ImageKind, _ bytes: UnsafeRawBufferPointer) -> DatumFault {
    guard kind == .unknown else {
      let text = withUnsafeBytes(of: image.error) { error in
        String(decoding: error.prefix { $0 != 0 }, as: UTF8.self)
      }
      return DatumFault("its \(kind) image cannot be decoded: \(text)")
    }
    if bytes.isEmpty { return DatumFault("its image is empty") }
    let start = bytes.prefix(4).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0\(digits)" : digits
    }
    return DatumFault(
      "its image is neither PNG nor JPEG: it begins with the bytes \(start.joined(separator: " "))")
  }
}
