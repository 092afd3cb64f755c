internal import Glibc
internal import Prototxt

/// What the head of an LMDB's `data.mdb` says, checked against the file's size.
///
/// LMDB believes its file: a page that is not there, or a length that is wrong, ends the program.
/// So every page is checked here before it is used, and records are read from a mapping of our own.
struct LMDBFile: Sendable {
  /// The size of a page in bytes.
  let pageSize: Int
  /// The page at the top of the tree of records; `nil` without any.
  let root: UInt64?
  /// How many records there are.
  let entries: Int
  /// How many levels the tree has.
  let depth: Int
  /// The last page that is used.
  let lastPage: UInt64
  /// The transaction that wrote this head.
  let transaction: UInt64
  /// Whether keys are in an order other than that of their bytes.
  let hasOwnOrder: Bool

  private static let magic: UInt32 = 0xbeef_c0de
  private static let invalidPage = UInt64.max

  /// Reads the newer of the two heads, or that of a transaction if it is there.
  init(
    _ bytes: UnsafeRawBufferPointer, path: String, transaction wanted: UInt64? = nil
  ) throws(Diagnostic) {
    guard bytes.count >= 2 * 512 else { throw Self.notLMDB(bytes, path) }
    let first = try Self(head: 0, bytes, path)
    guard bytes.count >= 2 * first.pageSize else { throw Self.cutOff(bytes.count, path) }
    let second = try Self(head: first.pageSize, bytes, path)
    let newer = second.transaction > first.transaction ? second : first
    self = wanted == first.transaction ? first : wanted == second.transaction ? second : newer
  }

  private init(head offset: Int, _ bytes: UnsafeRawBufferPointer, _ path: String) throws(Diagnostic)
  {
    func word<Word: FixedWidthInteger & BitwiseCopyable>(_ at: Int, as: Word.Type) -> Word {
      Word(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + at, as: Word.self))
    }
    guard word(16, as: UInt32.self) == Self.magic else { throw Self.notLMDB(bytes, path) }
    let version = word(20, as: UInt32.self)
    let pageSize = Int(word(40, as: UInt32.self))
    guard version == 1 else {
      throw .error(
        "is an LMDB of format \(version), which is unknown; format 1 is expected", path: path)
    }
    guard pageSize.nonzeroBitCount == 1, (512...65536).contains(pageSize) else {
      throw Self.damaged("its pages have \(pageSize) bytes", path)
    }
    self.pageSize = pageSize
    let flags = word(92, as: UInt16.self)
    let root = word(128, as: UInt64.self)
    self.root = root == Self.invalidPage ? nil : root
    guard let entries = Int(exactly: word(120, as: UInt64.self)) else {
      throw Self.damaged("its number of records is impossible", path)
    }
    self.entries = root == Self.invalidPage ? 0 : entries
    depth = Int(word(94, as: UInt16.self))
    lastPage = word(136, as: UInt64.self)
    transaction = word(144, as: UInt64.self)
    guard flags & 0x04 == 0 else {
      throw .error(
        "is an LMDB with several values per key, which is no data base of Caffe's", path: path)
    }
    hasOwnOrder = flags & 0x0a != 0
  }

  // MARK: Messages

  private static func notLMDB(_ bytes: UnsafeRawBufferPointer, _ path: String) -> Diagnostic {
    let help = "a folder made by convert_imageset, convert_mnist_data or netrun convert is expected"
    if bytes.isEmpty { return .error("is empty, so it is no LMDB", path: path, help: help) }
    if bytes.count >= 16, bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self) == magic {
      return .error(
        "is an LMDB of a 32-bit system, which cannot be read here", path: path,
        help: "make it again on a 64-bit system")
    }
    return .error("is no LMDB: its head is something else", path: path, help: help)
  }

  static func damaged(_ problem: String, _ path: String) -> Diagnostic {
    .error(
      "the LMDB is damaged: \(problem)", path: path,
      help: "copy it again, or make it again from the original files")
  }

  static func cutOff(_ size: Int, _ path: String) -> Diagnostic {
    .error(
      "the LMDB is cut off: pages that it needs lie behind the end of the file, after \(size) "
        + "bytes", path: path,
      help: "copy it again, or make it again from the original files")
  }
}

extension Diagnostic {
  /// A folder that should hold an LMDB, but is not there or holds something else.
  static func noLMDB(_ path: String) -> Diagnostic {
    var info = stat()
    guard stat(path, &info) == 0 else {
      let code = errno
      guard code == ENOENT || code == ENOTDIR else {
        return .error("cannot be read: \(systemText(code))", path: path, kind: .inputOutput)
      }
      return .error(
        "there is no such folder", path: path, help: similarName(to: path), kind: .missingInput)
    }
    guard info.st_mode & S_IFMT == S_IFDIR else {
      let (folder, name) = splitPath(path)
      return .error(
        "is a file, but an LMDB is a folder", path: path,
        help: name == "data.mdb" ? "name the folder it is in: '\(folder)'" : nil)
    }
    guard !LMDBReader.isLevelDB(path) else { return levelDB(path) }
    let inner = folderNames(path).first { access("\(path)/\($0)/data.mdb", F_OK) == 0 }
    return .error(
      "is a folder without an LMDB: there is no data.mdb in it", path: path,
      help: inner.map { "did you mean '\(path)/\($0)'?" }, kind: .missingInput)
  }

  private static func levelDB(_ path: String) -> Diagnostic {
    .error(
      "is a LevelDB, which cannot be read: only its own C++ library knows the format", path: path,
      help: "make it again as LMDB: convert_imageset and convert_mnist_data do so with "
        + "--backend=lmdb; or copy key by key with Python's plyvel and lmdb; then write "
        + "backend: LMDB")
  }
}
