public import Prototxt

/// An LMDB of Datums that is gone through from the first record to the last.
public final class Database {
  /// One record.
  public struct Record {
    /// Its key, in quotes.
    public let key: String
    /// The key as it is.
    public let keyBytes: UnsafeRawBufferPointer
    /// The size of its image.
    public let size: ImageSize
    /// Its label.
    public let label: Int32
    /// How its image is stored.
    public let storage: Storage
    /// How many bytes it takes.
    public let bytes: Int
    let values: BatchAssembler.Values
  }

  /// A record's label.
  public struct Label {
    /// The key as it is.
    public let keyBytes: UnsafeRawBufferPointer
    /// The label.
    public let value: Int32

    /// The key, in quotes.
    public var key: String { quotedKey(keyBytes) }
  }

  /// How a record's image is stored.
  public enum Storage: String, Sendable {
    /// A byte for each value.
    case bytes
    /// A float for each value.
    case floats
    /// An image file.
    case png = "PNG"
    /// An image file.
    case jpeg = "JPEG"
  }

  /// The folder.
  public let path: String
  /// How many records there are.
  public var count: Int { reader.count }

  private let reader: LMDBReader
  private let decoder = RecordDecoder(.unchanged)

  /// Opens an LMDB.
  public init(path: String) throws(Diagnostic) {
    guard DatumSource.isLMDB(path) || LMDBReader.isLevelDB(path) else {
      throw DatumSource.missing([path])
    }
    self.path = path
    reader = try LMDBReader(path: path)
  }

  /// Goes back before the first record.
  public func rewind() { reader.rewind() }

  /// The next record, decoded, or what is wrong with it; `nil` behind the last.
  ///
  /// - Throws: a diagnostic if the file itself is damaged, so that the walk cannot go on.
  public func next() throws(Diagnostic) -> Result<Record, Diagnostic>? {
    guard let raw = try reader.next() else { return nil }
    do throws(DatumFault) {
      let datum = try Datum(raw.value)
      let (size, values) = try decoder.image(datum)
      return .success(
        Record(
          key: quotedKey(raw.key), keyBytes: raw.key, size: size, label: datum.label,
          storage: Self.storage(datum, values), bytes: raw.value.count, values: values))
    } catch {
      return .failure(
        .error("record \(quotedKey(raw.key)): \(error.message)", path: path, help: error.help))
    }
  }

  /// The label of the next record, whose image is not decoded; `nil` behind the last.
  ///
  /// - Throws: a diagnostic if the record is damaged, or the file itself.
  public func nextLabel() throws(Diagnostic) -> Label? {
    guard let raw = try reader.next() else { return nil }
    do throws(DatumFault) {
      return Label(keyBytes: raw.key, value: try Datum(raw.value).label)
    } catch {
      throw .error(
        "record \(quotedKey(raw.key)): \(error.message)", path: path, help: error.help)
    }
  }

  /// The next record; `nil` behind the last.
  ///
  /// - Throws: a diagnostic if it cannot be read.
  public func nextGood() throws(Diagnostic) -> Record? { try next()?.get() }

  private static func storage(_ datum: Datum, _ values: BatchAssembler.Values) -> Storage {
    if datum.isEncoded { return ImageKind(datum.data) == .png ? .png : .jpeg }
    if case .floats = values { return .floats }
    return .bytes
  }
}

extension Database.Record {
  /// The number of values of its image.
  public var count: Int { size.channels * size.height * size.width }

  /// Calls a closure with the bytes of its image; `nil` if it is stored as floats.
  func withBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R? {
    guard case .bytes(let start) = values else { return nil }
    return body(UnsafeBufferPointer(start: start, count: count))
  }

  /// The smallest and the largest value of its image.
  public var range: ClosedRange<Float> {
    switch values {
    case .bytes(let start):
      let all = UnsafeBufferPointer(start: start, count: count)
      return Float(all.min() ?? 0)...Float(all.max() ?? 0)
    case .floats(let start):
      let all = UnsafeBufferPointer(start: start, count: count)
      guard let smallest = all.min(), let largest = all.max(), smallest <= largest else {
        return 0...0
      }
      return smallest...largest
    }
  }
}
