/// Counts of values in stretches of equal width.
public struct Histogram: Sendable {
  /// The least and the greatest value counted.
  public let low: Double, high: Double
  /// For each stretch, how many values are in it.
  public let counts: [Int]

  /// Counts values; what is not finite does not count.
  public init(_ values: [Float], bins: Int = 40) {
    var least = Float.infinity
    var most = -Float.infinity
    for value in values where value.isFinite {
      least = min(least, value)
      most = max(most, value)
    }
    guard least <= most else {
      (low, high, counts) = (0, 1, Array(repeating: 0, count: bins))
      return
    }
    (low, high) = (Double(least), Double(most))
    var counts = Array(repeating: 0, count: bins)
    let scale = high > low ? Double(bins) / (high - low) : 0
    for value in values where value.isFinite {
      counts[min(bins - 1, max(0, Int((Double(value) - low) * scale)))] += 1
    }
    self.counts = counts
  }

  /// The counts as a row of letters of rising height.
  public var letters: String {
    let heights = Array("▁▂▃▄▅▆▇█")
    guard let most = counts.max(), most > 0 else { return "" }
    return String(
      counts.map { count in
        count == 0 ? " " : heights[min(7, Int((Double(count) / Double(most)).squareRoot() * 7.99))]
      })
  }
}

/// Bars over an axis of numbers.
public struct BarChart: Sendable {
  let title: String
  let xTitle: String
  let histogram: Histogram
  let ink: Ink

  /// Describes a chart of how often values occur.
  public init(title: String, x: String, _ histogram: Histogram, ink: Ink = .series(0)) {
    (self.title, xTitle, self.histogram, self.ink) = (title, x, histogram, ink)
  }

  /// The chart as a picture.
  public func drawn(width: Double = 520, height: Double = 220) -> SVG {
    var picture = SVG(width: width, height: height, label: "\(title): how often values occur")
    picture.text(16, 22, title, size: 13, isBold: true)
    let ys = Axis([0] + histogram.counts.map(Double.init), count: 4)
    let xs = Axis([histogram.low, histogram.high], count: 5, isTight: true)
    let left = 24 + (ys.ticks.map { SVG.width($0.text, size: 11) }.max() ?? 0)
    let frame = Frame(left: left, top: 36, right: width - 20, bottom: height - 40, x: xs, y: ys)
    frame.draw(&picture, xTitle: xTitle, yTitle: "", hasVerticals: false)
    let step = (frame.right - frame.left) / Double(histogram.counts.count)
    let size = (histogram.high - histogram.low) / Double(histogram.counts.count)
    for (index, count) in histogram.counts.enumerated() where count > 0 {
      guard let y = frame.y(Double(count)) else { continue }
      let from = histogram.low + size * Double(index)
      picture.rect(
        frame.left + step * Double(index) + 0.5, y, step - 1, frame.bottom - y, fill: ink,
        opacity: 0.85, tip: "\(count) from \(Axis.text(from)) to \(Axis.text(from + size))")
    }
    return picture
  }
}
