import Glibc

/// How the loss has gone since the run began, as a row of small bars.
///
/// It keeps as many means as it may have cells: when they are full, neighbours become one.
struct LossTrace {
  private static let capacity = 32
  private var means: [Double] = []
  private var sum = 0.0
  private var count = 0
  /// Losses in each mean.
  private var stride = 1

  /// Takes the next loss; what is no number leaves no trace.
  mutating func add(_ loss: Float) {
    guard loss.isFinite else { return }
    sum += Double(loss)
    count += 1
    guard count == stride else { return }
    means.append(sum / Double(count))
    (sum, count) = (0, 0)
    guard means.count == LossTrace.capacity else { return }
    for index in 0..<means.count / 2 {
      means[index] = (means[2 * index] + means[2 * index + 1]) / 2
    }
    means.removeLast(means.count / 2)
    stride *= 2
  }

  /// At most so many bars; empty before there are two losses.
  ///
  /// Losses fall by factors, so the bars stand for logarithms where all are above 0.
  func text(cells: Int, isUTF8: Bool) -> String {
    guard means.count > 1 else { return "" }
    let isPositive = means.allSatisfy { $0 > 0 }
    let cells = min(cells, means.count)
    let values = (0..<cells).map { cell in
      let part = means[cell * means.count / cells..<(cell + 1) * means.count / cells]
      let mean = part.reduce(0, +) / Double(part.count)
      return isPositive ? log(mean) : mean
    }
    guard let low = values.min(), let high = values.max() else { return "" }
    let bars = Array(isUTF8 ? "▁▂▃▄▅▆▇█" : "_.-:=+*#")
    return String(
      values.map { value in
        let share = high > low ? (value - low) / (high - low) : 0
        return bars[min(bars.count - 1, Int(share * Double(bars.count)))]
      })
  }
}
