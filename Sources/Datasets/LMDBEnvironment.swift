internal import CLMDB
internal import Glibc
internal import Prototxt
internal import Synchronization

/// An LMDB opened for reading, once in the process however many readers it has: LMDB forbids more.
final class LMDBEnvironment: Sendable {
  /// The folder, as the user gave it.
  let path: String
  private let key: FileKey
  private let handle: Handle

  /// What makes a file the same under any name.
  private struct FileKey: Hashable {
    let device: UInt64
    let file: UInt64
  }

  private struct Handle: @unchecked Sendable {
    let pointer: OpaquePointer
  }

  private struct Entry {
    let handle: Handle
    var users: Int
  }

  private static let opened = Mutex<[FileKey: Entry]>([:])

  /// Opens the LMDB in a folder, or joins those who have it open.
  init(path: String) throws(Diagnostic) {
    self.path = path
    let data = "\(path)/data.mdb"
    var info = stat()
    guard stat(data, &info) == 0 else {
      let code = errno
      if code == ENOENT || code == ENOTDIR { throw .noLMDB(path) }
      throw .error("cannot be read: \(systemText(code))", path: data, kind: .inputOutput)
    }
    let key = FileKey(device: UInt64(info.st_dev), file: UInt64(info.st_ino))
    self.key = key
    let result = Self.opened.withLock { opened -> Result<Handle, Diagnostic> in
      if let entry = opened[key] {
        opened[key]?.users += 1
        return .success(entry.handle)
      }
      let result = Result { () throws(Diagnostic) in try Self.open(path) }
      if case .success(let handle) = result { opened[key] = Entry(handle: handle, users: 1) }
      return result
    }
    handle = try result.get()
  }

  deinit {
    Self.opened.withLock { opened in
      guard var entry = opened[key] else { return }
      entry.users -= 1
      opened[key] = entry.users > 0 ? entry : nil
      // Closed under the lock: while it closes, nobody may open the same file again.
      if entry.users == 0 { mdb_env_close(handle.pointer) }
    }
  }

  private static func open(_ path: String) throws(Diagnostic) -> Handle {
    do {
      return try open(path, UInt32(MDB_RDONLY | MDB_NOTLS))
    } catch {
      // A folder where no lock can be made is read without one: nobody can write there either.
      guard let handle = try? open(path, UInt32(MDB_RDONLY | MDB_NOTLS | MDB_NOLOCK)) else {
        throw error
      }
      return handle
    }
  }

  private static func open(_ path: String, _ flags: UInt32) throws(Diagnostic) -> Handle {
    var environment: OpaquePointer?
    guard mdb_env_create(&environment) == 0, let environment else {
      throw .error("there is no memory to open it", path: path, kind: .inputOutput)
    }
    // Every layer that reads the same folder holds a place in the table of readers.
    mdb_env_set_maxreaders(environment, 512)
    let code = mdb_env_open(environment, path, flags, 0o644)
    guard code == 0 else {
      mdb_env_close(environment)
      throw .lmdb(code, "cannot be opened", path)
    }
    return Handle(pointer: environment)
  }

  /// Begins a transaction that keeps what it sees from being written over.
  ///
  /// It may move to another thread, since thread-local storage is not used.
  func begin() throws(Diagnostic) -> OpaquePointer {
    var transaction: OpaquePointer?
    let code = mdb_txn_begin(handle.pointer, nil, UInt32(MDB_RDONLY), &transaction)
    guard code == 0, let transaction else { throw .lmdb(code, "cannot be read", path) }
    return transaction
  }
}

extension Diagnostic {
  /// What LMDB says about one of its own or the system's error numbers.
  static func lmdb(_ code: Int32, _ what: String, _ path: String) -> Diagnostic {
    let text = code > 0 ? systemText(code) : String(cString: mdb_strerror(code))
    let help: String? =
      switch code {
      case ENOSPC: "make room on the disk"
      case MDB_MAP_RESIZED: "another program has made it larger meanwhile: start again"
      case MDB_READERS_FULL: "too many programs read it: end some of them"
      default: nil
      }
    let isDamage = [MDB_INVALID, MDB_CORRUPTED, MDB_VERSION_MISMATCH, MDB_PAGE_NOTFOUND].contains(
      code)
    return .error(
      "\(what): \(text)", path: path, help: help, kind: isDamage ? .badInput : .inputOutput)
  }
}
