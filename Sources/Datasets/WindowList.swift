public import Prototxt

/// A text file that names images and windows in them: R-CNN's format.
///
/// For each image: a line `#` and its number, its path, three lines with channels, rows and columns,
/// a line with the number of windows, and a line for each window: class, overlap with an object, and
/// the corners x1, y1, x2, y2, which belong to the window.
public final class WindowList: Sendable {
  /// A window of an image.
  public struct Window: Sendable, Equatable {
    /// The image's place in the list.
    public var image: Int
    /// The class; 0 for background.
    public var label: Int32
    /// How much of an object it covers, from 0 to 1.
    public var overlap: Float
    /// The corners.
    public var x1, y1, x2, y2: Int
    /// The number of the line that describes it.
    public var line: Int
  }

  /// The path of the list.
  public let path: String
  /// The images' paths.
  public let images: [String]
  /// All windows.
  public let windows: [Window]

  /// Reads a list.
  ///
  /// - Throws: the first thing that cannot be understood; what follows it cannot be trusted.
  public init(path: String) throws(Diagnostic) {
    self.path = path
    let file = try MappedData(
      path: path,
      missing: .error(
        "there is no such file", path: path, help: similarName(to: path), kind: .missingInput))
    var reader = WordReader(file.bytes, path)
    var images: [String] = []
    var windows: [Window] = []
    while let word = reader.next() {
      guard word == "#" else {
        throw reader.error("'\(word)' stands where '#' should begin an image")
      }
      let number = try reader.integer("the image's number")
      guard number == images.count else {
        throw reader.error("the image's number is \(number), but \(images.count) is expected")
      }
      guard let name = reader.next() else { throw reader.error("the list ends before a path") }
      images.append(name)
      for what in ["channels", "rows", "columns"] {
        _ = try reader.integer("the number of \(what)")
      }
      let count = try reader.integer("the number of windows")
      guard count >= 0 else { throw reader.error("there are \(count) windows") }
      for _ in 0..<count { windows.append(try reader.window(of: images.count - 1)) }
    }
    guard !windows.isEmpty else { throw .error("has no windows", path: path) }
    self.images = images
    self.windows = windows
  }

  /// The place of a window's line, for messages.
  func place(_ window: Window) -> String { "\(path):\(window.line)" }
}

/// Reads words between blanks, and knows their lines.
private struct WordReader {
  private let bytes: UnsafeRawBufferPointer
  private let path: String
  private var position = 0
  private var line = 1
  /// The line of the last word.
  private var wordLine = 1

  init(_ bytes: UnsafeRawBufferPointer, _ path: String) {
    self.bytes = bytes
    self.path = path
  }

  mutating func next() -> String? {
    while position < bytes.count, bytes[position] <= 0x20 {
      if bytes[position] == 0x0a { line += 1 }
      position += 1
    }
    guard position < bytes.count else { return nil }
    let start = position
    while position < bytes.count, bytes[position] > 0x20 { position += 1 }
    wordLine = line
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  func error(_ text: String) -> Diagnostic {
    .error(
      text, path: "\(path):\(wordLine)",
      help: "for each image: '# number', path, channels, rows, columns, the number of windows, "
        + "then lines of class, overlap, x1, y1, x2, y2")
  }

  mutating func integer(_ what: String) throws(Diagnostic) -> Int {
    guard let word = next() else { throw error("the list ends before \(what)") }
    guard let value = Int32(word) else { throw error("\(what) is '\(word)', no whole number") }
    return Int(value)
  }

  mutating func window(of image: Int) throws(Diagnostic) -> WindowList.Window {
    let label = Int32(try integer("a window's class"))
    let line = wordLine
    guard let word = next() else { throw error("the list ends before a window's overlap") }
    guard let overlap = Float(word), overlap.isFinite else {
      throw error("a window's overlap is '\(word)', no number")
    }
    let corners = [
      try integer("x1"), try integer("y1"), try integer("x2"), try integer("y2"),
    ]
    guard corners[2] >= corners[0], corners[3] >= corners[1] else {
      throw error(
        "the window from \(corners[0]), \(corners[1]) to \(corners[2]), \(corners[3]) is empty")
    }
    return WindowList.Window(
      image: image, label: label, overlap: overlap, x1: corners[0], y1: corners[1],
      x2: corners[2], y2: corners[3], line: line)
  }
}
