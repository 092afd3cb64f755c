public import Prototxt

/// A text file that names an image and its label on each line.
///
/// As in Caffe, the name ends at the last space, so that it may hold spaces itself. Other than
/// there, a label that is no number is told, and blank lines and blanks at the ends of lines do not
/// count.
public final class ImageList: Sendable {
  /// The path of the list.
  public let path: String
  private let file: MappedData
  private let entries: [Entry]

  private struct Entry {
    var start: Int
    var length: Int32
    var label: Int32
    var line: Int32
  }

  /// Reads a list.
  ///
  /// - Throws: all lines that cannot be understood.
  public init(path: String) throws(Diagnostics) {
    self.path = path
    var entries: [Entry] = []
    var problems = Diagnostics()
    do throws(Diagnostic) {
      file = try MappedData(
        path: path,
        missing: .error(
          "there is no such file", path: path, help: similarName(to: path), kind: .missingInput))
    } catch { throw Diagnostics(error) }
    let bytes = file.bytes
    var start = 0
    var line: Int32 = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      line += 1
      do throws(DatumFault) {
        if let entry = try Self.entry(bytes, start..<end, line) { entries.append(entry) }
      } catch {
        problems.append(.error(error.message, path: "\(path):\(line)", help: error.help))
      }
      if problems.all.count >= 20 { break }
      start = end + 1
    }
    try problems.throwIfErrors()
    guard !entries.isEmpty else {
      throw Diagnostics(
        .error("names no images", path: path, help: "each line is an image's path and its label"))
    }
    self.entries = entries
  }

  /// What a line says; `nil` if it is blank.
  private static func entry(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ line: Int32
  ) throws(DatumFault) -> Entry? {
    func isBlank(_ index: Int) -> Bool { [0x20, 0x09, 0x0d].contains(bytes[index]) }
    var end = range.upperBound
    while end > range.lowerBound, isBlank(end - 1) { end -= 1 }
    guard end > range.lowerBound else { return nil }
    let text = bytes[range.lowerBound..<end]
    let help = "a line is an image's path, a space, and its label, a whole number"
    guard let space = text.lastIndex(of: 0x20), space > range.lowerBound else {
      let shown = quotedKey(Array(text))
      let why = text.contains(0x09) ? "is split by a tab, not by a space" : "has no label"
      throw DatumFault("\(shown) \(why)", help: help)
    }
    let digits = String(decoding: text[(space + 1)...], as: UTF8.self)
    guard let label = Int32(digits) else {
      throw DatumFault("the label '\(digits)' is not a whole number", help: help)
    }
    return Entry(
      start: range.lowerBound, length: Int32(space - range.lowerBound), label: label, line: line)
  }

  /// The number of images.
  public var count: Int { entries.count }

  /// An image's name as it is written.
  public func name(_ index: Int) -> String { String(decoding: nameBytes(index), as: UTF8.self) }

  /// An image's name as it is written.
  func nameBytes(_ index: Int) -> UnsafeRawBufferPointer {
    let entry = entries[index]
    return UnsafeRawBufferPointer(
      rebasing: file.bytes[entry.start..<entry.start + Int(entry.length)])
  }

  /// An image's label.
  public func label(_ index: Int) -> Int32 { entries[index].label }

  /// The place of a line, for messages: the list's path and the number of the line.
  public func place(_ index: Int) -> String { "\(path):\(entries[index].line)" }
}
