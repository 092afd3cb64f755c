internal import Compute
public import Prototxt

/// Fills batches with the records of an LMDB, in the order of their keys, round and round.
public final class DatumSource: RecordSource {
  /// How many records there are.
  public var count: Int? { reader.count }
  /// Whether the walk goes on at the first record after the last.
  public var wraps = true

  private let reader: LMDBReader
  private let transform: ImageTransform
  private let batchSize: Int
  private let assembler: BatchAssembler
  private let owner: String
  private let decoder: RecordDecoder

  /// Opens an LMDB.
  ///
  /// - Parameters:
  ///   - path: The folder.
  ///   - batchSize: How many records a batch has.
  ///   - transform: What is done with the images.
  ///   - owner: What messages begin with, such as `layer 'data' (Data)`.
  /// - Throws: a diagnostic if it cannot be read or is empty.
  public init(
    path: String, batchSize: Int, transform: ImageTransform, owner: String
  ) throws(Diagnostic) {
    reader = try LMDBReader(path: path)
    self.batchSize = batchSize
    self.transform = transform
    decoder = RecordDecoder(transform.settings.color)
    assembler = BatchAssembler(
      transform, batchSize: batchSize,
      sizeHelp: "set crop_size or batch_size: 1, or make the data base again with images resized")
    self.owner = owner
    guard reader.count > 0 else { throw .error("the LMDB has no records", path: path) }
  }

  /// The size of the first record's image after the transform, and whether it is encoded.
  public func look() throws(Diagnostic) -> (size: ImageSize, isEncoded: Bool) {
    defer { reader.rewind() }
    guard let record = try reader.first() else {
      throw .error("the LMDB has no records", path: reader.path)
    }
    do throws(DatumFault) {
      let datum = try Datum(record.value)
      let (size, _) = try decoder.image(datum)
      let output = try transform.settings.outputSize(size)
      try assembler.checkMemory(output)
      return (output, datum.isEncoded)
    } catch { throw diagnostic(error, record.key) }
  }

  // MARK: Batches

  /// Fills a batch with the next records.
  public func fill(_ batch: Batch) throws -> Bool {
    batch.names.removeAll()
    var number = 0
    while number < batchSize, let record = try nextRecord() {
      do throws(DatumFault) {
        try add(record, number, to: batch)
      } catch { throw diagnostic(error, record.key) }
      batch.names.append(record.key)
      number += 1
    }
    guard number > 0 else { return false }
    assembler.finish(batch, count: number)
    save(to: batch)
    return true
  }

  private func nextRecord() throws(Diagnostic) -> LMDBRecord? {
    if let record = try reader.next() { return record }
    return wraps ? try reader.first() : nil
  }

  private func add(_ record: LMDBRecord, _ number: Int, to batch: Batch) throws(DatumFault) {
    let datum = try Datum(record.value)
    let (size, values) = try decoder.image(datum)
    try assembler.add(values, size, label: datum.label, number: number, to: batch)
  }

  /// How many batches of images of a size may be held at once, of as many as are wanted.
  public func depth(_ wanted: Int, for size: ImageSize) -> Int {
    assembler.depth(wanted, for: size)
  }

  private func diagnostic(_ fault: DatumFault, _ key: UnsafeRawBufferPointer) -> Diagnostic {
    .error(
      "\(owner): record \(quotedKey(key)): \(fault.message)", path: reader.path, help: fault.help)
  }

  // MARK: Position

  /// Goes back before the first record; draws go on where saved numbers say.
  public func rewind(drawingFrom counters: [UInt64]) {
    reader.rewind()
    guard counters.count >= 3 else { return }
    transform.random = RandomStream(key: counters[1], counter: counters[2])
  }

  /// What to save to begin at the first record.
  public var startCounters: [UInt64] {
    [0, transform.random.key, transform.random.counter, 0]
  }

  /// Writes down where the walk stands: the number of records passed, the random stream, and the
  /// last key, by which the place is found again at once.
  private func save(to batch: Batch) {
    batch.counters.removeAll(keepingCapacity: true)
    batch.counters.append(UInt64(reader.position))
    batch.counters.append(transform.random.key)
    batch.counters.append(transform.random.counter)
    batch.names.withLast { key in
      batch.counters.append(UInt64(key.count))
      for start in stride(from: 0, to: key.count, by: 8) {
        var word: UInt64 = 0
        for index in start..<min(start + 8, key.count) {
          word |= UInt64(key[index]) << UInt64(8 * (index - start))
        }
        batch.counters.append(word)
      }
    }
  }

  /// Goes to where saved numbers say.
  ///
  /// - Returns: A remark if the record that was last is no more.
  public func restore(_ counters: [UInt64]) throws(Diagnostic) -> String? {
    reader.rewind()
    guard counters.count >= 4, let position = Int(exactly: counters[0]),
      let length = Int(exactly: counters[3]), length <= 8 * (counters.count - 4),
      (length + 7) / 8 == counters.count - 4
    else {
      throw .error(
        "\(owner): what was saved of the place in the data makes no sense", path: reader.path)
    }
    transform.random = RandomStream(key: counters[1], counter: counters[2])
    guard position > 0, length > 0 else { return nil }
    let key = (0..<length).map { UInt8(truncatingIfNeeded: counters[4 + $0 / 8] >> (8 * ($0 % 8))) }
    let found = key.withUnsafeBytes { bytes in
      Result { () throws(Diagnostic) in
        try reader.seek(key: bytes, position: min(position, reader.count))
      }
    }
    if try found.get() { return nil }
    try reader.seek(index: position)
    return "\(owner): '\(reader.path)' has no record \(quotedKey(key)), after which to go on; "
      + "goes on after \(reader.position) records"
  }
}
