/// A table of text with aligned columns.
struct Table {
  /// On which side the cells of a column stand.
  enum Alignment {
    case left, right
  }

  /// A column: its title, and where its cells stand.
  struct Column {
    let title: String
    let alignment: Alignment

    init(_ title: String, _ alignment: Alignment = .left) {
      self.title = title
      self.alignment = alignment
    }
  }

  private enum Row {
    case cells([String], isDim: Bool, isBold: Bool)
    case rule
  }

  private let columns: [Column]
  private var rows: [Row] = []

  init(_ columns: [Column]) {
    self.columns = columns
  }

  /// Adds a row; missing cells are empty.
  mutating func append(_ cells: [String], isDim: Bool = false, isBold: Bool = false) {
    rows.append(.cells(cells, isDim: isDim, isBold: isBold))
  }

  /// Adds a line across.
  mutating func appendRule() {
    rows.append(.rule)
  }

  /// The lines of the table.
  ///
  /// Where `width` columns are too few, names give way first, then the last columns.
  func rendered(_ style: Style, width: Int? = nil) -> String {
    var widths = columns.map(\.title.count)
    for case .cells(let cells, _, _) in rows {
      for (index, cell) in cells.enumerated() { widths[index] = max(widths[index], cell.count) }
    }
    let total = fit(&widths, in: width)
    var lines = [style.bold(line(columns.map(\.title), widths))]
    for row in rows {
      switch row {
      case .rule: lines.append(style.dim(String(repeating: "─", count: total)))
      case .cells(let cells, let isDim, let isBold):
        let text = line(cells, widths)
        lines.append(isDim ? style.dim(text) : isBold ? style.bold(text) : text)
      }
    }
    return lines.map { $0 + "\n" }.joined()
  }

  /// Makes columns narrower, and takes the last ones away, until they fit; returns their width.
  private func fit(_ widths: inout [Int], in width: Int?) -> Int {
    func total() -> Int { widths.reduce(0, +) + 2 * (widths.count - 1) }
    guard let width else { return total() }
    if let first = widths.first, total() > width {
      widths[0] = min(first, max(8, first - (total() - width)))
    }
    while total() > width, widths.count > 2 { widths.removeLast() }
    return total()
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    var text = ""
    for (index, width) in widths.enumerated() {
      var cell = index < cells.count ? cells[index] : ""
      if cell.count > width { cell = cell.prefix(width - 1) + "…" }
      let blank = String(repeating: " ", count: width - cell.count)
      if index > 0 { text += "  " }
      text += columns[index].alignment == .left ? cell + blank : blank + cell
    }
    while text.last == " " { text.removeLast() }
    return text
  }
}
