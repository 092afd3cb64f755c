import Compute
import Layers

/// Where the values and gradients of blobs lie: by when they are needed, several in the same memory.
///
/// Time runs through the forward pass, node by node, and back through the backward pass. What is
/// touched in one segment only, in one pass, is needed for just the chunk that a thread is at: it lies in
/// that thread's own memory. What crosses segments lies in one pool, where others lie before it is made
/// and after it was read last. What is kept, comes from outside or is asked for afterwards has
/// memory of its own.
struct MemoryPlan {
  enum Place: Equatable {
    /// Memory of its own.
    case own
    /// The net's pool, from this float on.
    case pool(Int)
    /// Each worker's memory, from this float on, while it is at a chunk of this step.
    case chunk(step: Int, offset: Int)
  }

  /// The values or the gradient of a blob, with all blobs that share them.
  struct Entry {
    /// Those whose memory is placed; what views it follows.
    var blobs: [Blob]
    let isGradient: Bool
    /// The times between which others must not lie there.
    var first: Int
    var last: Int
    /// The times of the first and the last use.
    let used: (first: Int, last: Int)
    var place = Place.own

    var count: Int { blobs[0].count }
  }

  private(set) var entries: [Entry] = []
  /// By blob: where its values and its gradient are among the entries.
  private(set) var valueEntries: [ObjectIdentifier: Int] = [:]
  private(set) var gradientEntries: [ObjectIdentifier: Int] = [:]
  /// Floats of the pool.
  private(set) var poolCount = 0
  /// Floats of each worker's memory.
  private(set) var chunkCount = 0

  init() {}

  init(_ uses: BlobUses, _ plan: Plan, sharesChunks: Bool) {
    var pooled: [Int] = []
    var chunked: [Int: [Int]] = [:]
    for use in uses.all {
      let number = entries.count
      var entry = Entry(
        blobs: use.blobs, isGradient: use.isGradient, first: use.first, last: use.last,
        used: (use.first, use.last))
      if use.isPinned {
        entry.place = .own
      } else if sharesChunks, let step = use.step, let segment = plan.steps[step].segment,
        !use.touchesWhole, segment.samples > 0, entry.count % segment.samples == 0
      {
        entry.place = .chunk(step: step, offset: 0)
        chunked[step, default: []].append(number)
      } else {
        (entry.first, entry.last) = uses.wholeSteps(entry.first, entry.last)
        entry.place = .pool(0)
        pooled.append(number)
      }
      entries.append(entry)
    }
    valueEntries = uses.values
    gradientEntries = uses.gradients
    poolCount = place(pooled, sizes: { $0.count }, at: { .pool($0) })
    for (step, numbers) in chunked {
      guard let segment = plan.steps[step].segment else { continue }
      let total = place(
        numbers, sizes: { $0.count / segment.samples * segment.chunk },
        at: { .chunk(step: step, offset: $0) })
      chunkCount = max(chunkCount, total)
    }
  }

  /// Finds places for entries so that none meet which are needed at the same time; returns the room.
  ///
  /// The largest come first, each at the lowest place where it fits.
  private mutating func place(
    _ numbers: [Int], sizes: (Entry) -> Int, at place: (Int) -> Place
  ) -> Int {
    struct Placed {
      let offset: Int
      let size: Int
      let first: Int
      let last: Int
    }
    // A cache line lies between neighbours, since kernels may read a little ahead.
    let sized = numbers.map { (number: $0, size: (sizes(entries[$0]) + 31) / 16 * 16) }
      .sorted { ($1.size, $0.number) < ($0.size, $1.number) }
    var placed: [Placed] = []
    var total = 0
    for (number, size) in sized {
      let entry = entries[number]
      var offset = 0
      for other in placed where other.first <= entry.last && entry.first <= other.last {
        if offset + size <= other.offset { break }
        offset = max(offset, other.offset + other.size)
      }
      let new = Placed(offset: offset, size: size, first: entry.first, last: entry.last)
      placed.insert(new, at: placed.firstIndex { $0.offset > offset } ?? placed.count)
      entries[number].place = place(offset)
      total = max(total, offset + size)
    }
    return total
  }

  /// Floats that would be taken if nothing were shared.
  var unsharedCount: Int {
    entries.reduce(0) { sum, entry in sum + entry.blobs.reduce(0) { $0 + $1.count } }
  }

  /// Floats of entries with memory of their own.
  func ownCount(gradients: Bool) -> Int {
    entries.reduce(0) { sum, entry in
      guard entry.place == .own, entry.isGradient == gradients else { return sum }
      return sum + entry.blobs.reduce(0) { $0 + $1.count }
    }
  }
}
