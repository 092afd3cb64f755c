import CKernels
import Testing

@testable import Datasets

@Suite("Resizing")
struct ResizeTests {
  /// The formula of OpenCV's bilinear resizing, written again in the simplest way.
  static func naive(
    _ source: [UInt8], height: Int, width: Int, to target: (height: Int, width: Int)
  ) -> [UInt8] {
    func place(_ index: Int, _ size: Int, _ all: Int) -> (Int, Float) {
      let scale = 1 / (Double(size) / Double(all))
      let at = Float((Double(index) + 0.5) * scale - 0.5)
      return (Int(at.rounded(.down)), at - at.rounded(.down))
    }
    func weights(_ part: Float) -> (Int, Int) {
      (
        Int(((1 - part) * 2048).rounded(.toNearestOrEven)),
        Int((part * 2048).rounded(.toNearestOrEven))
      )
    }
    var result: [UInt8] = []
    for y in 0..<target.height {
      let (row, rowPart) = place(y, target.height, height)
      let (b0, b1) = weights(rowPart)
      for x in 0..<target.width {
        var (column, columnPart) = place(x, target.width, width)
        if column < 0 { (column, columnPart) = (0, 0) }
        if column >= width - 1 { (column, columnPart) = (width - 1, 0) }
        let (a0, a1) = weights(columnPart)
        func sum(_ row: Int) -> Int {
          let start = min(max(row, 0), height - 1) * width
          return a0 * Int(source[start + column])
            + a1 * Int(source[start + min(column + 1, width - 1)])
        }
        let value = (b0 * (sum(row) >> 4)) >> 16 + (b1 * (sum(row + 1) >> 4)) >> 16 + 2
        result.append(UInt8(value >> 2))
      }
    }
    return result
  }

  @Test("The fast kernel, the plain one and the formula give the same bytes")
  func equality() {
    var random = TestRandom(3)
    let sizes = [1, 2, 3, 5, 8, 13, 16, 17, 31, 32, 33, 64]
    for _ in 0..<300 {
      let pick = { (random: inout TestRandom) in sizes.randomElement(using: &random) ?? 1 }
      var resize = nk_resize()
      resize.channels = Int.random(in: 1...3, using: &random)
      (resize.source_height, resize.source_width) = (pick(&random), pick(&random))
      (resize.height, resize.width) = (pick(&random), pick(&random))
      resize.source_row = resize.source_width + Int.random(in: 0...2, using: &random)
      resize.source_plane = resize.source_row * resize.source_height + 1
      let source = (0..<resize.channels * resize.source_plane).map { _ in
        UInt8.random(in: .min ... .max, using: &random)
      }
      let area = resize.height * resize.width
      var fast = [UInt8](repeating: 0, count: resize.channels * area)
      var plain = fast
      var scratch = [Int32](repeating: 0, count: nk_resize_scratch(&resize))
      nk_resize_bytes(&fast, source, &resize, &scratch)
      nk_resize_bytes_reference(&plain, source, &resize)
      #expect(fast == plain)
      for channel in 0..<resize.channels {
        let rows = (0..<resize.source_height).flatMap { row in
          let start = channel * resize.source_plane + row * resize.source_row
          return source[start..<start + resize.source_width]
        }
        let wanted = Self.naive(
          rows, height: resize.source_height, width: resize.source_width,
          to: (resize.height, resize.width))
        #expect(Array(fast[channel * area..<(channel + 1) * area]) == wanted)
      }
    }
  }

  @Test("One colour stays one colour, and a size that is there changes nothing")
  func constants() {
    let resizer = ImageResizer()
    withExtendedLifetime(resizer) {
      let size = ImageSize(channels: 3, height: 7, width: 5)
      for value in [UInt8(0), 1, 127, 255] {
        let source = [UInt8](repeating: value, count: 105)
        let (pixels, result) = resizer.resize(source, size, height: 13, width: 3)
        #expect(result == ImageSize(channels: 3, height: 13, width: 3))
        #expect(UnsafeBufferPointer(start: pixels, count: 117).allSatisfy { $0 == value })
      }
      let source = (0..<105).map { UInt8($0 * 2) }
      let (pixels, _) = resizer.resize(source, size, height: 7, width: 5)
      #expect(Array(UnsafeBufferPointer(start: pixels, count: 105)) == source)
    }
  }
}
