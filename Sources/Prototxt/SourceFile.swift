/// A text that was read, with its name, so that messages can point into it.
public final class SourceFile: Sendable {
  /// The name as the user gave it: it stands in front of every message.
  public let name: String
  /// The text as it was read.
  public let bytes: [UInt8]
  /// The offset of the first byte of each line.
  private let lineStarts: [Int]

  /// Keeps a text and finds its lines.
  public init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
    var starts = [0]
    for (offset, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
      starts.append(offset + 1)
    }
    lineStarts = starts
  }

  /// The line and the column of a byte, both from 1.
  ///
  /// Columns count characters, tabs as one.
  public func location(of offset: Int) -> (line: Int, column: Int) {
    let offset = min(max(offset, 0), bytes.count)
    let line = lineNumber(of: offset)
    let before = String(decoding: bytes[lineStarts[line - 1]..<offset], as: UTF8.self)
    return (line, before.count + 1)
  }

  /// The text of a line, numbered from 1, without its end; empty for a line that there is not.
  public func line(_ number: Int) -> String {
    String(decoding: bytes[byteRange(ofLine: number)], as: UTF8.self)
  }

  /// Where the bytes of a line are, without its end.
  func byteRange(ofLine number: Int) -> Range<Int> {
    guard number >= 1, number <= lineStarts.count else { return 0..<0 }
    let start = lineStarts[number - 1]
    var end = number < lineStarts.count ? lineStarts[number] - 1 : bytes.count
    if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    return start..<end
  }

  /// The last line that starts at or before an offset.
  func lineNumber(of offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low + 1
  }
}

/// A stretch of a text: the bytes `start..<end` of a file.
public struct SourceRange: Sendable, Equatable {
  /// The file it is in.
  public let file: SourceFile
  /// The offset of the first byte.
  public let start: Int
  /// The offset behind the last byte.
  public let end: Int

  /// Marks the bytes `start..<end` of a file.
  public init(file: SourceFile, start: Int, end: Int) {
    self.file = file
    self.start = start
    self.end = max(start, end)
  }

  /// The line of its first character, from 1.
  public var line: Int { file.lineNumber(of: min(max(start, 0), file.bytes.count)) }
  /// The column of its first character, from 1.
  public var column: Int { file.location(of: start).column }

  /// Both are the same bytes of the same file object.
  public static func == (a: SourceRange, b: SourceRange) -> Bool {
    a.file === b.file && a.start == b.start && a.end == b.end
  }
}

extension SourceRange: CustomStringConvertible {
  /// `file:line:column`, as compilers write it.
  public var description: String {
    let (line, column) = file.location(of: start)
    return "\(file.name):\(line):\(column)"
  }
}
