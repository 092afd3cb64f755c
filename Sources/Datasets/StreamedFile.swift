internal import Glibc
internal import Prototxt

/// A file that is written bit by bit, and takes its name only when all of it is on the disk.
///
/// Unlike `AtomicFile` it can be open beside others, and its beginning can be written last.
final class StreamedFile {
  private let path: String
  private let temporary: String
  private var descriptor: Int32
  private var buffer: [UInt8] = []

  private static let bufferSize = 1 << 18

  /// Begins a file.
  ///
  /// - Throws: a diagnostic if the name is taken and may not be, or nothing can be written there.
  init(path: String, replacing: Bool) throws(Diagnostic) {
    var info = stat()
    if stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR || !replacing {
      throw .error(
        "is there already", path: path, help: "choose another name, or replace it with --force",
        kind: .inputOutput)
    }
    self.path = path
    temporary = "\(path).\(String(UInt32.random(in: 0 ... .max), radix: 36)).tmp"
    descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw Self.cannotWrite(path, errno) }
    buffer.reserveCapacity(Self.bufferSize)
  }

  deinit { abandon() }

  /// Adds bytes.
  func write(_ bytes: UnsafeRawBufferPointer) throws(Diagnostic) {
    buffer += bytes
    if buffer.count >= Self.bufferSize { try flush() }
  }

  /// Adds a text.
  func write(_ text: String) throws(Diagnostic) {
    buffer += text.utf8
    if buffer.count >= Self.bufferSize { try flush() }
  }

  /// Writes over the beginning.
  func overwrite(_ bytes: [UInt8]) throws(Diagnostic) {
    try flush()
    guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count else {
      throw Self.cannotWrite(path, errno)
    }
  }

  private func flush() throws(Diagnostic) {
    var done = 0
    while done < buffer.count {
      let count = buffer.withUnsafeBytes { bytes in
        Glibc.write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Self.cannotWrite(path, errno) }
      done += count
    }
    buffer.removeAll(keepingCapacity: true)
  }

  /// Puts the file on the disk and gives it its name.
  func finish() throws(Diagnostic) {
    try flush()
    guard fsync(descriptor) == 0, rename(temporary, path) == 0 else {
      throw Self.cannotWrite(path, errno)
    }
    close(descriptor)
    descriptor = -1
    let folder = open(splitPath(path).folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return }
    fsync(folder)
    close(folder)
  }

  private func abandon() {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporary)
  }

  private static func cannotWrite(_ path: String, _ code: Int32) -> Diagnostic {
    .error("cannot be written: \(systemText(code))", path: path, kind: .inputOutput)
  }
}
