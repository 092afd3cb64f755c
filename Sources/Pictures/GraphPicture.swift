/// A drawing of a graph whose nodes are stacks of rows.
public struct GraphPicture: Sendable {
  /// A row of a node.
  public struct Row: Sendable {
    let name: String
    let detail: String
    let ink: Ink
    let badges: [String]
    let tip: String

    /// Makes a row.
    ///
    /// - Parameters:
    ///   - name: In bold letters.
    ///   - detail: In pale ones.
    ///   - ink: The colour of its kind.
    ///   - badges: Words in frames.
    ///   - tip: What is shown where the pointer rests.
    public init(name: String, detail: String, ink: Ink, badges: [String] = [], tip: String = "") {
      (self.name, self.detail, self.ink) = (name, detail, ink)
      (self.badges, self.tip) = (badges, tip)
    }
  }

  /// A node.
  public struct Node: Sendable {
    /// Its rows; the first one is larger.
    public var rows: [Row]
    /// What stands below it, where the edges begin.
    public var caption: String
    /// Whether it only stands for another one that is far away.
    public var isReference: Bool

    /// Makes a node.
    public init(rows: [Row], caption: String = "", isReference: Bool = false) {
      (self.rows, self.caption, self.isReference) = (rows, caption, isReference)
    }
  }

  /// An edge.
  public struct Edge: Sendable {
    let from: Int, to: Int
    let label: String

    /// Makes an edge between two nodes by their numbers.
    public init(from: Int, to: Int, label: String = "") {
      (self.from, self.to, self.label) = (from, to, label)
    }
  }

  let title: String
  let subtitle: String
  let nodes: [Node]
  let edges: [Edge]
  let legend: [(name: String, ink: Ink)]
  let isTurned: Bool

  /// Describes a drawing; `isTurned` makes it run from left to right.
  public init(
    title: String, subtitle: String = "", nodes: [Node], edges: [Edge],
    legend: [(name: String, ink: Ink)], isTurned: Bool = false
  ) {
    (self.title, self.subtitle, self.nodes, self.edges) = (title, subtitle, nodes, edges)
    (self.legend, self.isTurned) = (legend, isTurned)
  }

  private static let mainRow = 38.0
  private static let row = 19.0
  private static let margin = 24.0

  /// The drawing.
  public func drawn() -> SVG {
    let sizes = nodes.map(size)
    // What stands below a node belongs to the room that it takes.
    let rooms = nodes.indices.map { number in
      let caption = SVG.width(nodes[number].caption, size: 10.5)
      return (
        width: max(sizes[number].width, caption), height: sizes[number].height + captionRoom
      )
    }
    let ends = edges.map { (from: $0.from, to: $0.to) }
    var layout = GraphLayout(
      sizes: isTurned ? rooms.map { ($0.height, $0.width) } : rooms, edges: ends,
      rankGap: isTurned ? 46 : 34)
    if isTurned { layout = layout.turned }
    let legendWidth = legend.reduce(0) { $0 + 30 + SVG.width($1.name, size: 12) }
    let content = max(layout.width, SVG.width(title, size: 18), min(legendWidth, 700))
    let (rows, legendHeight) = legendRows(content)
    let head = 62 + (subtitle.isEmpty ? 0 : 18) + legendHeight
    let layers = nodes.reduce(0) { $0 + ($1.isReference ? 0 : $1.rows.count) }
    var picture = SVG(
      width: content + 2 * Self.margin, height: head + layout.height + Self.margin,
      label: "\(title): \(layers) layers")
    picture.text(Self.margin, 34, title, size: 18, isBold: true)
    if !subtitle.isEmpty { picture.text(Self.margin, 54, subtitle, size: 12, ink: .muted) }
    draw(rows, &picture, top: head - legendHeight - 18)
    let left = Self.margin + (content - layout.width) / 2
    for (edge, route) in zip(edges, layout.routes) where !route.isEmpty {
      var route = route.map { GraphLayout.Point(x: $0.x + left, y: $0.y + head) }
      let last = route.count - 1
      if isTurned {
        // From the node's own side, and to it, where words below need more room than the node.
        for index in route.indices { route[index].y -= captionRoom / 2 }
        let room = { (node: Int) in (rooms[node].width - sizes[node].width) / 2 }
        route.insert(.init(x: route[0].x - room(edge.from), y: route[0].y), at: 0)
        route.append(.init(x: route[last + 1].x + room(edge.to), y: route[last + 1].y))
      } else {
        // An edge begins behind the words below its node.
        route.insert(.init(x: route[0].x, y: route[0].y - captionRoom), at: 0)
      }
      draw(edge, route, &picture)
    }
    let shift = captionRoom / 2
    for (index, node) in nodes.enumerated() {
      let center = layout.centers[index]
      draw(node, sizes[index], center.x + left, center.y + head - shift, &picture)
    }
    drawLabels(layout, sizes, &picture, left, head)
    return picture
  }

  private var captionRoom: Double { nodes.contains { !$0.caption.isEmpty } ? 18 : 0 }

  private func size(_ node: Node) -> (width: Double, height: Double) {
    if node.isReference {
      return (SVG.width(node.rows.first?.name ?? "", size: 11) + 20, 20)
    }
    var width = 96.0
    for (index, row) in node.rows.enumerated() {
      let badges = row.badges.reduce(0) { $0 + SVG.width($1, size: 9) + 14 }
      let name = SVG.width(row.name, size: index == 0 ? 12.5 : 11) * (index == 0 ? 1.13 : 1.03)
      let detail = SVG.width(row.detail, size: 10.5)
      width = max(
        width, (index == 0 ? max(name + badges, detail) : name + 8 + detail + badges) + 24)
    }
    return (width, Self.mainRow + Self.row * Double(max(0, node.rows.count - 1)))
  }

  // MARK: Nodes

  private func draw(
    _ node: Node, _ size: (width: Double, height: Double), _ x: Double, _ y: Double,
    _ picture: inout SVG
  ) {
    let (left, top) = (x - size.width / 2, y - size.height / 2)
    guard !node.isReference else {
      picture.rect(
        left, top, size.width, size.height, fill: .panel, stroke: .line, radius: 10, dash: "3 3")
      picture.text(
        x, y + 4, node.rows.first?.name ?? "", size: 11, anchor: .middle, ink: .muted)
      return
    }
    picture.rect(left, top, size.width, size.height, fill: .ground, radius: 5)
    var rowTop = top
    for (index, row) in node.rows.enumerated() {
      let height = index == 0 ? Self.mainRow : Self.row
      picture.rect(
        left, rowTop, size.width, height, fill: row.ink, opacity: 0.14,
        tip: row.tip.isEmpty ? nil : row.tip)
      picture.rect(left, rowTop, 5, height, fill: row.ink)
      if index > 0 { picture.line(left, rowTop, left + size.width, rowTop, .ground, width: 1) }
      draw(row, isMain: index == 0, left, rowTop, size.width, &picture)
      rowTop += height
    }
    picture.rect(left, top, size.width, size.height, fill: nil, stroke: .line, radius: 3)
  }

  private func draw(
    _ row: Row, isMain: Bool, _ left: Double, _ top: Double, _ width: Double,
    _ picture: inout SVG
  ) {
    let base = top + (isMain ? 16 : 13.5)
    picture.text(left + 12, base, row.name, size: isMain ? 12.5 : 11, isBold: isMain)
    if isMain {
      picture.text(left + 12, base + 15, row.detail, size: 10.5, ink: .muted)
    } else {
      let offset = SVG.width(row.name, size: 11) + 8
      picture.text(left + 12 + offset, base, row.detail, size: 10.5, ink: .muted)
    }
    var right = left + width - 6
    for badge in row.badges.reversed() {
      let size = SVG.width(badge, size: 9) + 8
      picture.rect(right - size, base - 10, size, 13, fill: .ground, stroke: row.ink, radius: 3)
      picture.text(
        right - size / 2, base - 0.5, badge, size: 9, anchor: .middle, ink: .text)
      right -= size + 4
    }
  }

  // MARK: Edges

  private func draw(_ edge: Edge, _ route: [GraphLayout.Point], _ picture: inout SVG) {
    guard let first = route.first, let last = route.last else { return }
    var commands = "M\(SVG.n(first.x)) \(SVG.n(first.y))"
    var previous = first
    for (number, point) in route.enumerated().dropFirst() {
      // The line ends within its head.
      let short = number == route.count - 1 ? 5.0 : 0
      let (x, y) = (point.x - (isTurned ? short : 0), point.y - (isTurned ? 0 : short))
      if isTurned ? abs(previous.y - y) < 0.5 : abs(previous.x - x) < 0.5 {
        commands += "L\(SVG.n(x)) \(SVG.n(y))"
      } else if isTurned {
        let middle = SVG.n((previous.x + x) / 2)
        commands += "C\(middle) \(SVG.n(previous.y)) \(middle) \(SVG.n(y)) \(SVG.n(x)) \(SVG.n(y))"
      } else {
        let middle = SVG.n((previous.y + y) / 2)
        commands += "C\(SVG.n(previous.x)) \(middle) \(SVG.n(x)) \(middle) \(SVG.n(x)) \(SVG.n(y))"
      }
      previous = point
    }
    picture.path(commands, stroke: .line, width: 1.4, tip: edge.label.isEmpty ? nil : edge.label)
    let (x, y) = (last.x, last.y)
    let head =
      isTurned
      ? "M\(SVG.n(x)) \(SVG.n(y))l-8 -4v8z" : "M\(SVG.n(x)) \(SVG.n(y))l-4 -8h8z"
    picture.path(head, fill: .line)
  }

  /// What stands below nodes, upon the edges that begin there.
  private func drawLabels(
    _ layout: GraphLayout, _ sizes: [(width: Double, height: Double)], _ picture: inout SVG,
    _ left: Double, _ top: Double
  ) {
    for (index, node) in nodes.enumerated() where !node.caption.isEmpty {
      let center = layout.centers[index]
      let below =
        center.y + top + sizes[index].height / 2 - captionRoom / 2
      let x = center.x + left
      picture.text(
        x, below + 14, node.caption, size: 10.5, anchor: .middle, ink: .muted, hasHalo: !isTurned)
    }
  }

  // MARK: Legend

  private func legendRows(
    _ width: Double
  ) -> (rows: [[(name: String, ink: Ink, x: Double)]], height: Double) {
    var rows: [[(name: String, ink: Ink, x: Double)]] = legend.isEmpty ? [] : [[]]
    var x = 0.0
    for entry in legend {
      let needed = 30 + SVG.width(entry.name, size: 12)
      if x > 0, x + needed > width {
        rows.append([])
        x = 0
      }
      rows[rows.count - 1].append((entry.name, entry.ink, x))
      x += needed
    }
    return (rows, Double(rows.count) * 20)
  }

  private func draw(
    _ rows: [[(name: String, ink: Ink, x: Double)]], _ picture: inout SVG, top: Double
  ) {
    for (number, row) in rows.enumerated() {
      let y = top + 20 * Double(number) + 8
      for entry in row {
        picture.rect(Self.margin + entry.x, y, 11, 11, fill: entry.ink, radius: 2)
        picture.text(Self.margin + entry.x + 16, y + 10, entry.name, size: 12)
      }
    }
  }
}
