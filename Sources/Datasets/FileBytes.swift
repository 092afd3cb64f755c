internal import Glibc
internal import Prototxt

/// Reads whole files into memory that is used again for the next one.
final class FileBytes {
  private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  /// Larger files are no images, and are not read.
  private static let limit = 1 << 30

  deinit { memory.deallocate() }

  /// Reads a file.
  ///
  /// - Throws: a `DatumFault` if it cannot be read.
  /// - Returns: Its bytes, valid until the next file.
  func read(_ path: String) throws(DatumFault) -> UnsafeRawBufferPointer {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code = errno
      guard code == ENOENT || code == ENOTDIR else {
        throw DatumFault("it cannot be read: \(systemText(code))")
      }
      throw DatumFault("there is no such file", help: similarName(to: path))
    }
    defer { close(descriptor) }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
      throw DatumFault("it is not a plain file")
    }
    let size = Int(info.st_size)
    guard size <= Self.limit else {
      throw DatumFault("it has \(size) bytes, too many for an image")
    }
    if size > memory.count {
      memory.deallocate()
      memory = .allocate(byteCount: max(size, 1 << 16), alignment: 16)
    }
    var done = 0
    while done < size {
      let count = Glibc.read(descriptor, memory.baseAddress.map { $0 + done }, size - done)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw DatumFault("it cannot be read: \(systemText(errno))") }
      if count == 0 { break }
      done += count
    }
    return UnsafeRawBufferPointer(rebasing: memory[..<done])
  }
}
