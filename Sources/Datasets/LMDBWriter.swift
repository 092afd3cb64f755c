internal import CLMDB
internal import Glibc
public import Prototxt

/// Makes a new LMDB, which takes its name only when all of it is on the disk.
///
/// It grows in a temporary folder beside the target. A writer that goes away before `finish`
/// leaves nothing behind.
public final class LMDBWriter {
  /// The folder that is made, as the user gave it.
  public let path: String
  /// How many records were put in.
  public private(set) var count = 0

  private let replaces: Bool
  private let temporary: String
  private var environment: OpaquePointer?
  private var transaction: OpaquePointer?
  private var database: MDB_dbi = 0
  private var mapSize: Int
  /// The records since the last commit, to be put again if the map must grow.
  private var pendingBytes: [UInt8] = []
  private var pending: [(key: Range<Int>, value: Range<Int>)] = []

  private static let recordsPerCommit = 1000
  private static let bytesPerCommit = 32 << 20

  /// Begins an LMDB.
  ///
  /// - Parameters:
  ///   - path: The folder to make.
  ///   - replacing: Whether an LMDB of that name may be replaced.
  ///   - mapSize: How large it may grow before the map is doubled.
  /// - Throws: a diagnostic if the name is taken or nothing can be written there.
  public init(path: String, replacing: Bool = false, mapSize: Int = 16 << 20) throws(Diagnostic) {
    self.path = path
    self.replaces = replacing
    self.mapSize = mapSize
    try Self.check(path, replacing: replacing)
    temporary = try Self.makeFolder(beside: path)
    do throws(Diagnostic) {
      try open()
    } catch {
      abandon()
      throw error
    }
  }

  deinit { abandon() }

  /// Whether the name may be taken.
  private static func check(_ path: String, replacing: Bool) throws(Diagnostic) {
    var info = stat()
    guard lstat(path, &info) == 0 else { return }
    let names = info.st_mode & S_IFMT == S_IFDIR ? folderNames(path) : nil
    // What is not an LMDB and nothing else is never taken away.
    guard let names, names.allSatisfy(["data.mdb", "lock.mdb"].contains) else {
      throw .error(
        "is there already, and is not an LMDB", path: path, help: "choose another name",
        kind: .inputOutput)
    }
    if names.isEmpty || replacing { return }
    throw .error(
      "is there already", path: path, help: "choose another name, or replace it with --force",
      kind: .inputOutput)
  }

  private static func makeFolder(beside path: String) throws(Diagnostic) -> String {
    let (folder, name) = splitPath(path)
    for _ in 0..<100 {
      let suffix = String(UInt32.random(in: 0 ... .max), radix: 36)
      let temporary = "\(folder)/\(name).\(suffix).tmp"
      if mkdir(temporary, 0o777) == 0 { return temporary }
      let code = errno
      if code == EEXIST { continue }
      if code == ENOENT || code == ENOTDIR {
        throw .error(
          "cannot be made: there is no folder '\(folder)'", path: path,
          help: "create the folder '\(folder)'", kind: .inputOutput)
      }
      throw .error("cannot be made: \(systemText(code))", path: path, kind: .inputOutput)
    }
    throw .error("cannot be made: no free name beside it", path: path, kind: .inputOutput)
  }

  private func open() throws(Diagnostic) {
    try check(mdb_env_create(&environment))
    try check(mdb_env_set_mapsize(environment, mapSize))
    // Nobody knows the folder yet, so it needs no lock; it is put on the disk once, at the end.
    try check(mdb_env_open(environment, temporary, UInt32(MDB_NOLOCK | MDB_NOSYNC), 0o666))
  }

  // MARK: Records

  /// Adds a record; one of the same key is replaced.
  public func put(key: [UInt8], value: [UInt8]) throws(Diagnostic) {
    guard !key.isEmpty, key.count <= mdb_env_get_maxkeysize(environment) else {
      throw .error(
        "a key of \(key.count) bytes is not possible: 1 to "
          + "\(mdb_env_get_maxkeysize(environment)) are", path: path)
    }
    let start = pendingBytes.count
    pendingBytes += key
    pendingBytes += value
    pending.append((start..<start + key.count, start + key.count..<pendingBytes.count))
    let code = put(pending.count - 1)
    if code == MDB_MAP_FULL {
      try grow()
    } else {
      try check(code)
    }
    count += 1
    if pending.count >= Self.recordsPerCommit || pendingBytes.count >= Self.bytesPerCommit {
      try commit()
    }
  }

  /// Puts a pending record into the transaction, which is begun if there is none.
  private func put(_ index: Int) -> Int32 {
    if transaction == nil {
      let code = mdb_txn_begin(environment, nil, 0, &transaction)
      guard code == 0 else { return code }
      let opened = mdb_dbi_open(transaction, nil, 0, &database)
      guard opened == 0 else { return opened }
    }
    return pendingBytes.withUnsafeMutableBytes { bytes in
      var key = Self.value(bytes, pending[index].key)
      var value = Self.value(bytes, pending[index].value)
      // Most come in order, and then fill the pages best.
      let code = mdb_put(transaction, database, &key, &value, UInt32(MDB_APPEND))
      return code == MDB_KEYEXIST ? mdb_put(transaction, database, &key, &value, 0) : code
    }
  }

  private static func value(_ bytes: UnsafeMutableRawBufferPointer, _ range: Range<Int>) -> MDB_val
  {
    MDB_val(mv_size: range.count, mv_data: bytes.baseAddress.map { $0 + range.lowerBound })
  }

  /// Doubles the map until all pending records fit, and puts them in again.
  private func grow() throws(Diagnostic) {
    while true {
      if let transaction { mdb_txn_abort(transaction) }
      transaction = nil
      mapSize *= 2
      try check(mdb_env_set_mapsize(environment, mapSize))
      var code: Int32 = 0
      for index in pending.indices where code == 0 { code = put(index) }
      if code == 0 { return }
      if code != MDB_MAP_FULL { try check(code) }
    }
  }

  private func commit() throws(Diagnostic) {
    while transaction != nil {
      let code = mdb_txn_commit(transaction)
      // Whether it succeeds or not, the transaction is gone.
      transaction = nil
      if code == MDB_MAP_FULL {
        try grow()
      } else {
        try check(code)
      }
    }
    pending.removeAll(keepingCapacity: true)
    pendingBytes.removeAll(keepingCapacity: true)
  }

  // MARK: The end

  /// Writes all that is left, puts it on the disk and gives the folder its name.
  public func finish() throws(Diagnostic) {
    try commit()
    try check(mdb_env_sync(environment, 1))
    mdb_env_close(environment)
    environment = nil
    Self.sync(temporary)
    try Self.check(path, replacing: replaces)
    try rename()
    Self.sync(splitPath(path).folder)
  }

  /// Takes the name; an older LMDB of that name goes away only now.
  private func rename() throws(Diagnostic) {
    let target = splitPath(path)
    let name = "\(target.folder)/\(target.name)"
    if access("\(name)/data.mdb", F_OK) != 0 {
      guard Glibc.rename(temporary, name) == 0 else { throw cannotRename(errno) }
      return
    }
    let old = "\(temporary).old"
    guard Glibc.rename(name, old) == 0 else { throw cannotRename(errno) }
    guard Glibc.rename(temporary, name) == 0 else {
      let code = errno
      _ = Glibc.rename(old, name)
      throw cannotRename(code)
    }
    Self.remove(old)
  }

  private func cannotRename(_ code: Int32) -> Diagnostic {
    .error("cannot be made: \(systemText(code))", path: path, kind: .inputOutput)
  }

  private static func sync(_ folder: String) {
    let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  /// Leaves nothing behind; does nothing after `finish`.
  private func abandon() {
    if let transaction { mdb_txn_abort(transaction) }
    transaction = nil
    if let environment { mdb_env_close(environment) }
    environment = nil
    Self.remove(temporary)
  }

  private static func remove(_ folder: String) {
    for name in ["data.mdb", "lock.mdb"] { unlink("\(folder)/\(name)") }
    rmdir(folder)
  }

  private func check(_ code: Int32) throws(Diagnostic) {
    guard code == 0 else { throw .lmdb(code, "cannot be written", path) }
  }
}
