public import Prototxt

/// A source of batches whose place can be saved and found again.
public protocol RecordSource: BatchSource {
  /// The number of records of one pass; `nil` if there is no such thing.
  var count: Int? { get }

  /// Whether the walk goes on at the first record after the last.
  var wraps: Bool { get set }

  /// Whether each pass has an order of its own, drawn at random.
  var shuffles: Bool { get }

  /// What to save to begin at the first record.
  var startCounters: [UInt64] { get }

  /// Goes back before the first record; draws go on where saved numbers say.
  func rewind(drawingFrom counters: [UInt64])

  /// Goes to where saved numbers say.
  ///
  /// - Returns: A remark if the place had to be guessed.
  func restore(_ counters: [UInt64]) throws(Diagnostic) -> String?

  /// What a record of a batch is called in messages; may be asked while another batch is filled.
  func recordName(_ names: RecordNames, _ index: Int) -> String?
}

extension RecordSource {
  /// The records come as they are stored.
  public var shuffles: Bool { false }

  /// The name in quotes.
  public func recordName(_ names: RecordNames, _ index: Int) -> String? { names.quoted(index) }
}
