import Glibc
import Prototxt

/// Reads files, or the standard input, as a whole.
enum WholeFile {
  /// All bytes of a file; `-` is the standard input.
  static func bytes(_ path: String) throws(Diagnostic) -> [UInt8] {
    let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code = errno
      throw .error(
        code == ENOENT ? "there is no such file" : "cannot be read: \(reason(code))", path: path,
        kind: code == ENOENT ? .missingInput : .inputOutput)
    }
    defer { if path != "-" { close(descriptor) } }
    var result: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw .error("cannot be read: \(reason(errno))", path: path, kind: .inputOutput)
      }
      if count == 0 { return result }
      result += piece[..<count]
    }
  }

  /// The lines of a text, without blanks around them, with their numbers; blank ones are left out, and
  /// those that begin with `#` if they are comments.
  static func lines(_ path: String, comments: Bool = false) throws(Diagnostic) -> [(
    number: Int, text: String
  )] {
    let lines = try bytes(path).split(separator: 0x0a, omittingEmptySubsequences: false)
    return lines.enumerated().compactMap { index, line in
      let isBlank: (UInt8) -> Bool = { [0x20, 0x09, 0x0d].contains($0) }
      var rest = line.drop(while: isBlank)
      while let last = rest.last, isBlank(last) { rest.removeLast() }
      guard let first = rest.first, !comments || first != UInt8(ascii: "#") else { return nil }
      return (index + 1, String(decoding: rest, as: UTF8.self))
    }
  }

  private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
