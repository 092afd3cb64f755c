import Testing

@testable import Pictures

@Suite("Layout of graphs")
struct GraphTests {
  private func size(_ number: Int) -> (width: Double, height: Double) {
    let width: Int = 40 + number * 13 % 50
    let height: Int = 20 + number * 7 % 30
    return (Double(width), Double(height))
  }

  private func layout(_ count: Int, _ edges: [(Int, Int)]) -> GraphLayout {
    let ends: [(from: Int, to: Int)] = edges.map { (from: $0.0, to: $0.1) }
    return GraphLayout(sizes: (0..<count).map(size), edges: ends)
  }

  /// No two nodes overlap, and every edge runs downward from its node to its node.
  private func check(_ layout: GraphLayout, _ count: Int, _ edges: [(Int, Int)]) {
    let sizes = (0..<count).map(size)
    for a in 0..<count {
      for b in 0..<a {
        let (p, q) = (layout.centers[a], layout.centers[b])
        let isWide = abs(p.x - q.x) < (sizes[a].width + sizes[b].width) / 2 - 1e-6
        let isHigh = abs(p.y - q.y) < (sizes[a].height + sizes[b].height) / 2 - 1e-6
        let overlaps = isWide && isHigh
        #expect(!overlaps, "\(a) and \(b)")
      }
      let middle = layout.centers[a].x
      let half = sizes[a].width / 2
      #expect(middle - half > -1e-6)
      #expect(middle + half < layout.width + 1e-6)
    }
    for ((from, to), route) in zip(edges, layout.routes) {
      #expect(route.first?.x == layout.centers[from].x && route.last?.x == layout.centers[to].x)
      #expect(zip(route, route.dropFirst()).allSatisfy { $0.y <= $1.y })
    }
  }

  @Test("A chain stands in line")
  func chain() {
    let edges = (0..<9).map { ($0, $0 + 1) }
    let found = layout(10, edges)
    check(found, 10, edges)
    #expect(found.centers.allSatisfy { abs($0.x - found.centers[0].x) < 1e-6 })
  }

  @Test("A way past others is straight and crosses nothing")
  func shortcut() {
    let edges = [(0, 1), (1, 2), (2, 3), (0, 3), (3, 4)]
    let found = layout(5, edges)
    check(found, 5, edges)
    #expect(found.crossings == 0)
    let inner = found.routes[3].dropFirst().dropLast()
    #expect(inner.count >= 4 && Set(inner.suffix(4).map(\.x)).count == 1)
  }

  @Test("Branches that a poor order would cross do not")
  func crossings() {
    let edges = [(0, 3), (1, 2), (2, 4), (3, 5), (0, 1), (4, 6), (5, 6)]
    let found = layout(7, edges)
    check(found, 7, edges)
    #expect(found.crossings == 0)
  }

  @Test("Graphs of any kind")
  func any() {
    var state: UInt64 = 7
    func random(_ count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % count
    }
    for count in [1, 2, 3, 8, 30] {
      for _ in 0..<6 {
        let edges = (0..<random(2 * count + 1)).compactMap { _ -> (Int, Int)? in
          let (a, b) = (random(count), random(count))
          return a == b ? nil : (min(a, b), max(a, b))
        }
        check(layout(count, edges), count, edges)
      }
    }
    #expect(layout(0, []).width == 0 && layout(2, []).centers.count == 2)
  }

  @Test("From left to right rows and columns are exchanged")
  func turned() {
    let found = layout(3, [(0, 1), (1, 2)])
    #expect(found.turned.width == found.height && found.turned.turned.centers == found.centers)
  }
}
