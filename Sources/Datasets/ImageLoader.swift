internal import CKernels

/// Reads image files and, if told, gives them all one size.
///
/// One thread at a time may use a loader.
public final class ImageLoader {
  /// An image in memory.
  public struct Image {
    /// Its size.
    public let size: ImageSize
    /// Planes of bytes, valid until the next image.
    public let pixels: UnsafePointer<UInt8>
    /// The file's bytes, valid until the next image.
    let file: UnsafeRawBufferPointer
    /// Whether the file has one channel.
    let isFileGray: Bool
  }

  private let color: ImageColor
  private let height: Int
  private let width: Int
  private let decoder = ImageDecoder()
  private let file = FileBytes()
  private let resizer = ImageResizer()

  /// Makes a loader.
  ///
  /// - Parameters:
  ///   - color: How many channels images get.
  ///   - height: The rows of all images; 0 leaves every image as it is.
  ///   - width: The columns of all images; 0 leaves every image as it is.
  public init(_ color: ImageColor, height: Int = 0, width: Int = 0) {
    (self.color, self.height, self.width) = (color, height, width)
  }

  /// Loads a file.
  ///
  /// - Throws: a `DatumFault` if it cannot be read, or is no image.
  public func load(_ path: String) throws(DatumFault) -> Image {
    try load(bytes: file.read(path))
  }

  /// Loads an image file that is in memory.
  ///
  /// - Throws: a `DatumFault` if it is no image.
  public func load(bytes: UnsafeRawBufferPointer) throws(DatumFault) -> Image {
    let pixels = try decoder.decode(bytes, color)
    let size = ImageSize(channels: decoder.channels, height: decoder.height, width: decoder.width)
    return resized(
      Image(size: size, pixels: pixels, file: bytes, isFileGray: decoder.isFileGray))
  }

  /// Gives planes of bytes that are in memory the size that was asked for.
  public func load(pixels: UnsafePointer<UInt8>, _ size: ImageSize) -> Image {
    let none = UnsafeRawBufferPointer(start: nil, count: 0)
    return resized(
      Image(size: size, pixels: pixels, file: none, isFileGray: size.channels == 1))
  }

  private func resized(_ image: Image) -> Image {
    guard height > 0, width > 0, height != image.size.height || width != image.size.width else {
      return image
    }
    let (pixels, size) = resizer.resize(image.pixels, image.size, height: height, width: width)
    return Image(size: size, pixels: pixels, file: image.file, isFileGray: image.isFileGray)
  }
}

/// Makes images larger or smaller, bilinear as OpenCV; its memory is used again.
final class ImageResizer {
  private var scratch: [Int32] = []
  private var memory = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)

  deinit { memory.deallocate() }

  /// Resizes a whole image.
  func resize(
    _ source: UnsafePointer<UInt8>, _ size: ImageSize, height: Int, width: Int
  ) -> (UnsafePointer<UInt8>, ImageSize) {
    resize(source, size, rows: 0..<size.height, columns: 0..<size.width, height, width)
  }

  /// Resizes a rectangle of an image.
  ///
  /// - Returns: The planes, valid until the next call, and their size.
  func resize(
    _ source: UnsafePointer<UInt8>, _ size: ImageSize, rows: Range<Int>, columns: Range<Int>,
    _ height: Int, _ width: Int
  ) -> (UnsafePointer<UInt8>, ImageSize) {
    var kernel = nk_resize()
    kernel.channels = size.channels
    kernel.height = height
    kernel.width = width
    kernel.source_height = rows.count
    kernel.source_width = columns.count
    kernel.source_row = size.width
    kernel.source_plane = size.height * size.width
    let count = size.channels * height * width
    if memory.count < count {
      memory.deallocate()
      memory = .allocate(capacity: count)
    }
    let needed = nk_resize_scratch(&kernel)
    if scratch.count < needed { scratch = [Int32](repeating: 0, count: needed) }
    let start = source + rows.lowerBound * size.width + columns.lowerBound
    // Not empty: sizes are above 0.
    let target = memory.baseAddress ?? UnsafeMutablePointer(mutating: source)
    scratch.withUnsafeMutableBufferPointer { scratch in
      guard let scratch = scratch.baseAddress else { return }
      nk_resize_bytes(target, start, &kernel, scratch)
    }
    return (
      UnsafePointer(target), ImageSize(channels: size.channels, height: height, width: width)
    )
  }
}
