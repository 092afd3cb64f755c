import Foundation

@testable import Datasets

/// Makes files of small pictures, the same each time.
enum Pictures {
  /// A smooth picture that differs from index to index: planes of bytes.
  static func pixels(_ index: Int, _ size: ImageSize) -> [UInt8] {
    (0..<size.channels).flatMap { channel in
      (0..<size.height).flatMap { row in
        (0..<size.width).map { column in
          UInt8(truncatingIfNeeded: 7 * index + 40 * channel + 3 * row + 5 * column)
        }
      }
    }
  }

  static func file(_ index: Int, _ size: ImageSize, _ format: ImageFormat) throws -> [UInt8] {
    try ImageEncoder().encode(pixels(index, size), size, format)
  }

  static func write(_ bytes: some Sequence<UInt8>, _ path: String) throws {
    let url = URL(filePath: path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Foundation.Data(bytes).write(to: url)
  }

  static func write(_ text: String, _ path: String) throws { try write(text.utf8, path) }

  /// Makes a folder for each class with PNG and JPEG files by turns.
  static func makeClasses(
    _ folder: String, _ classes: [String: Int], _ size: ImageSize
  ) throws {
    for (place, name) in classes.keys.sorted().enumerated() {
      for index in 0..<(classes[name] ?? 0) {
        let format: ImageFormat = index % 2 == 0 ? .png : .jpeg
        let ending = index % 4 == 3 ? "JPEG" : format == .png ? "png" : "jpg"
        let path = "\(folder)/\(name)/" + String(format: "%03d.%@", index, ending)
        try write(file(100 * place + index, size, format), path)
      }
    }
  }

  /// Makes gray PNG files `0.png`, `1.png` … and a list of them, labels being the indices.
  static func makeList(
    _ folder: String, _ count: Int, size: ImageSize = ImageSize(channels: 1, height: 4, width: 5)
  ) throws -> String {
    for index in 0..<count { try write(file(index, size, .png), "\(folder)/\(index).png") }
    try write((0..<count).map { "\($0).png \($0)\n" }.joined(), "\(folder)/list.txt")
    return "\(folder)/list.txt"
  }
}
