internal import Glibc
internal import Prototxt

/// A file as memory: nothing is read before it is looked at, and nothing is copied.
final class MappedFile: Sendable {
  /// The path as the user gave it.
  let path: String
  /// The file's bytes, as long as this object lives.
  nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

  /// Maps a file.
  init(path: String) throws(Diagnostic) {
    self.path = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .cannotOpen(path, errno) }
    defer { close(descriptor) }
    var info = stat()
    guard fstat(descriptor, &info) == 0 else { throw .cannotOpen(path, errno) }
    guard info.st_mode & S_IFMT != S_IFDIR else {
      throw .error("is a folder, not a file", path: path)
    }
    guard info.st_mode & S_IFMT == S_IFREG else {
      throw .error("is not a plain file", path: path)
    }
    guard info.st_size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let start = mmap(nil, Int(info.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0),
      start != MAP_FAILED
    else { throw .cannotOpen(path, errno) }
    bytes = UnsafeRawBufferPointer(start: start, count: Int(info.st_size))
  }

  deinit {
    if let start = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
    }
  }
}

extension Diagnostic {
  /// A file that cannot be opened for reading, and what the system says about it.
  static func cannotOpen(_ path: String, _ code: Int32) -> Diagnostic {
    guard code == ENOENT || code == ENOTDIR else {
      return .error("cannot be read: \(systemMessage(code))", path: path, kind: .inputOutput)
    }
    return .error("there is no such file", path: path, kind: .missingInput)
  }

  /// A file that cannot be written.
  static func cannotWrite(_ path: String, _ code: Int32) -> Diagnostic {
    .error(
      "cannot be written: \(systemMessage(code))", path: path,
      help: code == ENOSPC ? "make room on the disk" : nil, kind: .inputOutput)
  }

  private static func systemMessage(_ code: Int32) -> String {
    var text = [CChar](repeating: 0, count: 256)
    guard strerror_r(code, &text, text.count) == 0 else { return "error \(code)" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
