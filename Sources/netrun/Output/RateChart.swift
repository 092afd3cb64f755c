import Glibc

/// Draws losses against rates, on a logarithmic axis, with the dots of braille or plain characters.
struct RateChart {
  /// A rate and its loss.
  let points: [(rate: Double, loss: Double)]
  /// Losses above this are drawn at the top: those of an explosion would flatten all others.
  let top: Double
  /// A rate that is pointed at, if it is within the points' range.
  let mark: Double?
  let isUTF8: Bool

  /// The columns in front of the picture.
  private static let margin = 10

  /// The lines of the chart; empty for less than two points.
  func rendered(width: Int, height: Int = 14) -> String {
    guard let first = points.first, let last = points.last, last.rate > first.rate,
      let low = points.map(\.loss).min()
    else { return "" }
    let columns = max(20, width - RateChart.margin - 1)
    let across = isUTF8 ? 2 : 1
    let down = isUTF8 ? 4 : 1
    let range = (log10(first.rate), log10(last.rate))
    func place(_ rate: Double, _ count: Int) -> Int {
      Int(((log10(rate) - range.0) / (range.1 - range.0) * Double(count - 1)).rounded())
    }
    let high = max(top, low + abs(low) * 1e-6 + 1e-12)
    var dots = Dots(columns: columns, rows: height, across: across, down: down)
    var before: (x: Int, y: Int)?
    for point in points {
      let share = (min(point.loss, high) - low) / (high - low)
      let spot = (
        x: place(point.rate, columns * across),
        y: Int(((1 - share) * Double(height * down - 1)).rounded())
      )
      dots.line(from: before ?? spot, to: spot)
      before = spot
    }
    var lines = (0..<height).map { row in
      let value =
        row == 0 ? high : row == height - 1 ? low : row == height / 2 ? (high + low) / 2 : nil
      return label(value.map(Numbers.short) ?? "") + (isUTF8 ? "│" : "|") + dots.text(row, isUTF8)
    }
    lines.append(axis(columns, range, place))
    if let mark, mark >= first.rate, mark <= last.rate {
      let blank = String(repeating: " ", count: place(mark, columns))
      lines.append(label("") + " " + blank + (isUTF8 ? "▲" : "^"))
    }
    return lines.map { line in
      var line = line
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }

  private func label(_ text: String) -> String {
    String(repeating: " ", count: max(0, RateChart.margin - 1 - text.count)) + text + " "
  }

  /// The line under the picture, and the powers of ten below it.
  private func axis(
    _ columns: Int, _ range: (Double, Double), _ place: (Double, Int) -> Int
  ) -> String {
    var line = Array(repeating: Character(isUTF8 ? "─" : "-"), count: columns)
    var names = Array(repeating: Character(" "), count: columns + 8)
    var free = 0
    for exponent in stride(from: range.0.rounded(.up), through: range.1 + 1e-9, by: 1) {
      let column = min(columns - 1, place(pow(10, exponent), columns))
      line[column] = isUTF8 ? "┴" : "+"
      let text = Numbers.general(pow(10, exponent))
      guard column >= free else { continue }
      for (index, character) in text.enumerated() where column + index < names.count {
        names[column + index] = character
      }
      free = column + text.count + 1
    }
    return label("") + (isUTF8 ? "└" : "+") + String(line) + "\n" + label("") + " " + String(names)
  }
}

/// Dots in cells of characters.
private struct Dots {
  let columns: Int
  let across: Int
  let down: Int
  private var cells: [UInt8]

  init(columns: Int, rows: Int, across: Int, down: Int) {
    (self.columns, self.across, self.down) = (columns, across, down)
    cells = Array(repeating: 0, count: columns * rows)
  }

  /// The bits of braille's dots, row by row.
  private static let bits: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]

  mutating func line(from: (x: Int, y: Int), to: (x: Int, y: Int)) {
    let steps = max(1, abs(to.x - from.x), abs(to.y - from.y))
    for step in 0...steps {
      let share = Double(step) / Double(steps)
      let x = from.x + Int((Double(to.x - from.x) * share).rounded())
      let y = from.y + Int((Double(to.y - from.y) * share).rounded())
      cells[y / down * columns + x / across] |= Dots.bits[y % down][x % across]
    }
  }

  func text(_ row: Int, _ isUTF8: Bool) -> String {
    String(
      cells[row * columns..<(row + 1) * columns].map { cell in
        guard cell != 0 else { return " " }
        return isUTF8 ? Character(Unicode.Scalar(0x2800 + UInt32(cell)) ?? "*") : "*"
      })
  }
}
