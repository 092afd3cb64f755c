/// Curves over a common axis.
public struct LineChart: Sendable {
  /// How a curve is drawn.
  public enum Look: Sendable {
    /// A line.
    case line
    /// A broken line with dots.
    case dashed
    /// A pale line, behind another.
    case faint
  }

  /// One curve.
  public struct Curve: Sendable {
    let name: String
    let points: [(x: Double, y: Double)]
    let ink: Ink
    let look: Look

    /// Makes a curve; one without a name is not in the legend.
    public init(_ name: String, _ points: [(x: Double, y: Double)], ink: Ink, look: Look = .line) {
      (self.name, self.points, self.ink, self.look) = (name, points, ink, look)
    }
  }

  let title: String
  let xTitle: String
  let yTitle: String
  let isLogarithmic: Bool
  let steps: Bool
  let range: [Double]
  let curves: [Curve]

  /// Describes a chart.
  ///
  /// - Parameters:
  ///   - title: What stands above.
  ///   - x: What runs along, with its unit.
  ///   - y: What runs up, with its unit; empty if the title says it.
  ///   - isLogarithmic: Whether equal steps upward are equal ratios.
  ///   - steps: Whether a value holds until the next point.
  ///   - range: Places along the axis that are to be seen whether or not a curve comes there.
  ///   - curves: The curves.
  public init(
    title: String, x: String, y: String = "", isLogarithmic: Bool = false, steps: Bool = false,
    range: [Double] = [], curves: [Curve]
  ) {
    (self.title, xTitle, yTitle) = (title, x, y)
    (self.isLogarithmic, self.steps) = (isLogarithmic, steps)
    (self.range, self.curves) = (range, curves)
  }

  /// The chart as a picture.
  public func drawn(width: Double = 720, height: Double = 300) -> SVG {
    var picture = SVG(width: width, height: height, label: label)
    let legend = legendRows(width - 32)
    let top = 34 + 18 * Double(legend.count)
    let xs = Axis(
      range + curves.flatMap { $0.points.map(\.x) }, count: max(2, Int(width / 90)), isTight: true)
    let ys = Axis(
      curves.flatMap { $0.points.map(\.y) }, count: max(2, Int((height - top) / 45)),
      isLogarithmic: isLogarithmic)
    let left =
      16 + (ys.ticks.map { SVG.width($0.text, size: 11) }.max() ?? 0) + 8
      + (yTitle.isEmpty ? 0 : 16)
    let frame = Frame(
      left: left, top: top + 8, right: width - 20, bottom: height - 40, x: xs, y: ys)
    picture.text(16, 22, title, size: 14, isBold: true)
    draw(legend, &picture)
    frame.draw(&picture, xTitle: xTitle, yTitle: yTitle)
    for curve in curves where curve.look == .faint { draw(curve, frame, &picture) }
    for curve in curves where curve.look != .faint { draw(curve, frame, &picture) }
    return picture
  }

  private var label: String {
    let names = curves.map(\.name).filter { !$0.isEmpty }
    return "\(title) over \(xTitle)" + (names.isEmpty ? "" : ": " + names.joined(separator: ", "))
  }

  private func draw(_ curve: Curve, _ frame: Frame, _ picture: inout SVG) {
    let points = LineChart.thinned(curve.points, to: Int(frame.right - frame.left))
    var commands = ""
    var isOpen = false
    var last = (x: 0.0, y: 0.0)
    for point in points {
      guard let x = frame.x(point.x), let y = frame.y(point.y) else {
        isOpen = false
        continue
      }
      if isOpen, steps { commands += "H\(SVG.n(x))V\(SVG.n(y))" }
      if isOpen, !steps { commands += "L\(SVG.n(x)) \(SVG.n(y))" }
      if !isOpen { commands += "M\(SVG.n(x)) \(SVG.n(y))" }
      isOpen = true
      last = (x, y)
    }
    let isFaint = curve.look == .faint
    picture.path(
      commands, stroke: curve.ink, width: isFaint ? 1 : 1.8,
      dash: curve.look == .dashed ? "6 4" : nil, opacity: isFaint ? 0.35 : 1)
    // A line of one point would not be seen.
    if curve.look == .dashed || (points.count == 1 && isOpen), points.count <= 60 {
      for point in points {
        guard let x = frame.x(point.x), let y = frame.y(point.y) else { continue }
        picture.circle(
          x, y, 2.6, fill: curve.ink,
          tip: "\(curve.name): \(Axis.text(point.y)) at \(Axis.text(point.x))")
      }
    } else if !isFaint, isOpen, let end = points.last {
      picture.circle(
        last.x, last.y, 2.6, fill: curve.ink,
        tip: "\(curve.name): \(Axis.text(end.y)) at \(Axis.text(end.x))")
    }
  }

  /// Few enough points to draw: of each stretch the least and the greatest, in their order.
  static func thinned(_ points: [(x: Double, y: Double)], to width: Int) -> [(x: Double, y: Double)]
  {
    let buckets = max(50, width)
    guard points.count > 3 * buckets else { return points }
    var result: [(x: Double, y: Double)] = []
    for bucket in 0..<buckets {
      let range = bucket * points.count / buckets..<(bucket + 1) * points.count / buckets
      guard let low = range.min(by: { points[$0].y < points[$1].y }),
        let high = range.max(by: { points[$0].y < points[$1].y })
      else { continue }
      result.append(points[min(low, high)])
      if low != high { result.append(points[max(low, high)]) }
      // A gap stays a gap.
      if let gap = range.first(where: { !points[$0].y.isFinite }) { result.append(points[gap]) }
    }
    if let last = points.last { result.append(last) }
    return result
  }

  // MARK: Legend

  /// The named curves in rows, with the place of each.
  private func legendRows(_ width: Double) -> [[(curve: Curve, x: Double)]] {
    let named = curves.filter { !$0.name.isEmpty }
    guard named.count > 1 || (named.first.map { $0.name != title } ?? false) else { return [] }
    var rows: [[(curve: Curve, x: Double)]] = [[]]
    var x = 0.0
    for curve in named {
      let needed = 30 + SVG.width(curve.name, size: 12) + 16
      if x > 0, x + needed > width {
        rows.append([])
        x = 0
      }
      rows[rows.count - 1].append((curve, x))
      x += needed
    }
    return rows
  }

  private func draw(_ rows: [[(curve: Curve, x: Double)]], _ picture: inout SVG) {
    for (number, row) in rows.enumerated() {
      let y = 44 + 18 * Double(number)
      for (curve, x) in row {
        picture.line(
          16 + x, y - 4, 40 + x, y - 4, curve.ink, width: 2,
          dash: curve.look == .dashed ? "6 4" : nil)
        picture.text(46 + x, y, curve.name, size: 12)
      }
    }
  }
}

/// The part of a chart between its axes.
struct Frame {
  let left: Double, top: Double, right: Double, bottom: Double
  let x: Axis, y: Axis

  func x(_ value: Double) -> Double? { x.place(value).map { left + $0 * (right - left) } }
  func y(_ value: Double) -> Double? { y.place(value).map { bottom - $0 * (bottom - top) } }

  /// Draws grid, ticks and titles.
  func draw(_ picture: inout SVG, xTitle: String, yTitle: String, hasVerticals: Bool = true) {
    for tick in y.ticks {
      guard let place = y(tick.value) else { continue }
      picture.line(left, place, right, place, .grid)
      picture.text(left - 8, place + 4, tick.text, size: 11, anchor: .end, ink: .muted)
    }
    for tick in x.ticks {
      guard let place = x(tick.value) else { continue }
      if hasVerticals { picture.line(place, top, place, bottom, .grid) }
      picture.text(place, bottom + 16, tick.text, size: 11, anchor: .middle, ink: .muted)
    }
    picture.line(left, bottom, right, bottom, .line)
    picture.text((left + right) / 2, bottom + 33, xTitle, size: 11, anchor: .middle, ink: .muted)
    if !yTitle.isEmpty {
      picture.text(
        20, (top + bottom) / 2, yTitle, size: 11, anchor: .middle, ink: .muted, turned: true)
    }
  }
}
