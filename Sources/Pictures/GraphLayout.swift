/// Places for the nodes of a graph without cycles: in ranks, so that all edges run one way, with few
/// crossings and few bends.
///
/// Ranks are those of the longest paths. An edge over several ranks gets a bend point in each. Nodes
/// change places within their rank while that lessens crossings (by the means of their neighbours'
/// places); then each gets a coordinate (`GraphCoordinates`).
public struct GraphLayout: Sendable {
  /// A place in the picture.
  public struct Point: Sendable, Equatable {
    /// Along the ranks.
    public var x: Double
    /// Across them.
    public var y: Double
  }

  /// The middles of the nodes.
  public private(set) var centers: [Point] = []
  /// For each edge, the points that it goes through.
  public private(set) var routes: [[Point]] = []
  /// The size of the whole.
  public private(set) var width = 0.0, height = 0.0
  /// How many pairs of edges cross.
  public private(set) var crossings = 0

  /// Lays a graph out from top to bottom.
  ///
  /// - Parameters:
  ///   - sizes: Width and height of each node.
  ///   - edges: From which node to which.
  ///   - rankGap: The room between ranks.
  ///   - nodeGap: The room between the nodes of a rank.
  public init(
    sizes: [(width: Double, height: Double)], edges: [(from: Int, to: Int)], rankGap: Double = 44,
    nodeGap: Double = 26
  ) {
    var ranks = RankedGraph(count: sizes.count, edges: edges)
    ranks.reduceCrossings()
    crossings = ranks.crossings
    let widths = ranks.owners.map { $0.map { sizes[$0].width } ?? 0 }
    let x = GraphCoordinates(ranks, widths: widths, gap: nodeGap).x
    place(ranks, x, sizes, edges, rankGap)
  }

  private mutating func place(
    _ ranks: RankedGraph, _ x: [Double], _ sizes: [(width: Double, height: Double)],
    _ edges: [(from: Int, to: Int)], _ rankGap: Double
  ) {
    let heights = ranks.layers.map { layer in
      layer.compactMap { ranks.owners[$0].map { sizes[$0].height } }.max() ?? 0
    }
    var tops: [Double] = []
    var y = 0.0
    for rank in heights {
      tops.append(y)
      y += rank + rankGap
    }
    height = max(0, y - rankGap)
    let left = zip(x, ranks.owners).map { $0 - ($1.map { sizes[$0].width / 2 } ?? 0) }.min() ?? 0
    let right = zip(x, ranks.owners).map { $0 + ($1.map { sizes[$0].width / 2 } ?? 0) }.max() ?? 0
    width = right - left
    centers = sizes.indices.map { node in
      let rank = ranks.rank[node]
      // Nodes hang from the upper side of their rank, so that edges begin evenly.
      return Point(x: x[node] - left, y: tops[rank] + sizes[node].height / 2)
    }
    routes = edges.indices.map { number in
      let chain = ranks.chains[number]
      guard let first = chain.first, let last = chain.last else { return [] }
      var points = [
        Point(x: x[first] - left, y: tops[ranks.rank[first]] + sizes[first].height)
      ]
      // Past the taller nodes of its rank an edge runs straight.
      if sizes[first].height < heights[ranks.rank[first]] {
        let rank = ranks.rank[first]
        points.append(Point(x: x[first] - left, y: tops[rank] + heights[rank]))
      }
      for bend in chain.dropFirst().dropLast() {
        let rank = ranks.rank[bend]
        points.append(Point(x: x[bend] - left, y: tops[rank]))
        points.append(Point(x: x[bend] - left, y: tops[rank] + heights[rank]))
      }
      points.append(Point(x: x[last] - left, y: tops[ranks.rank[last]]))
      return edges[number].from <= edges[number].to ? points : points.reversed()
    }
  }

  /// The same with rows and columns exchanged, for a layout from left to right.
  public var turned: GraphLayout {
    var result = self
    result.centers = centers.map { Point(x: $0.y, y: $0.x) }
    result.routes = routes.map { $0.map { Point(x: $0.y, y: $0.x) } }
    (result.width, result.height) = (height, width)
    return result
  }
}

/// Nodes, and the bends of long edges, in ranks.
struct RankedGraph {
  /// For each vertex its node, or nothing for a bend; the first vertices are the nodes.
  private(set) var owners: [Int?]
  private(set) var rank: [Int]
  /// For each rank its vertices, from left to right.
  private(set) var layers: [[Int]] = []
  /// The neighbours of each vertex in the ranks above and below.
  private(set) var above: [[Int]]
  private(set) var below: [[Int]]
  /// For each edge the vertices that it goes through, downward.
  private(set) var chains: [[Int]] = []
  private(set) var crossings = 0

  init(count: Int, edges: [(from: Int, to: Int)]) {
    owners = (0..<count).map { $0 }
    rank = RankedGraph.ranks(count, edges)
    above = Array(repeating: [], count: count)
    below = above
    for edge in edges {
      let (upper, lower) = (min(edge.from, edge.to), max(edge.from, edge.to))
      chains.append(chain(upper, lower))
    }
    arrange(count)
  }

  /// The longest ways from the first nodes; nodes that nothing leads to stand close to what they lead to.
  private static func ranks(_ count: Int, _ edges: [(from: Int, to: Int)]) -> [Int] {
    var rank = Array(repeating: 0, count: count)
    var hasInput = Array(repeating: false, count: count)
    let ordered = edges.map { (min($0.from, $0.to), max($0.from, $0.to)) }.sorted { $0 < $1 }
    for (from, to) in ordered where from != to {
      rank[to] = max(rank[to], rank[from] + 1)
      hasInput[to] = true
    }
    for node in 0..<count where !hasInput[node] {
      let next = ordered.filter { $0.0 == node && $0.1 != node }.map { rank[$0.1] }.min()
      if let next { rank[node] = next - 1 }
    }
    return rank
  }

  private mutating func chain(_ upper: Int, _ lower: Int) -> [Int] {
    guard upper != lower else { return [] }
    var chain = [upper]
    for level in rank[upper] + 1..<max(rank[upper] + 1, rank[lower]) {
      owners.append(nil)
      rank.append(level)
      above.append([])
      below.append([])
      chain.append(owners.count - 1)
    }
    chain.append(lower)
    for (a, b) in zip(chain, chain.dropFirst()) where !below[a].contains(b) {
      below[a].append(b)
      above[b].append(a)
    }
    return chain
  }

  /// A first order: each vertex when the walk from the top first comes to it.
  private mutating func arrange(_ count: Int) {
    layers = Array(repeating: [], count: (rank.max() ?? -1) + 1)
    var isSeen = Array(repeating: false, count: owners.count)
    for start in 0..<count where above[start].isEmpty {
      var stack = [start]
      while let vertex = stack.popLast() {
        guard !isSeen[vertex] else { continue }
        isSeen[vertex] = true
        layers[rank[vertex]].append(vertex)
        stack += below[vertex].reversed()
      }
    }
  }

  // MARK: Crossings

  /// Sorts ranks by the means of their neighbours' places, down and up, and keeps the best order.
  mutating func reduceCrossings() {
    var best = layers
    crossings = allCrossings()
    for round in 0..<24 where crossings > 0 {
      let isDown = round % 2 == 0
      let order = isDown ? Array(layers.indices.dropFirst()) : layers.indices.dropLast().reversed()
      for level in order { sort(level, isDown: isDown, movesEqual: round % 4 >= 2) }
      let found = allCrossings()
      if found < crossings {
        crossings = found
        best = layers
      }
    }
    layers = best
  }

  private mutating func sort(_ level: Int, isDown: Bool, movesEqual: Bool) {
    let places = places(of: layers[isDown ? level - 1 : level + 1])
    let keyed = layers[level].enumerated().map { place, vertex in
      let neighbours = isDown ? above[vertex] : below[vertex]
      let sum = neighbours.reduce(0.0) { $0 + Double(places[$1] ?? 0) }
      let mean = neighbours.isEmpty ? nil : sum / Double(neighbours.count)
      return (vertex: vertex, mean: mean, place: place)
    }
    // What has no neighbours keeps its place.
    var movable = keyed.filter { $0.mean != nil }
    movable.sort { a, b in
      let (x, y) = (a.mean ?? 0, b.mean ?? 0)
      if x != y { return x < y }
      return movesEqual ? a.place > b.place : a.place < b.place
    }
    var next = movable.makeIterator()
    layers[level] = keyed.map { $0.mean == nil ? $0.vertex : next.next()?.vertex ?? $0.vertex }
  }

  private func places(of layer: [Int]) -> [Int: Int] {
    Dictionary(uniqueKeysWithValues: layer.enumerated().map { ($1, $0) })
  }

  private func allCrossings() -> Int {
    layers.indices.dropLast().reduce(0) { $0 + crossings(below: $1) }
  }

  /// Pairs of edges to the next rank that cross: inversions of their ends.
  private func crossings(below level: Int) -> Int {
    let places = places(of: layers[level + 1])
    let ends = layers[level].flatMap { vertex in below[vertex].compactMap { places[$0] }.sorted() }
    // Sums over a tree of counts, from the right.
    var counts = Array(repeating: 0, count: layers[level + 1].count + 1)
    var total = 0
    for end in ends {
      var index = counts.count - 1
      while index > end {
        total += counts[index]
        index -= 1
      }
      counts[end] += 1
    }
    return total
  }
}
