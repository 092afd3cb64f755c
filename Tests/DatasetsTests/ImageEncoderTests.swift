import Testing

@testable import Datasets

@Suite("Encoding of images")
struct ImageEncoderTests {
  @Test("A PNG decodes to the same bytes, a JPEG to nearly the same", arguments: [1, 3])
  func roundTrip(_ channels: Int) throws {
    let encoder = ImageEncoder()
    let decoder = ImageDecoder()
    for (height, width) in [(1, 1), (3, 200), (57, 31), (128, 128)] {
      let size = ImageSize(channels: channels, height: height, width: width)
      // Slow waves: JPEG keeps them well.
      let pixels = (0..<channels).flatMap { channel in
        (0..<height).flatMap { row in
          (0..<width).map { UInt8(40 * channel + (row + $0) * 127 / (height + width)) }
        }
      }
      for format in ImageFormat.allCases {
        let file = try encoder.encode(pixels, size, format)
        let kind = file.withUnsafeBytes { ImageKind($0) }
        #expect(kind == (format == .png ? .png : .jpeg))
        let start = try file.withUnsafeBytes { try decoder.decode($0, .unchanged) }
        #expect([decoder.channels, decoder.height, decoder.width] == [channels, height, width])
        let got = withExtendedLifetime(decoder) {
          Array(UnsafeBufferPointer(start: start, count: pixels.count))
        }
        let difference = zip(got, pixels).map { abs(Int($0) - Int($1)) }.max() ?? 256
        #expect(difference <= (format == .png ? 0 : 6), "\(format) \(size): \(difference)")
      }
    }
  }

  @Test("Other numbers of channels, and sizes beyond a JPEG, are refused")
  func refusals() throws {
    let encoder = ImageEncoder()
    let pixels = [UInt8](repeating: 0, count: 70_000)
    #expect(throws: DatumFault.self) {
      try encoder.encode(pixels, ImageSize(channels: 2, height: 3, width: 3), .png)
    }
    let wide = ImageSize(channels: 1, height: 1, width: 70_000)
    #expect(throws: DatumFault.self) { try encoder.encode(pixels, wide, .jpeg) }
    #expect(try encoder.encode(pixels, wide, .png).count > 60)
  }

  @Test("A format is known by its ending")
  func endings() {
    #expect(ImageFormat(path: "a.b/c.PNG") == .png && ImageFormat(path: "x.jpeg") == .jpeg)
    #expect(ImageFormat(path: "x.Jpg") == .jpeg && ImageFormat(path: "png") == nil)
    #expect(ImageFormat(path: "x.gif") == nil && ImageFormat(path: "a.png/b") == nil)
  }
}
