import Compute

/// The order in which records come that are shuffled: one for each pass, which key and number of
/// the pass alone determine.
struct RecordOrder {
  let count: Int
  private(set) var key: UInt64
  /// Which pass, counted from 0.
  private(set) var round: UInt64 = 0
  /// How many records of the pass have come.
  private(set) var position = 0
  private var indices: [Int32] = []
  /// The pass that `indices` are of.
  private var drawn: UInt64?

  init(count: Int, key: UInt64) {
    self.count = count
    self.key = key
  }

  /// The index of the next record.
  mutating func next() -> Int {
    if position == count {
      round &+= 1
      position = 0
    }
    if drawn != round { draw() }
    defer { position += 1 }
    return Int(indices[position])
  }

  private mutating func draw() {
    if indices.count != count { indices = Array(repeating: 0, count: count) }
    for index in indices.indices { indices[index] = Int32(index) }
    var random = RandomStream(seed: key, purpose: "records \(round)")
    for index in indices.indices.dropLast() {
      indices.swapAt(index, index + random.below(count - index))
    }
    drawn = round
  }

  // MARK: Place

  /// Goes to a place in a pass.
  mutating func go(to position: Int, round: UInt64, key: UInt64) {
    if key != self.key { drawn = nil }
    self.key = key
    self.round = round
    self.position = position
  }
}
