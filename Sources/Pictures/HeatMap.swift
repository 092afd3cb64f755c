/// A square of counts in which rows are what is true and columns what was said.
public struct HeatMap: Sendable {
  let title: String
  let names: [String]
  /// Row by row.
  let counts: [Int]

  /// Describes a map; `counts` has a row for each name, with a number for each name.
  public init(title: String, names: [String], counts: [Int]) {
    (self.title, self.names, self.counts) = (title, names, counts)
  }

  /// The map as a picture; a cell's depth is its share of its row.
  public func drawn() -> SVG {
    let count = names.count
    let cell = count <= 12 ? 44.0 : count <= 24 ? 32 : count <= 60 ? 16 : 6
    let hasNumbers = cell >= 32
    let hasNames = cell >= 16
    let longest = hasNames ? names.map { SVG.width($0, size: 11) }.max() ?? 0 : 0
    let isTurned = longest > cell - 4
    let left = 44 + min(longest, 150) + 8
    let top = 62 + (isTurned ? min(longest, 150) : 14)
    var picture = SVG(
      width: max(left + cell * Double(count) + 20, 300), height: top + cell * Double(count) + 24,
      label: "\(title), \(count) classes")
    picture.text(16, 24, title, size: 14, isBold: true)
    let middle = cell * Double(count) / 2
    picture.text(left + middle, 46, "answer", size: 11, anchor: .middle, ink: .muted)
    picture.text(24, top + middle, "truth", size: 11, anchor: .middle, ink: .muted, turned: true)
    for row in 0..<count {
      if hasNames { draw(name: row, cell, left, top, isTurned, &picture) }
      let sum = counts[row * count..<(row + 1) * count].reduce(0, +)
      for column in 0..<count {
        let value = counts[row * count + column]
        let share = sum > 0 ? Double(value) / Double(sum) : 0
        draw(
          value, share, row, column, cell, left + cell * Double(column), top + cell * Double(row),
          hasNumbers, &picture)
      }
    }
    picture.rect(left, top, 2 * middle, 2 * middle, fill: nil, stroke: .line)
    return picture
  }

  private func draw(
    name number: Int, _ cell: Double, _ left: Double, _ top: Double, _ isTurned: Bool,
    _ picture: inout SVG
  ) {
    let offset = cell * (Double(number) + 0.5)
    let name = HeatMap.cut(names[number])
    picture.text(left - 6, top + offset + 4, name, size: 11, anchor: .end)
    picture.text(
      left + offset + (isTurned ? 4 : 0), top - 6, name, size: 11,
      anchor: isTurned ? .start : .middle, turned: isTurned)
  }

  private func draw(
    _ value: Int, _ share: Double, _ row: Int, _ column: Int, _ cell: Double, _ x: Double,
    _ y: Double, _ hasNumbers: Bool, _ picture: inout SVG
  ) {
    guard value > 0 else { return }
    let ink: Ink = row == column ? .series(0) : .series(1)
    // Few wrong answers are what one looks for: they must be seen.
    let depth = 0.12 + 0.88 * (row == column ? share : share.squareRoot())
    picture.rect(
      x, y, cell, cell, fill: ink, opacity: depth,
      tip: "\(names[row]) taken for \(names[column]): \(value), \(Axis.fixed(100 * share, 1)) %")
    guard hasNumbers else { return }
    picture.text(
      x + cell / 2, y + cell / 2 + 4, String(value), size: value > 9999 ? 9 : 11, anchor: .middle,
      ink: depth > 0.6 ? .inverse : .text)
  }

  private static func cut(_ text: String) -> String {
    text.count > 22 ? text.prefix(21) + "…" : text
  }
}
