/// How the values of a blob are spread.
struct WeightNumbers {
  /// The least and the largest finite value; 0 if there is none.
  private(set) var least: Float = 0
  private(set) var most: Float = 0
  /// Of the finite values.
  private(set) var mean = 0.0
  private(set) var deviation = 0.0
  /// The share of values that are 0.
  private(set) var zeroShare = 0.0
  /// How many values are infinite or no numbers.
  private(set) var notFinite = 0

  init(_ values: [Float]) {
    var zeros = 0
    var finite = 0
    for value in values {
      guard value.isFinite else {
        notFinite += 1
        continue
      }
      if finite == 0 { (least, most) = (value, value) }
      finite += 1
      least = min(least, value)
      most = max(most, value)
      mean += Double(value)
      if value == 0 { zeros += 1 }
    }
    guard finite > 0 else { return }
    mean /= Double(finite)
    var squares = 0.0
    for value in values where value.isFinite {
      squares += (Double(value) - mean) * (Double(value) - mean)
    }
    deviation = (squares / Double(finite)).squareRoot()
    zeroShare = Double(zeros) / Double(values.count)
  }

  /// Sizes with crosses between them.
  static func shape(_ sizes: [Int]) -> String {
    sizes.isEmpty ? "1" : sizes.map(String.init).joined(separator: "×")
  }
}

/// How two lists of as many values differ.
struct WeightDifference {
  /// The largest difference.
  private(set) var largest = 0.0
  /// The largest difference as a share of the largest value.
  private(set) var share = 0.0
  /// How many values differ.
  private(set) var count = 0
  /// How many values differ, as a share.
  private(set) var changedShare = 0.0

  init(_ a: [Float], _ b: [Float]) {
    var scale = 0.0
    for (x, y) in zip(a, b) {
      if x.isFinite { scale = max(scale, abs(Double(x))) }
      if y.isFinite { scale = max(scale, abs(Double(y))) }
      if x == y || (x.isNaN && y.isNaN) { continue }
      count += 1
      let difference = abs(Double(x) - Double(y))
      largest = difference.isNaN ? .infinity : max(largest, difference)
    }
    share = largest == 0 ? 0 : scale > 0 ? largest / scale : .infinity
    changedShare = a.isEmpty ? 0 : Double(count) / Double(a.count)
  }
}
