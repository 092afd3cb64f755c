public import Compute
public import Prototxt

/// Fills batches with the records of an LMDB, round and round, in the order of their keys or in one
/// that is drawn anew for each pass.
public final class DatumSource: RecordSource {
  /// How many records there are.
  public var count: Int? { reader.count }
  /// Whether the walk goes on at the first record after the last.
  public var wraps = true

  /// Whether each pass has an order of its own; a single pass has that of the keys.
  public let shuffles: Bool

  let reader: LMDBReader
  var order: RecordOrder?
  let transform: ImageTransform
  private let batchSize: Int
  private let assembler: BatchAssembler
  let owner: String
  private let decoder: RecordDecoder

  /// Opens an LMDB.
  ///
  /// - Parameters:
  ///   - path: The folder.
  ///   - batchSize: How many records a batch has.
  ///   - transform: What is done with the images.
  ///   - order: What the orders of passes are drawn from; that of the keys if `nil`.
  ///   - owner: What messages begin with, such as `layer 'data' (Data)`.
  /// - Throws: a diagnostic if it cannot be read or is empty.
  public init(
    path: String, batchSize: Int, transform: ImageTransform, order: RandomStream? = nil,
    owner: String
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
    shuffles = order != nil
    if shuffles { try reader.prepareIndex() }
    self.order = order.map { [reader] in RecordOrder(count: reader.count, key: $0.key) }
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
    if wraps, let index = order?.next() { return try reader.record(at: index) }
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
}
