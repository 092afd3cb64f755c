import Compute
public import Prototxt

/// The place in the data, as a run saves it.
///
/// In the order of keys: the number of records passed, key and counter of the transform's stream, the
/// length of the last key, and the key, by which the place is found again at once. Shuffled: the
/// records passed in this pass, key and counter, a mark in place of the length, the order's key, the
/// number of the pass, and that of all records.
extension DatumSource {
  private static let shuffledMark = UInt64.max

  /// Goes back before the first record; draws go on where saved numbers say.
  public func rewind(drawingFrom counters: [UInt64]) {
    reader.rewind()
    guard counters.count >= 3 else { return }
    transform.random = RandomStream(key: counters[1], counter: counters[2])
    if counters.count == 7, counters[3] == Self.shuffledMark {
      order?.go(to: 0, round: counters[5], key: counters[4])
    }
  }

  /// What to save to begin at the first record.
  public var startCounters: [UInt64] {
    var counters: [UInt64] = []
    if let order {
      append(order, to: &counters)
    } else {
      counters = [0, transform.random.key, transform.random.counter, 0]
    }
    return counters
  }

  private func append(_ order: RecordOrder, to counters: inout [UInt64]) {
    counters.append(UInt64(order.position))
    counters.append(transform.random.key)
    counters.append(transform.random.counter)
    counters.append(Self.shuffledMark)
    counters.append(order.key)
    counters.append(order.round)
    counters.append(UInt64(order.count))
  }

  /// Writes down where the walk stands.
  func save(to batch: Batch) {
    batch.counters.removeAll(keepingCapacity: true)
    if let order { return append(order, to: &batch.counters) }
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
  /// - Returns: A remark if the record that was last is no more, or the order is another.
  public func restore(_ counters: [UInt64]) throws(Diagnostic) -> String? {
    reader.rewind()
    let isShuffled = counters.count == 7 && counters[3] == Self.shuffledMark
    guard isShuffled || order != nil else { return try restoreWalk(counters) }
    guard counters.count >= 4 else { throw senseless }
    transform.random = RandomStream(key: counters[1], counter: counters[2])
    guard let order else {
      return "\(owner): what was saved is of a shuffled run, and this one is not: begins with the "
        + "first record"
    }
    guard isShuffled else {
      self.order?.go(to: 0, round: 0, key: order.key)
      return "\(owner): what was saved is of a run that was not shuffled: begins a new pass"
    }
    guard counters[6] == UInt64(order.count), let position = Int(exactly: counters[0]),
      position <= order.count
    else {
      self.order?.go(to: 0, round: counters[5] &+ 1, key: counters[4])
      return "\(owner): '\(reader.path)' has \(order.count) records, no longer \(counters[6]): "
        + "begins a new pass"
    }
    self.order?.go(to: position, round: counters[5], key: counters[4])
    return nil
  }

  private var senseless: Diagnostic {
    .error("\(owner): what was saved of the place in the data makes no sense", path: reader.path)
  }

  private func restoreWalk(_ counters: [UInt64]) throws(Diagnostic) -> String? {
    guard counters.count >= 4, let position = Int(exactly: counters[0]),
      let length = Int(exactly: counters[3]), length <= 8 * (counters.count - 4),
      (length + 7) / 8 == counters.count - 4
    else { throw senseless }
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
