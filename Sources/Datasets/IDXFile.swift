internal import CZlib
internal import Glibc
public import Prototxt

/// A file of MNIST's IDX format, plain or compressed by gzip, read from front to back.
public final class IDXFile {
  /// What is in a file.
  public enum Content: Sendable {
    /// Images of one channel; magic number 2051.
    case images
    /// Labels; magic number 2049.
    case labels

    fileprivate var magic: UInt32 { self == .images ? 2051 : 2049 }
    fileprivate var axes: Int { self == .images ? 3 : 1 }
    fileprivate var name: String { self == .images ? "images" : "labels" }
  }

  /// The path, as the user gave it.
  public let path: String
  /// How many images or labels there are.
  public let count: Int
  /// The rows of an image; 1 for labels.
  public private(set) var height = 1
  /// The columns of an image; 1 for labels.
  public private(set) var width = 1
  private let handle: Handle
  private var done = 0

  /// The bytes of an image; 1 for labels.
  public var itemBytes: Int { height * width }

  /// Most pixels of an image's side: larger ones mean that the file is something else.
  private static let maximumSide = 16384

  /// Opens a file and reads its head.
  public init(path: String, content: Content) throws(Diagnostic) {
    self.path = path
    guard let file = gzopen(path, "rb") else {
      let code = errno
      throw code == ENOENT || code == ENOTDIR
        ? .error(
          "there is no such file", path: path, help: similarName(to: path), kind: .missingInput)
        : .error("cannot be read: \(systemText(code))", path: path, kind: .inputOutput)
    }
    self.handle = Handle(file)
    gzbuffer(file, 1 << 17)
    guard let size = Self.plainSize(path) else {
      throw .error("is not a plain file", path: path)
    }
    count = try Self.readHead(file, path, content, into: &height, &width)
    let expected = 4 + 4 * content.axes + count * height * width
    if gzdirect(file) != 0, size != expected {
      throw .error(
        "says \(count) \(content.name), which take \(expected) bytes, but has \(size)",
        path: path, help: "the file is cut off or damaged: fetch it again")
    }
  }

  /// Closes the file when it goes away, whether the head made sense or not.
  private final class Handle {
    let file: gzFile

    init(_ file: gzFile) { self.file = file }

    deinit { gzclose(file) }
  }

  private static func plainSize(_ path: String) -> Int? {
    var info = stat()
    guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(info.st_size)
  }

  private static func readHead(
    _ file: gzFile, _ path: String, _ content: Content, into height: inout Int, _ width: inout Int
  ) throws(Diagnostic) -> Int {
    let magic = try word(file, path)
    guard magic == content.magic else {
      throw wrongMagic(magic, path, content)
    }
    let count = Int(try word(file, path))
    if content == .images {
      height = Int(try word(file, path))
      width = Int(try word(file, path))
      guard (1...maximumSide).contains(height), (1...maximumSide).contains(width) else {
        throw .error("says that images have \(height)×\(width) pixels", path: path)
      }
    }
    return count
  }

  private static func wrongMagic(
    _ magic: UInt32, _ path: String, _ content: Content
  ) -> Diagnostic {
    switch (magic, content) {
    case (2051, .labels):
      .error(
        "holds images, but labels are expected", path: path,
        help: "give the file of images first, then that of labels")
    case (2049, .images):
      .error(
        "holds labels, but images are expected", path: path,
        help: "give the file of images first, then that of labels")
    default:
      .error(
        "is not a file of \(content.name) in MNIST's IDX format: it begins with \(magic), not "
          + "\(content.magic)", path: path)
    }
  }

  private static func word(_ file: gzFile, _ path: String) throws(Diagnostic) -> UInt32 {
    var word: UInt32 = 0
    try read(file, path, &word, 4)
    return UInt32(bigEndian: word)
  }

  private static func read(
    _ file: gzFile, _ path: String, _ target: UnsafeMutableRawPointer, _ count: Int
  ) throws(Diagnostic) {
    let read = Int(gzread(file, target, UInt32(count)))
    if read == count { return }
    var code: Int32 = 0
    let text = gzerror(file, &code).map { String(cString: $0) } ?? ""
    if code == Z_ERRNO {
      throw .error("cannot be read: \(systemText(errno))", path: path, kind: .inputOutput)
    }
    let isCutOff = code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR
    throw .error(
      isCutOff ? "is cut off" : "is damaged: \(text)", path: path,
      help: "fetch it again")
  }

  /// Reads the next image or label into an array of `itemBytes` bytes; `false` after the last.
  ///
  /// - Throws: a diagnostic if the file is cut off, damaged, or longer than it says.
  public func next(_ item: inout [UInt8]) throws(Diagnostic) -> Bool {
    guard done < count else {
      var byte: UInt8 = 0
      if gzread(handle.file, &byte, 1) == 1 {
        throw .error(
          "goes on behind the \(count) items that it says it has", path: path,
          help: "the file is damaged: fetch it again")
      }
      return false
    }
    let bytes = itemBytes
    if item.count != bytes { item = [UInt8](repeating: 0, count: bytes) }
    let result = item.withUnsafeMutableBytes { buffer in
      Result { () throws(Diagnostic) in
        guard let start = buffer.baseAddress else { return }
        try Self.read(handle.file, path, start, bytes)
      }
    }
    try result.get()
    done += 1
    return true
  }
}
