import Glibc
import Prototxt
import Schema

/// A text file that grows by a line at a time, each on the disk's way before the work goes on.
final class AppendedFile {
  private let path: String
  private var descriptor: Int32 = -1
  /// The last line that was there when the file was opened.
  private(set) var lastLine: String?

  init(_ path: String) {
    self.path = path
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Opens the file.
  ///
  /// - Parameters:
  ///   - iteration: Lines of earlier iterations are kept; `nil` keeps none.
  ///   - header: The first line, if there is to be one; a file with another one starts anew, and the
  ///     old file gets `.old` behind its name.
  ///   - iterationOf: Tells a line's iteration, `nil` if the line is damaged.
  /// - Throws: what the system says if the file cannot be made.
  func open(
    keeping iteration: Int?, header: String? = nil, _ iterationOf: (Substring) -> Double?
  ) throws(Diagnostic) {
    var kept = header.map { [Substring($0)] } ?? []
    if let iteration, let text = AppendedFile.text(path) {
      var old = text.split(separator: "\n")
      if let header {
        if old.first.map(String.init) == header {
          old.removeFirst()
        } else if !old.isEmpty {
          rename(path, path + ".old")
          old = []
        }
      }
      kept += old.filter { iterationOf($0).map { $0 < Double(iteration) } ?? false }
    }
    let text = kept.map { $0 + "\n" }.joined()
    if iteration != nil {
      lastLine = kept.last.map(String.init)
      try AtomicFile.write(text, to: path)
    }
    let mode = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (iteration == nil ? O_TRUNC : 0)
    descriptor = Glibc.open(path, mode, 0o666)
    guard descriptor >= 0 else { throw failure(errno) }
    if iteration == nil { try append(bytes: Array(text.utf8)) }
  }

  /// Adds a line.
  func append(_ line: String) throws(Diagnostic) {
    try append(bytes: Array((line + "\n").utf8))
  }

  private func append(bytes: [UInt8]) throws(Diagnostic) {
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if count >= 0 {
        written += count
      } else if errno != EINTR {
        throw failure(errno)
      }
    }
  }

  private func failure(_ code: Int32) -> Diagnostic {
    .error("cannot be written: \(String(cString: strerror(code)))", path: path, kind: .inputOutput)
  }

  private static func text(_ path: String) -> String? {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
