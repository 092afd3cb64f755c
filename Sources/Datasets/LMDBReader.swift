internal import CLMDB
internal import Glibc
public import Prototxt

/// A key and its value, in the mapped file: valid as long as the reader lives.
public struct LMDBRecord {
  /// The key.
  public let key: UnsafeRawBufferPointer
  /// The value.
  public let value: UnsafeRawBufferPointer
}

/// Walks through the records of an LMDB in the order of their keys.
///
/// LMDB itself keeps the records from being changed by other programs meanwhile; the tree is read
/// here, straight from the mapped file, so that a damaged file ends in a diagnostic. One thread at
/// a time may use a reader.
public final class LMDBReader {
  /// The folder, as the user gave it.
  public let path: String
  /// How many records there are.
  public let count: Int
  /// How many records the walk has passed: the index of the one that `next` gives.
  public private(set) var position = 0

  private let environment: LMDBEnvironment
  private let transaction: OpaquePointer
  let file: LMDBFile
  private let mapping: MappedData
  private let bytes: UnsafeRawBufferPointer
  let frames: UnsafeMutablePointer<Frame>
  var depth = 0
  /// Where each leaf page begins, once records were asked for by their indices.
  var leaves: LeafIndex?

  /// A page on the way from the top to the current record, and the place in it.
  struct Frame {
    var page: Int
    var count: Int
    var index: Int
  }

  /// As in LMDB.
  private static let maximumDepth = 32

  /// Opens the LMDB in a folder.
  public init(path: String) throws(Diagnostic) {
    self.path = path
    let data = "\(path)/data.mdb"
    // Before LMDB maps it, so that it never sees a file that is too short for its head.
    let head = try MappedData(path: data, missing: .noLMDB(path))
    _ = try LMDBFile(head.bytes, path: data)
    environment = try LMDBEnvironment(path: path)
    transaction = try environment.begin()
    do throws(Diagnostic) {
      mapping = try MappedData(path: data, missing: .noLMDB(path))
      bytes = mapping.bytes
      file = try LMDBFile(
        bytes, path: data, transaction: UInt64(UInt(bitPattern: mdb_txn_id(transaction))))
    } catch {
      mdb_txn_abort(transaction)
      throw error
    }
    count = file.entries
    frames = .allocate(capacity: Self.maximumDepth)
  }

  deinit {
    frames.deallocate()
    mdb_txn_abort(transaction)
  }

  /// Whether a folder holds a LevelDB.
  static func isLevelDB(_ path: String) -> Bool {
    access("\(path)/CURRENT", F_OK) == 0
      && folderNames(path).contains { $0.hasPrefix("MANIFEST-") }
  }

  // MARK: Walking

  /// Goes back before the first record.
  public func rewind() {
    depth = 0
    position = 0
  }

  /// The next record; `nil` behind the last, where the walk stays.
  public func next() throws(Diagnostic) -> LMDBRecord? {
    guard try advance() else { return nil }
    return try record()
  }

  /// The first record.
  public func first() throws(Diagnostic) -> LMDBRecord? {
    rewind()
    return try next()
  }

  /// The last record; afterwards `next` gives none.
  public func last() throws(Diagnostic) -> LMDBRecord? {
    rewind()
    guard let root = file.root, count > 0 else { return nil }
    try descend(root) { $0.count - 1 }
    position = count
    return try record()
  }

  /// Goes to the record of a key, so that `next` gives the one behind it.
  ///
  /// - Parameters:
  ///   - key: The key.
  ///   - position: The value for `position` afterwards, which is not counted again.
  /// - Throws: a diagnostic if the file is damaged.
  /// - Returns: Whether there is such a record; if not, the walk is back at the start.
  public func seek(key: UnsafeRawBufferPointer, position: Int) throws(Diagnostic) -> Bool {
    rewind()
    guard let root = file.root, count > 0 else { return false }
    if file.hasOwnOrder { return try search(key) }
    var page = root
    while true {
      let isLeaf = try push(page)
      let found = try lowerBound(of: key, isLeaf: isLeaf)
      if isLeaf {
        guard found.isEqual else { break }
        frames[depth - 1].index = found.index
        self.position = position
        return true
      }
      // The first key of a branch stands for all that is smaller.
      frames[depth - 1].index = found.isEqual ? found.index : max(0, found.index - 1)
      page = try child()
    }
    rewind()
    return false
  }

  /// Goes to where `next` gives the record of an index; at most behind the last record.
  public func seek(index: Int) throws(Diagnostic) {
    if index < position || depth == 0 { rewind() }
    while position < min(index, count), try advance() {}
  }

  /// Compares key after key.
  private func search(_ key: UnsafeRawBufferPointer) throws(Diagnostic) -> Bool {
    while try advance() {
      if try record().key.elementsEqual(key) { return true }
    }
    rewind()
    return false
  }

  private func advance() throws(Diagnostic) -> Bool {
    guard position < count, let root = file.root else { return false }
    if depth == 0 {
      try descend(root) { _ in 0 }
    } else {
      frames[depth - 1].index += 1
      while frames[depth - 1].index >= frames[depth - 1].count {
        depth -= 1
        guard depth > 0 else {
          throw damaged("it says \(count) records, but has \(position)")
        }
        frames[depth - 1].index += 1
      }
      if depth < file.depth { try descend(child()) { _ in 0 } }
    }
    position += 1
    return true
  }

  // MARK: Pages

  /// Goes down from a page to a leaf, by the place that a closure picks in each page.
  func descend(_ page: UInt64, _ pick: (Frame) -> Int) throws(Diagnostic) {
    var page = page
    while true {
      let isLeaf = try push(page)
      frames[depth - 1].index = pick(frames[depth - 1])
      if isLeaf { return }
      page = try child()
    }
  }

  /// Puts a page on the way down, at its first place; returns whether it is a leaf.
  private func push(_ page: UInt64) throws(Diagnostic) -> Bool {
    let offset = try self.offset(ofPage: page)
    let flags = word(offset + 10, as: UInt16.self)
    let lower = Int(word(offset + 12, as: UInt16.self))
    let isLeaf = flags & 0x02 != 0
    let isBranch = flags & 0x01 != 0
    guard isLeaf != isBranch, flags & 0x2c == 0 else {
      throw damaged("page \(page) is of the wrong kind")
    }
    guard lower > 16, lower <= file.pageSize, lower % 2 == 0, depth < Self.maximumDepth,
      isLeaf == (depth + 1 == file.depth)
    else { throw damaged("page \(page) makes no sense") }
    frames[depth] = Frame(page: offset, count: (lower - 16) / 2, index: 0)
    depth += 1
    return isLeaf
  }

  private func offset(ofPage page: UInt64) throws(Diagnostic) -> Int {
    guard page >= 2, page <= file.lastPage, page < UInt64(Int.max / file.pageSize) else {
      throw damaged("it refers to page \(page), but the last one is \(file.lastPage)")
    }
    let offset = Int(page) * file.pageSize
    guard offset + file.pageSize <= bytes.count else {
      throw LMDBFile.cutOff(bytes.count, "\(path)/data.mdb")
    }
    guard word(offset, as: UInt64.self) == page else {
      throw damaged("page \(page) says it is another")
    }
    return offset
  }

  /// The page below the current place of a branch.
  func child() throws(Diagnostic) -> UInt64 {
    let node = try self.node(frames[depth - 1].index, extra: 0)
    return UInt64(word(node, as: UInt32.self)) | UInt64(word(node + 4, as: UInt16.self)) << 32
  }

  /// The offset of a node, whose key and `extra` bytes behind it lie within the page.
  private func node(_ index: Int, extra: Int) throws(Diagnostic) -> Int {
    let page = frames[depth - 1].page
    let place = Int(word(page + 16 + 2 * index, as: UInt16.self))
    guard place >= 16 + 2 * frames[depth - 1].count, place + 8 <= file.pageSize,
      place + 8 + Int(word(page + place + 6, as: UInt16.self)) + extra <= file.pageSize
    else { throw damaged("an entry reaches beyond page \(page / file.pageSize)") }
    return page + place
  }

  private func key(ofNode node: Int) -> UnsafeRawBufferPointer {
    part(node + 8, count: Int(word(node + 6, as: UInt16.self)))
  }

  /// The current record.
  func record() throws(Diagnostic) -> LMDBRecord {
    let index = frames[depth - 1].index
    let node = try self.node(index, extra: 0)
    let size = Int(word(node, as: UInt32.self))
    let flags = word(node + 4, as: UInt16.self)
    let key = key(ofNode: node)
    guard flags & 0x06 == 0 else {
      throw .error(
        "holds data bases within a data base, so it is not one of Caffe's", path: path)
    }
    let behindKey = node + 8 + key.count
    if flags & 0x01 == 0 {
      _ = try self.node(index, extra: size)
      return LMDBRecord(key: key, value: part(behindKey, count: size))
    }
    _ = try self.node(index, extra: 8)
    let page = word(behindKey, as: UInt64.self)
    let offset = try self.offset(ofPage: page)
    let pages = Int(word(offset + 12, as: UInt32.self))
    guard word(offset + 10, as: UInt16.self) & 0x04 != 0,
      16 + size <= pages * file.pageSize
    else { throw damaged("a large record does not fit its pages, from page \(page) on") }
    guard offset + 16 + size <= bytes.count else {
      throw LMDBFile.cutOff(bytes.count, "\(path)/data.mdb")
    }
    return LMDBRecord(key: key, value: part(offset + 16, count: size))
  }

  /// The first place of the current page whose key is not below the given one.
  private func lowerBound(
    of key: UnsafeRawBufferPointer, isLeaf: Bool
  ) throws(Diagnostic) -> (index: Int, isEqual: Bool) {
    var low = isLeaf ? 0 : 1
    var high = frames[depth - 1].count
    while low < high {
      let middle = (low + high) / 2
      let order = compare(self.key(ofNode: try node(middle, extra: 0)), key)
      if order == 0 { return (middle, true) }
      if order < 0 { low = middle + 1 } else { high = middle }
    }
    return (low, false)
  }

  private func compare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let common = min(a.count, b.count)
    if common > 0, let start = a.baseAddress, let other = b.baseAddress {
      let order = memcmp(start, other, common)
      if order != 0 { return Int(order) }
    }
    return a.count - b.count
  }

  private func part(_ offset: Int, count: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  private func word<Word: FixedWidthInteger & BitwiseCopyable>(
    _ offset: Int, as: Word.Type
  ) -> Word {
    Word(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Word.self))
  }

  func damaged(_ problem: String) -> Diagnostic {
    LMDBFile.damaged(problem, "\(path)/data.mdb")
  }
}
