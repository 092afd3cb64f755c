public import Compute
internal import Glibc
internal import HDF5
public import Prototxt

/// Fills batches with the rows of HDF5 files, one file after the other, round and round.
///
/// A file is held in memory as a whole, as in Caffe; one that is too large for that comes in parts,
/// unless its rows are shuffled.
public final class HDF5Source: RecordSource {
  /// How many rows there are.
  public var count: Int? { list.count }
  /// Whether each round has an order of files, and of rows in them, of its own.
  public let shuffles: Bool
  /// Whether the walk goes on at the first row after the last; else it goes through once, unshuffled.
  public var wraps = true

  private let list: HDF5List
  private let batchSize: Int
  private let owner: String
  /// What all orders are drawn from: each has a stream of its own, so that any can be drawn again.
  private var key: UInt64
  private var place = Place()
  /// The order of the files in this round.
  private var fileOrder: [Int] = []
  private var part = Part()
  /// How many rows of a file are in memory at once, at most.
  private let rowLimit: Int

  /// Where the walk stands: the round, the file in the round's order, the row in the file's order.
  private struct Place {
    var round: UInt64 = 0
    var file = 0
    var row = 0
  }

  /// What is in memory of a file.
  private struct Part {
    var round: UInt64 = 0
    var file = -1
    var rows = 0..<0
    /// The order of the rows; empty for that of the file.
    var order: [Int] = []
    var reader: HDF5File?
    var values: [Blob] = []
  }

  /// Makes a source.
  ///
  /// - Parameters:
  ///   - list: The files.
  ///   - batchSize: How many rows a batch has.
  ///   - shuffles: Whether each round has an order of files, and of rows in them, of its own.
  ///   - random: Where orders are drawn from.
  ///   - owner: What messages begin with, such as `layer 'data' (HDF5Data)`.
  ///   - valueLimit: How many values of a file may be in memory; a sixteenth of it if `nil`.
  /// - Throws: that a batch, or a file whose rows are to be shuffled, does not fit into memory.
  public init(
    _ list: HDF5List, batchSize: Int, shuffles: Bool, random: RandomStream, owner: String,
    valueLimit: Int? = nil
  ) throws(Diagnostic) {
    self.list = list
    self.batchSize = batchSize
    self.shuffles = shuffles
    self.owner = owner
    key = random.key
    let memory = max(1 << 30, sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)))
    let values = valueLimit ?? memory / 64
    guard batchSize <= values / max(1, list.rowCount) else {
      throw .error(
        "\(owner): a batch of \(batchSize) rows of \(list.rowCount) values does not fit into memory",
        path: list.path, help: "make batch_size smaller")
    }
    rowLimit = values / max(1, list.rowCount)
    if shuffles, let large = list.files.first(where: { $0.rows > rowLimit }) {
      throw .error(
        "\(owner): is too large to shuffle its rows: \(large.rows) rows of \(list.rowCount) values",
        path: large.path, help: "cut it into several files, or leave shuffle out")
    }
    part.values = list.names.map { Blob("rows of \($0)") }
    beginRound()
  }

  // MARK: Batches

  /// Fills a batch with the next rows.
  public func fill(_ batch: Batch) throws -> Bool {
    batch.names.removeAll()
    shape(batch, batchSize)
    var number = 0
    while number < batchSize, skipToRows() {
      try load()
      let some = min(batchSize - number, part.rows.upperBound - place.row)
      for step in 0..<some { copy(place.row + step, to: batch, number + step) }
      place.row += some
      number += some
    }
    guard number > 0 else { return false }
    batch.count = number
    if number < batchSize { shape(batch, number) }
    batch.counters.removeAll(keepingCapacity: true)
    append(place, to: &batch.counters)
    return true
  }

  /// Goes on to the next file, or round, that has rows left; `false` at the end of a single pass.
  private func skipToRows() -> Bool {
    while place.row >= list.files[fileOrder[place.file]].rows {
      place.row = 0
      place.file += 1
      guard place.file == fileOrder.count else { continue }
      guard wraps else {
        place.file -= 1
        place.row = list.files[fileOrder[place.file]].rows
        return false
      }
      place.file = 0
      place.round &+= 1
      beginRound()
    }
    return true
  }

  private func copy(_ row: Int, to batch: Batch, _ number: Int) {
    let row = part.order.isEmpty ? row : part.order[row]
    let offset = row - (part.order.isEmpty ? part.rows.lowerBound : 0)
    for (top, values) in part.values.enumerated() {
      let size = list.rowShapes[top].reduce(1, *)
      (batch.blobs[top].values + number * size).update(
        from: values.values + offset * size, count: size)
    }
    withUnsafeBytes(of: (UInt64(part.file), UInt64(row))) { batch.names.append($0) }
  }

  private func shape(_ batch: Batch, _ count: Int) {
    for (blob, row) in zip(batch.blobs, list.rowShapes)
    where blob.shape.axes != row.count + 1 || blob.shape[0] != count {
      blob.reshape(Shape([count] + row))
    }
  }

  /// How many batches may be held at once.
  public var depth: Int {
    max(1, min(3, rowLimit / 4 / max(1, batchSize)))
  }

  // MARK: Files

  /// Reads the rows that come next, unless they are in memory.
  private func load() throws(Diagnostic) {
    let index = fileOrder[place.file]
    let file = list.files[index]
    let isNewFile = part.file != index
    if !isNewFile, part.round == place.round || !isShuffling, part.rows.contains(place.row) {
      return
    }
    if isNewFile { part.reader = nil }
    let rows =
      file.rows <= rowLimit
      ? 0..<file.rows : place.row..<min(file.rows, place.row + rowLimit)
    part.file = index
    part.round = place.round
    part.order = isShuffling ? order(of: file.rows, "rows \(place.round) \(index)") : []
    guard isNewFile || part.rows != rows else { return }
    part.rows = 0..<0
    let reader: HDF5File
    if let open = part.reader { reader = open } else { reader = try HDF5File(reading: file.path) }
    try read(rows, of: reader)
    part.rows = rows
    part.reader = rows.count == file.rows ? nil : reader
  }

  private func read(_ rows: Range<Int>, of file: HDF5File) throws(Diagnostic) {
    for (top, name) in list.names.enumerated() {
      let shape = Shape([rows.count] + list.rowShapes[top])
      let blob = part.values[top]
      if blob.shape != shape { blob.reshape(shape) }
      do throws(Diagnostic) {
        try file.read(name, rows: rows, into: blob.values, count: shape.count)
      } catch {
        var problem = error
        problem.message = "\(owner): \(error.message)"
        throw problem
      }
    }
  }

  // MARK: Orders

  private var isShuffling: Bool { shuffles && wraps }

  private func beginRound() {
    fileOrder =
      isShuffling
      ? order(of: list.files.count, "files \(place.round)") : Array(list.files.indices)
  }

  /// The numbers up to `count` in an order that key and purpose determine.
  private func order(of count: Int, _ purpose: String) -> [Int] {
    var random = RandomStream(seed: key, purpose: purpose)
    var order = Array(0..<count)
    for index in order.indices.dropLast() {
      order.swapAt(index, index + random.below(count - index))
    }
    return order
  }

  // MARK: Place

  private func append(_ place: Place, to counters: inout [UInt64]) {
    counters.append(place.round)
    counters.append(UInt64(place.file))
    counters.append(UInt64(place.row))
    counters.append(key)
  }

  /// What to save to begin at the first row.
  public var startCounters: [UInt64] {
    var counters: [UInt64] = []
    append(Place(), to: &counters)
    return counters
  }

  /// Goes back before the first row; orders are drawn from what saved numbers say.
  public func rewind(drawingFrom counters: [UInt64]) {
    if counters.count == 4 { key = counters[3] }
    begin(at: Place())
  }

  /// Goes to where saved numbers say.
  ///
  /// - Returns: A remark if there is no such place any more.
  public func restore(_ counters: [UInt64]) throws(Diagnostic) -> String? {
    guard counters.count == 4, let file = Int(exactly: counters[1]),
      let row = Int(exactly: counters[2])
    else {
      throw .error(
        "\(owner): what was saved of the place in the data makes no sense", path: list.path)
    }
    key = counters[3]
    begin(at: Place(round: counters[0]))
    guard file < fileOrder.count, row <= list.files[fileOrder[file]].rows else {
      return "\(owner): the files of '\(list.path)' have changed, and the place at which to go on "
        + "is not there any more; begins again"
    }
    place.file = file
    place.row = row
    return nil
  }

  private func begin(at place: Place) {
    self.place = place
    part.file = -1
    part.rows = 0..<0
    part.reader = nil
    beginRound()
  }

  /// A record's file and row.
  public func recordName(_ names: RecordNames, _ index: Int) -> String? {
    guard let bytes = names.bytes(index), bytes.count == 16 else { return nil }
    let (file, row) = bytes.withUnsafeBytes { bytes in
      (
        bytes.loadUnaligned(as: UInt64.self),
        bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
      )
    }
    guard file < UInt64(list.files.count) else { return nil }
    return "'\(list.files[Int(file)].path)' row \(row)"
  }
}
