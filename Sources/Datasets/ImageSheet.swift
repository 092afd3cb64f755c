public import Prototxt
internal import Schema

/// A PNG file that shows the images of a batch side by side.
public struct ImageSheet: Sendable {
  /// The size of each image.
  public let size: ImageSize
  /// Images in a row.
  public let columns: Int

  /// Pixels between images.
  private static let gap = 2

  /// Describes a sheet.
  public init(_ size: ImageSize, columns: Int) {
    (self.size, self.columns) = (size, columns)
  }

  /// Writes `count` images of floats.
  ///
  /// All are brought from their least and largest value to 0 to 255. Images of other than three channels
  /// are shown in grey, channel below channel.
  ///
  /// - Throws: a diagnostic if the file cannot be written.
  public func write(
    _ values: UnsafePointer<Float>, count: Int, to path: String
  ) throws(Diagnostic) {
    let isColor = size.channels == 3
    let height = isColor ? size.height : size.height * size.channels
    let channels = isColor ? 3 : 1
    let across = max(1, min(columns, count))
    let rows = (count + across - 1) / across
    let sheet = ImageSize(
      channels: channels, height: rows * (height + Self.gap) - Self.gap,
      width: across * (size.width + Self.gap) - Self.gap)
    var pixels = [UInt8](repeating: 255, count: sheet.count)
    let all = UnsafeBufferPointer(start: values, count: count * size.count)
    let least = all.min() ?? 0
    let scale = 255 / max((all.max() ?? 0) - least, .leastNormalMagnitude)
    for number in 0..<count {
      let top = number / across * (height + Self.gap)
      let left = number % across * (size.width + Self.gap)
      for channel in 0..<channels {
        for row in 0..<height {
          let from = values + number * size.count + (channel * height + row) * size.width
          let to = (channel * sheet.height + top + row) * sheet.width + left
          for column in 0..<size.width {
            let value = (from[column] - least) * scale
            pixels[to + column] = value.isFinite ? UInt8(max(0, min(255, value.rounded()))) : 0
          }
        }
      }
    }
    let file: [UInt8]
    do throws(DatumFault) { file = try ImageEncoder().encode(pixels, sheet, .png) } catch {
      throw .error("the preview: \(error.message)")
    }
    try AtomicFile.write(file, to: path)
  }
}
