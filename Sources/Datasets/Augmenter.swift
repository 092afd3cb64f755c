internal import CKernels
internal import Compute
internal import Glibc

/// Changes images at random, as an `Augmentation` says.
///
/// Draws for each image, and only what is asked for: the angle, the zoom, brightness, contrast and
/// saturation; after the crop whether to erase, the area, its proportions, row and column.
final class Augmenter {
  private let settings: Augmentation
  private let image = Blob("image")
  private let moved = Blob("changed image")

  init(_ settings: Augmentation) { self.settings = settings }

  /// The changed image; valid until the next one.
  func change(
    _ pixels: UnsafePointer<UInt8>, _ size: ImageSize, _ random: inout RandomStream
  ) -> UnsafePointer<Float> {
    image.reshape([size.count])
    nk_floats_of_bytes(image.values, pixels, size.count)
    return change(image.values, size, &random, limits: 0...255)
  }

  /// The changed image of numbers, whose range is not known.
  func change(
    _ values: UnsafePointer<Float>, _ size: ImageSize, _ random: inout RandomStream
  ) -> UnsafePointer<Float> {
    change(values, size, &random, limits: -.infinity ... .infinity)
  }

  private func change(
    _ values: UnsafePointer<Float>, _ size: ImageSize, _ random: inout RandomStream,
    limits: ClosedRange<Float>
  ) -> UnsafePointer<Float> {
    moved.reshape([size.count])
    let degrees = settings.rotation > 0 ? random.within(settings.rotation) : 0
    let zoom = settings.zoom
    let factor =
      zoom.lowerBound < zoom.upperBound
      ? zoom.lowerBound + Float(random.unit()) * (zoom.upperBound - zoom.lowerBound)
      : zoom.lowerBound
    if degrees != 0 || factor != 1 {
      var map = Augmenter.map(degrees: degrees, zoom: factor, size)
      nk_affine(moved.values, values, size.channels, size.height, size.width, &map)
    } else {
      nk_copy(moved.values, values, size.count)
    }
    var color = nk_color()
    color.shift = settings.brightness > 0 ? 255 * random.within(settings.brightness) : 0
    color.contrast = 1 + (settings.contrast > 0 ? random.within(settings.contrast) : 0)
    color.saturation = 1 + (settings.saturation > 0 ? random.within(settings.saturation) : 0)
    color.least = limits.lowerBound
    color.most = limits.upperBound
    nk_change_colors(moved.values, size.channels, size.height * size.width, &color)
    return moved.reading
  }

  /// Where a pixel of the result comes from: turned back and made smaller, about the middle.
  static func map(degrees: Float, zoom: Float, _ size: ImageSize) -> nk_affine_map {
    let angle = degrees * .pi / 180
    let (cosine, sine) = (cosf(angle) / zoom, sinf(angle) / zoom)
    let row = Float(size.height - 1) / 2
    let column = Float(size.width - 1) / 2
    return nk_affine_map(
      row_by_row: cosine, row_by_column: sine, row: row - cosine * row - sine * column,
      column_by_row: -sine, column_by_column: cosine,
      column: column + sine * row - cosine * column)
  }

  /// Sets a rectangle of a result to zero, as often as is asked for.
  func erase(
    _ result: UnsafeMutablePointer<Float>, _ size: ImageSize, _ random: inout RandomStream
  ) {
    guard settings.erase > 0, Float(random.unit()) < settings.erase else { return }
    // From a fiftieth of the image on, and from three times as wide as high to the opposite.
    let part = 0.02 + Float(random.unit()) * (settings.maxEraseArea - 0.02)
    let area = part * Float(size.height * size.width)
    let proportions = expf(random.within(logf(3)))
    let height = min(size.height, max(1, Int((area * proportions).squareRoot())))
    let width = min(size.width, max(1, Int((area / proportions).squareRoot())))
    let row = random.below(size.height - height + 1)
    let column = random.below(size.width - width + 1)
    for channel in 0..<size.channels {
      for line in row..<row + height {
        let start = result + (channel * size.height + line) * size.width + column
        start.update(repeating: 0, count: width)
      }
    }
  }
}

extension RandomStream {
  /// A number from −limit to limit.
  fileprivate mutating func within(_ limit: Float) -> Float {
    (2 * Float(unit()) - 1) * limit
  }
}
