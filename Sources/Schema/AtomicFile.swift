internal import Glibc
public import Prototxt

/// Files that are there whole or not at all.
///
/// The bytes go to a temporary file in the same folder, which takes the wanted name only when all
/// of it is on the disk. Whoever reads the name, or finds it after a power cut, has either the old
/// file or the new one.
public enum AtomicFile {
  /// Writes a file with what a closure hands to its output.
  public static func write(
    to path: String, _ body: (inout Output) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    let target = try Target(path)
    var output = Output(path: path, descriptor: target.descriptor)
    do {
      try body(&output)
      try output.flush()
    } catch {
      target.abandon()
      throw error
    }
    try target.finish()
  }

  /// Writes a file with what a closure puts into the temporary file, whose path it is given.
  ///
  /// For libraries that write files by themselves. A device or pipe is refused.
  public static func write(
    to path: String, file body: (String) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    let target = try Target(path)
    do throws(Diagnostic) {
      guard let temporary = target.temporary else {
        throw Diagnostic.error(
          "is no plain file, as this format needs one", path: path, kind: .inputOutput)
      }
      try body(temporary)
    } catch {
      target.abandon()
      throw error
    }
    try target.finish()
  }

  /// Writes a file that is in memory.
  public static func write(_ bytes: [UInt8], to path: String) throws(Diagnostic) {
    try write(to: path) { output throws(Diagnostic) in try output.write(bytes) }
  }

  /// Writes a text.
  public static func write(_ text: String, to path: String) throws(Diagnostic) {
    try write(Array(text.utf8), to: path)
  }

  /// Takes the bytes of a file that is being written.
  public struct Output: ~Copyable {
    private let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private static let bufferSize = 1 << 16

    init(path: String, descriptor: Int32) {
      self.path = path
      self.descriptor = descriptor
      buffer.reserveCapacity(Self.bufferSize)
    }

    /// Writes bytes.
    public mutating func write(_ bytes: [UInt8]) throws(Diagnostic) {
      if buffer.count + bytes.count > Self.bufferSize { try flush() }
      buffer += bytes
      if buffer.count >= Self.bufferSize { try flush() }
    }

    /// Writes a text.
    public mutating func write(_ text: String) throws(Diagnostic) {
      try write(Array(text.utf8))
    }

    /// Writes memory, without a copy if it is large.
    public mutating func write(_ bytes: UnsafeRawBufferPointer) throws(Diagnostic) {
      guard bytes.count > Self.bufferSize / 4 else { return try write(Array(bytes)) }
      try flush()
      try put(bytes)
    }

    mutating func flush() throws(Diagnostic) {
      let pending = buffer
      buffer.removeAll(keepingCapacity: true)
      let result = pending.withUnsafeBytes { bytes in
        Result { () throws(Diagnostic) in try put(bytes) }
      }
      try result.get()
    }

    private func put(_ bytes: UnsafeRawBufferPointer) throws(Diagnostic) {
      var rest = bytes
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
        if count < 0 {
          if errno == EINTR { continue }
          throw .cannotWrite(path, errno)
        }
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
      }
    }
  }
}

/// Where the bytes go until the file is complete.
private struct Target {
  /// The path as the user gave it.
  let path: String
  /// The file to be replaced: the path, or what the link at the path stands for.
  let file: String
  /// The temporary file; `nil` if the path is a device or a pipe, which is written as it is.
  let temporary: String?
  let descriptor: Int32

  init(_ path: String) throws(Diagnostic) {
    self.path = path
    var info = stat()
    let exists = stat(path, &info) == 0
    let kind = info.st_mode & S_IFMT
    if exists && kind == S_IFDIR {
      throw .error("is a folder, so no file can be written there", path: path, kind: .inputOutput)
    }
    if exists && kind != S_IFREG {
      file = path
      temporary = nil
      descriptor = open(path, O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw .cannotWrite(path, errno) }
      return
    }
    file = exists ? Self.resolved(path) : path
    (descriptor, temporary) = try Self.create(beside: file, for: path)
    if exists { fchmod(descriptor, info.st_mode & 0o7777) }
  }

  /// A path without links, so that a link stays and what it stands for is replaced.
  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  private static func create(
    beside file: String, for path: String
  ) throws(Diagnostic) -> (Int32, String) {
    for _ in 0..<100 {
      let suffix = String(UInt32.random(in: 0 ... .max), radix: 36)
      let name = "\(file).\(suffix).tmp"
      let descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor >= 0 { return (descriptor, name) }
      if errno == EEXIST { continue }
      if errno == ENOENT {
        throw .error(
          "cannot be written: there is no such folder", path: path,
          help: "create the folder '\(folder(of: file))'", kind: .inputOutput)
      }
      throw .cannotWrite(path, errno)
    }
    throw .cannotWrite(path, EEXIST)
  }

  private static func folder(of file: String) -> String {
    guard let slash = file.lastIndex(of: "/") else { return "." }
    return slash == file.startIndex ? "/" : String(file[..<slash])
  }

  /// Puts the file on the disk and gives it its name.
  func finish() throws(Diagnostic) {
    // Devices and pipes cannot be synchronised.
    let isSynced = temporary == nil || fsync(descriptor) == 0
    let isClosed = close(descriptor) == 0
    guard let temporary else { return }
    guard isSynced, isClosed, rename(temporary, file) == 0 else {
      let code = errno
      unlink(temporary)
      throw .cannotWrite(path, code)
    }
    // The name too must be on the disk. Not every file system can do that: no error.
    let folder = open(Self.folder(of: file), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return }
    fsync(folder)
    close(folder)
  }

  /// Leaves nothing behind.
  func abandon() {
    close(descriptor)
    if let temporary { unlink(temporary) }
  }
}
