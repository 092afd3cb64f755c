import Pictures

/// A chart of letters for a terminal: each holds two by four dots.
struct LetterChart {
  let panel: RunCharts.Panel
  let xTitle: String
  let width: Int
  let height: Int

  private static let colors = ["34", "33", "32", "35", "36", "31", "94", "93"]

  /// The chart's lines.
  func rendered(_ style: Style) -> String {
    let curves = panel.curves.filter { !$0.isFaint }
    let ys = Axis(
      curves.flatMap { $0.points.map(\.y) }, count: max(2, height / 4),
      isLogarithmic: panel.isLogarithmic)
    let xs = Axis(curves.flatMap { $0.points.map(\.x) }, count: max(2, width / 14), isTight: true)
    let margin = (ys.ticks.map(\.text.count).max() ?? 0) + 1
    let columns = max(10, width - margin - 1)
    var dots = Dots(columns: columns, rows: height)
    for (number, curve) in curves.enumerated() {
      dots.draw(curve.points.map { (xs.place($0.x), ys.place($0.y)) }, curve: number)
    }
    var lines = [style.bold(panel.title) + legend(curves, style)]
    var labels = Array(repeating: "", count: height)
    for tick in ys.ticks {
      guard let place = ys.place(tick.value), place >= -1e-9, place <= 1 + 1e-9 else { continue }
      labels[Int((Double(height - 1) * (1 - place)).rounded())] = tick.text
    }
    for row in 0..<height {
      let label =
        String(repeating: " ", count: max(0, margin - labels[row].count - 1)) + labels[row]
      let cells = dots.cells(row).map { letter, curve in
        curve.map { paint(String(letter), curves[$0].color, style) } ?? String(letter)
      }
      lines.append(
        style.dim("\(label) \(labels[row].isEmpty ? "│" : "┤")")
          + cells.joined().trimmed)
    }
    lines.append(style.dim(footer(xs, margin, columns)))
    return lines.map { $0 + "\n" }.joined()
  }

  private func footer(_ xs: Axis, _ margin: Int, _ columns: Int) -> String {
    var letters = Array(repeating: Character(" "), count: margin + 1 + columns)
    var end = 0
    for tick in xs.ticks {
      guard let place = xs.place(tick.value), place >= 0, place <= 1 else { continue }
      let middle = margin + 1 + Int((Double(columns - 1) * place).rounded())
      let start = max(0, min(middle - tick.text.count / 2, letters.count - tick.text.count))
      guard start >= end else { continue }
      letters.replaceSubrange(start..<start + tick.text.count, with: Array(tick.text))
      end = start + tick.text.count + 2
    }
    let axis = String(repeating: " ", count: margin) + "└" + String(repeating: "─", count: columns)
    return axis + "\n" + "\(String(letters)) \(xTitle)".trimmed
  }

  private func legend(_ curves: [RunCharts.Curve], _ style: Style) -> String {
    curves.map { curve in
      let last = Numbers.general(curve.points.last?.y ?? .nan)
      let name = curve.name.isEmpty ? last : "\(curve.name) \(last)"
      return "  " + paint("●", curve.color, style) + " " + name
    }.joined()
  }

  private func paint(_ text: String, _ color: Int, _ style: Style) -> String {
    style.isOn ? "\u{1b}[\(Self.colors[color % Self.colors.count])m\(text)\u{1b}[0m" : text
  }

  /// A grid of dots, two by four to a letter of Braille.
  private struct Dots {
    private let columns: Int, rows: Int
    private var bits: [UInt8]
    private var curves: [Int?]

    init(columns: Int, rows: Int) {
      (self.columns, self.rows) = (columns, rows)
      bits = Array(repeating: 0, count: columns * rows)
      curves = Array(repeating: nil, count: columns * rows)
    }

    mutating func draw(_ places: [(x: Double?, y: Double?)], curve: Int) {
      var last: (x: Double, y: Double)?
      for place in places {
        guard let x = place.x, let y = place.y else {
          last = nil
          continue
        }
        let point = (x: x * Double(2 * columns - 1), y: (1 - y) * Double(4 * rows - 1))
        let from = last ?? point
        let steps = max(1, Int(max(abs(point.x - from.x), abs(point.y - from.y)).rounded(.up)))
        for step in 0...steps {
          let share = Double(step) / Double(steps)
          set(
            Int((from.x + share * (point.x - from.x)).rounded()),
            Int((from.y + share * (point.y - from.y)).rounded()), curve)
        }
        last = point
      }
    }

    private mutating func set(_ x: Int, _ y: Int, _ curve: Int) {
      guard x >= 0, y >= 0, x < 2 * columns, y < 4 * rows else { return }
      let masks: [[UInt8]] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]]
      let place = y / 4 * columns + x / 2
      bits[place] |= masks[x % 2][y % 4]
      curves[place] = curve
    }

    func cells(_ row: Int) -> [(letter: Character, curve: Int?)] {
      (row * columns..<(row + 1) * columns).map { place in
        guard bits[place] != 0, let scalar = Unicode.Scalar(0x2800 + UInt32(bits[place])) else {
          return (" ", nil)
        }
        return (Character(scalar), curves[place])
      }
    }
  }
}

extension String {
  /// Without blanks at the end.
  fileprivate var trimmed: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
