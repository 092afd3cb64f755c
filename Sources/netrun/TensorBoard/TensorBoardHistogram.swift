/// How numbers are spread, in buckets that grow by a tenth from one to the next.
struct TensorBoardHistogram {
  private(set) var least = Double.infinity
  private(set) var most = -Double.infinity
  private(set) var count = 0.0
  private(set) var sum = 0.0
  private(set) var sumOfSquares = 0.0
  /// The upper ends of the buckets that hold anything, and of those right before them.
  private(set) var limits: [Double] = []
  private(set) var buckets: [Double] = []

  /// The upper ends of all buckets, from below on.
  private static let ends: [Double] = {
    var positive: [Double] = []
    var value = 1e-12
    while value < 1e20 {
      positive.append(value)
      value *= 1.1
    }
    return positive.reversed().map { -$0 } + [0] + positive + [.greatestFiniteMagnitude]
  }()

  /// Counts numbers; those that are not finite are left out.
  init(_ values: UnsafeBufferPointer<Float>) {
    var counts = [Double](repeating: 0, count: TensorBoardHistogram.ends.count)
    for value in values where value.isFinite {
      let value = Double(value)
      least = min(least, value)
      most = max(most, value)
      count += 1
      sum += value
      sumOfSquares += value * value
      counts[TensorBoardHistogram.bucket(value)] += 1
    }
    guard let first = counts.firstIndex(where: { $0 > 0 }),
      let last = counts.lastIndex(where: { $0 > 0 })
    else {
      (least, most) = (0, 0)
      (limits, buckets) = ([0], [0])
      return
    }
    // The reader takes the end before a bucket for its beginning; other empty ones are left out.
    for index in max(0, first - 1)...last {
      let isNeeded = counts[index] > 0 || index < last && counts[index + 1] > 0
      guard isNeeded else { continue }
      limits.append(TensorBoardHistogram.ends[index])
      buckets.append(counts[index])
    }
  }

  /// The first bucket whose end is above a value.
  private static func bucket(_ value: Double) -> Int {
    var (low, high) = (0, ends.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if ends[middle] > value { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// A `HistogramProto`.
  var message: ProtoBytes {
    var result = ProtoBytes()
    for (index, value) in [least, most, count, sum, sumOfSquares].enumerated() {
      result.add(index + 1, value)
    }
    result.add(6, packed: limits)
    result.add(7, packed: buckets)
    return result
  }
}
