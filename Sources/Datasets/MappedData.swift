internal import Glibc
internal import Prototxt

/// A file as memory, as long as this object lives.
final class MappedData: Sendable {
  nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

  /// Maps a file.
  ///
  /// - Throws: `missing` if it is not there.
  init(path: String, missing: @autoclosure () -> Diagnostic) throws(Diagnostic) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code = errno
      if code == ENOENT || code == ENOTDIR { throw missing() }
      throw .error("cannot be read: \(systemText(code))", path: path, kind: .inputOutput)
    }
    defer { close(descriptor) }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
      throw .error("is not a plain file", path: path)
    }
    guard info.st_size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let start = mmap(nil, Int(info.st_size), PROT_READ, MAP_SHARED, descriptor, 0),
      start != MAP_FAILED
    else { throw .error("cannot be read: \(systemText(errno))", path: path, kind: .inputOutput) }
    bytes = UnsafeRawBufferPointer(start: start, count: Int(info.st_size))
  }

  deinit {
    if let start = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
    }
  }
}
