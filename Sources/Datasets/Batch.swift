public import Compute

/// Some records, ready for a net: blobs, the records' names, and where the source stands after them.
public final class Batch: @unchecked Sendable {
  /// The blobs, whose values are exchanged with those of a layer's tops.
  public let blobs: [Blob]
  /// How many records there are.
  public internal(set) var count = 0
  /// The names of the records.
  public var names = RecordNames()
  /// What must be saved to go on behind this batch.
  public var counters: [UInt64] = []

  /// Makes an empty batch for as many tops.
  public init(tops: Int) {
    blobs = (0..<tops).map { Blob("batch \($0)") }
  }
}

/// The names of the records in a batch, one behind the other in one piece of memory.
public struct RecordNames: Sendable {
  private var bytes: [UInt8] = []
  private var ends: [Int] = []

  /// No names.
  public init() {}

  /// How many names there are.
  public var count: Int { ends.count }

  /// Takes all names away and keeps the memory.
  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }

  mutating func append(_ name: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: name)
    ends.append(bytes.count)
  }

  /// A name as it is told: in quotes, with what cannot be printed as a dot.
  public func quoted(_ index: Int) -> String? {
    guard ends.indices.contains(index) else { return nil }
    return quotedKey(bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]])
  }

  /// A name's bytes.
  func bytes(_ index: Int) -> ArraySlice<UInt8>? {
    guard ends.indices.contains(index) else { return nil }
    return bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
  }

  /// The last name's bytes.
  func withLast<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    let start = ends.count > 1 ? ends[ends.count - 2] : 0
    let end = ends.last ?? 0
    return bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
  }
}

/// A key as it is told: in quotes, with what cannot be printed as a dot.
func quotedKey(_ key: some Collection<UInt8>) -> String {
  let printable = key.prefix(120).map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: ".") : $0 }
  return "'\(String(decoding: printable, as: UTF8.self))\(key.count > 120 ? "…" : "")'"
}
