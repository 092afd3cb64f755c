/// Where a window is cut out of its image, and where it goes in the crop that a net takes.
struct WindowPlacement: Equatable {
  /// The rows that are cut out.
  var rows: Range<Int>
  /// The columns that are cut out.
  var columns: Range<Int>
  /// The size to which they are brought.
  var height: Int
  var width: Int
  /// The row of the crop at which they begin; what lies around them stays 0.
  var top = 0
  /// The column at which they begin.
  var left = 0

  /// Places a window as R-CNN does.
  ///
  /// - Parameters:
  ///   - window: The window.
  ///   - image: The size of its image.
  ///   - crop: The side of the crop.
  ///   - padding: Pixels of surroundings on each side of the crop.
  ///   - isSquare: Whether the window is made a square first, so that it keeps its proportions.
  ///   - isMirrored: Whether the crop will be mirrored, the surroundings that are missing with it.
  /// - Throws: a `DatumFault` if the window does not lie in the image.
  init(
    _ window: WindowList.Window, in image: ImageSize, crop: Int, padding: Int, isSquare: Bool,
    isMirrored: Bool
  ) throws(DatumFault) {
    guard window.x1 >= 0, window.y1 >= 0, window.x2 < image.width, window.y2 < image.height else {
      throw DatumFault(
        "the window from \(window.x1), \(window.y1) to \(window.x2), \(window.y2) does not lie in "
          + "its image of \(image.width) columns and \(image.height) rows",
        help: "columns and rows count from 0")
    }
    (height, width) = (crop, crop)
    rows = window.y1..<window.y2 + 1
    columns = window.x1..<window.x2 + 1
    guard padding > 0 || isSquare else { return }
    let scale = Float(crop) / Float(crop - 2 * padding)
    var halfHeight = Float(rows.count) / 2
    var halfWidth = Float(columns.count) / 2
    let centerX = Float(window.x1) + halfWidth
    let centerY = Float(window.y1) + halfHeight
    if isSquare {
      halfHeight = max(halfHeight, halfWidth)
      halfWidth = halfHeight
    }
    let vertical = Extent(
      center: centerY, half: halfHeight * scale, count: image.height, crop: crop)
    let horizontal = Extent(
      center: centerX, half: halfWidth * scale, count: image.width, crop: crop)
    (rows, top) = (vertical.range, vertical.before)
    columns = horizontal.range
    left = isMirrored ? horizontal.after : horizontal.before
    // Rounding may take one pixel too many.
    height = max(1, min(vertical.length, crop - top))
    width = max(1, min(horizontal.length, crop - left))
    top = min(top, crop - 1)
    left = min(left, crop - 1)
  }

  /// One direction of a window with its surroundings.
  private struct Extent {
    /// The part within the image.
    let range: Range<Int>
    /// How many pixels of the crop it fills.
    let length: Int
    /// How many pixels of the crop are missing before it.
    let before: Int
    /// How many are missing behind it.
    let after: Int

    init(center: Float, half: Float, count: Int, crop: Int) {
      let first = Int((center - half).rounded(.toNearestOrAwayFromZero))
      let last = Int((center + half).rounded(.toNearestOrAwayFromZero))
      let missingBefore = max(0, -first)
      let missingAfter = max(0, last - count + 1)
      range = first + missingBefore..<last - missingAfter + 1
      let scale = Float(crop) / Float(last - first + 1)
      func scaled(_ length: Int) -> Int {
        Int((Float(length) * scale).rounded(.toNearestOrAwayFromZero))
      }
      length = scaled(range.count)
      before = scaled(missingBefore)
      after = scaled(missingAfter)
    }
  }
}
