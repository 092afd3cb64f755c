/// Where the vertices of each rank stand, after Brandes and Köpf: "Fast and Simple Horizontal
/// Coordinate Assignment" (2001).
///
/// Each vertex is lined up with the middle one of its neighbours above (or below), from the left (or
/// the right), which makes four layouts with long straight lines; a vertex stands at the mean of
/// its two middle places in them. Bends of one edge are always in line.
struct GraphCoordinates {
  private(set) var x: [Double]

  private let graph: RankedGraph
  private let widths: [Double]
  private let gap: Double
  /// Edges that would cross the inner part of a long edge, which must stay straight.
  private var conflicts: Set<Pair> = []

  private struct Pair: Hashable {
    let upper: Int, lower: Int
  }

  init(_ graph: RankedGraph, widths: [Double], gap: Double) {
    (self.graph, self.widths, self.gap) = (graph, widths, gap)
    x = Array(repeating: 0, count: graph.owners.count)
    guard !x.isEmpty else { return }
    findConflicts()
    var layouts: [(x: [Double], isRight: Bool)] = []
    for isUp in [false, true] {
      for isRight in [false, true] {
        let (root, align) = aligned(isUp: isUp, isRight: isRight)
        var found = compacted(root, align, isRight: isRight)
        if isRight { found = found.map { -$0 } }
        layouts.append((found, isRight))
      }
    }
    x = balanced(layouts)
  }

  /// Notes edges that cross an inner segment: one between two bends.
  private mutating func findConflicts() {
    for level in graph.layers.indices.dropFirst() {
      let upper = places(graph.layers[level - 1])
      let layer = graph.layers[level]
      func innerPlace(_ vertex: Int) -> Int? {
        guard graph.owners[vertex] == nil, let up = graph.above[vertex].first,
          graph.owners[up] == nil
        else { return nil }
        return upper[up]
      }
      var first = 0
      var least = 0
      for (place, vertex) in layer.enumerated() {
        let inner = innerPlace(vertex)
        guard inner != nil || place == layer.count - 1 else { continue }
        let most = inner ?? upper.count
        for other in layer[first...place] {
          for up in graph.above[other] {
            let position = upper[up] ?? 0
            let isInner = graph.owners[other] == nil && graph.owners[up] == nil
            if !isInner, position < least || position > most {
              conflicts.insert(Pair(upper: up, lower: other))
            }
          }
        }
        first = place + 1
        least = most
      }
    }
  }

  private func places(_ layer: [Int]) -> [Int: Int] {
    Dictionary(uniqueKeysWithValues: layer.enumerated().map { ($1, $0) })
  }

  /// Joins vertices in blocks that are to be one below the other.
  private func aligned(isUp: Bool, isRight: Bool) -> (root: [Int], align: [Int]) {
    var root = Array(graph.owners.indices)
    var align = root
    let levels = isUp ? Array(graph.layers.indices.reversed()) : Array(graph.layers.indices)
    for (before, level) in zip(levels, levels.dropFirst()) {
      let places = ordered(graph.layers[before], isRight).enumerated()
        .reduce(into: [Int: Int]()) { $0[$1.element] = $1.offset }
      var last = -1
      for vertex in ordered(graph.layers[level], isRight) {
        let neighbours = (isUp ? graph.below[vertex] : graph.above[vertex])
          .sorted { places[$0] ?? 0 < places[$1] ?? 0 }
        guard !neighbours.isEmpty else { continue }
        let middle = Double(neighbours.count - 1) / 2
        for index in Set([Int(middle.rounded(.down)), Int(middle.rounded(.up))]).sorted()
        where align[vertex] == vertex {
          let neighbour = neighbours[index]
          let place = places[neighbour] ?? 0
          let pair =
            isUp
            ? Pair(upper: vertex, lower: neighbour) : Pair(upper: neighbour, lower: vertex)
          guard place > last, !conflicts.contains(pair) else { continue }
          align[neighbour] = vertex
          root[vertex] = root[neighbour]
          align[vertex] = root[vertex]
          last = place
        }
      }
    }
    return (root, align)
  }

  private func ordered(_ layer: [Int], _ isRight: Bool) -> [Int] {
    isRight ? layer.reversed() : layer
  }

  /// Puts blocks as far to the left as their neighbours let them, then back to the right where
  /// nothing holds them.
  private func compacted(_ root: [Int], _ align: [Int], isRight: Bool) -> [Double] {
    var successors: [Int: [Int: Double]] = [:]
    var predecessors: [Int: [Int: Double]] = [:]
    for layer in graph.layers {
      let layer = ordered(layer, isRight)
      for (a, b) in zip(layer, layer.dropFirst()) {
        let distance = widths[a] / 2 + gap(a, b) + widths[b] / 2
        let (from, to) = (root[a], root[b])
        let known = successors[from]?[to] ?? 0
        successors[from, default: [:]][to] = max(known, distance)
        predecessors[to, default: [:]][from] = max(known, distance)
      }
    }
    let order = topological(root, successors, predecessors)
    var place = Array(repeating: 0.0, count: root.count)
    for block in order {
      place[block] = predecessors[block, default: [:]].map { place[$0.key] + $0.value }.max() ?? 0
    }
    for block in order.reversed() {
      let room = successors[block, default: [:]].map { place[$0.key] - $0.value }.min()
      if let room, room > place[block] { place[block] = room }
    }
    return root.map { place[$0] }
  }

  /// Long edges may run closer together than nodes.
  private func gap(_ a: Int, _ b: Int) -> Double {
    let bends = (graph.owners[a] == nil ? 1 : 0) + (graph.owners[b] == nil ? 1 : 0)
    return bends == 2 ? gap * 0.5 : bends == 1 ? gap * 0.75 : gap
  }

  private func topological(
    _ root: [Int], _ successors: [Int: [Int: Double]], _ predecessors: [Int: [Int: Double]]
  ) -> [Int] {
    var waiting = root.indices.map { predecessors[$0]?.count ?? 0 }
    var open = root.indices.filter { root[$0] == $0 && waiting[$0] == 0 }
    var order: [Int] = []
    while let block = open.popLast() {
      order.append(block)
      for next in successors[block, default: [:]].keys.sorted() {
        waiting[next] -= 1
        if waiting[next] == 0 { open.append(next) }
      }
    }
    return order
  }

  /// Brings the four layouts over the narrowest one, and takes the mean of the two in the middle.
  private func balanced(_ layouts: [(x: [Double], isRight: Bool)]) -> [Double] {
    func bounds(_ x: [Double]) -> (low: Double, high: Double) {
      let low = zip(x, widths).map { $0 - $1 / 2 }.min() ?? 0
      let high = zip(x, widths).map { $0 + $1 / 2 }.max() ?? 0
      return (low, high)
    }
    let limits = layouts.map { bounds($0.x) }
    guard let narrow = limits.min(by: { $0.high - $0.low < $1.high - $1.low }) else { return x }
    let shifted = zip(layouts, limits).map { layout, limit in
      let shift = layout.isRight ? narrow.high - limit.high : narrow.low - limit.low
      return layout.x.map { $0 + shift }
    }
    return x.indices.map { vertex in
      let sorted = shifted.map { $0[vertex] }.sorted()
      return (sorted[1] + sorted[2]) / 2
    }
  }
}
