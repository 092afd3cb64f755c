import Compute
import Layers
import Nets
import Pictures
import Prototxt
import Schema

/// What a drawing shows of a net, in one phase or in several: layers that work in place are stacked
/// on the one whose values they change.
struct NetGraph {
  /// A layer, as a row.
  private struct Item {
    let name: String
    let type: String
    let detail: String
    let kind: LayerKind
    var phases: Set<String>
    let shares: [String]
    var isShared: Bool
    let shape: String
  }

  /// Layers one upon the other.
  private struct Stack {
    var items: [String] = []
    var caption: String
    var isSource: Bool
  }

  private struct Link: Hashable {
    let from: String
    let to: String
    let blob: String
  }

  private var items: [String: Item] = [:]
  private var stacks: [String: Stack] = [:]
  /// The keys of the stacks in the order in which they were met.
  private var order: [String] = []
  private var links: [Link] = []
  private let title: String
  private let phases: [String]

  /// Begins a graph of a net in some phases, to which the layers of each are added.
  init(title: String, phases: [Phase]) {
    self.title = title
    self.phases = phases.map(\.rawValue)
  }

  /// How many layers there are in each phase.
  var counts: [(phase: String, layers: Int)] {
    phases.map { phase in (phase, items.values.filter { $0.phases.contains(phase) }.count) }
  }

  // MARK: Layers

  /// Who makes a blob.
  private struct Maker {
    let stack: String
    let blob: String
    /// Whether another layer reads it as it is, so that none can change it in place.
    var isRead: Bool
  }

  /// Adds a net that was built.
  mutating func add(_ net: Net) {
    var makers: [ObjectIdentifier: Maker] = [:]
    for (number, node) in net.nodes.enumerated() {
      let tops = node.tops.map(ObjectIdentifier.init)
      if LayerTable.isAutomatic(node), let bottom = node.bottoms.first,
        var maker = makers[ObjectIdentifier(bottom)]
      {
        maker.isRead = true
        for top in tops { makers[top] = maker }
        continue
      }
      let key = NetGraph.key(node.spec.message)
      var owners: [String] = []
      for (place, isOwner) in net.ownsParameter[number].enumerated() where !isOwner {
        let owner = net.nodes[net.parameters[net.parameterIndices[number][place]].owner.layer]
        items[NetGraph.key(owner.spec.message)]?.isShared = true
        if !owners.contains(owner.name) { owners.append(owner.name) }
      }
      note(
        node.spec, key, owners, net.state.phase,
        shape: node.tops.map(\.shape.display).joined(separator: ", "))
      wire(
        key, node.bottoms.map(ObjectIdentifier.init), tops, names: node.topNames,
        caption: NetGraph.caption(node), &makers)
    }
  }

  /// Adds the layers of a net that cannot be built since its data are not here; they have no shapes.
  mutating func add(_ layers: [Message], _ phase: Phase) {
    var makers: [String: Maker] = [:]
    var owners: [String: (key: String, name: String)] = [:]
    for layer in layers {
      let key = NetGraph.key(layer)
      var shares: [String] = []
      for name in layer.messages("param").map({ $0.string("name") }) where !name.isEmpty {
        if let owner = owners[name] {
          items[owner.key]?.isShared = true
          if !shares.contains(owner.name) { shares.append(owner.name) }
        } else {
          owners[name] = (key, layer.string("name"))
        }
      }
      note(LayerSpec(layer, phase: phase), key, shares, phase, shape: "")
      let tops = layer.strings("top")
      wire(key, layer.strings("bottom"), tops, names: tops, caption: "", &makers)
    }
  }

  /// A layer of two phases is one layer; two layers of one name in two phases are two.
  private static func key(_ layer: Message) -> String {
    "\(layer.string("name"))@\(layer.location?.start ?? -1)"
  }

  private mutating func note(
    _ spec: LayerSpec, _ key: String, _ owners: [String], _ phase: Phase, shape: String
  ) {
    items[key]?.phases.insert(phase.rawValue)
    guard items[key] == nil else { return }
    items[key] = Item(
      name: spec.name, type: spec.type, detail: LayerKind.detail(spec), kind: LayerKind(spec.type),
      phases: [phase.rawValue], shares: owners, isShared: false, shape: shape)
  }

  /// Stacks a layer on the one that it changes in place, or begins a stack and links it.
  private mutating func wire<Blob: Hashable>(
    _ key: String, _ bottoms: [Blob], _ tops: [Blob], names: [String], caption: String,
    _ makers: inout [Blob: Maker]
  ) {
    if bottoms.count == 1, bottoms == tops, let maker = makers[bottoms[0]], !maker.isRead {
      if stacks[maker.stack]?.items.contains(key) == false {
        stacks[maker.stack]?.items.append(key)
      }
      return
    }
    if stacks[key] == nil {
      order.append(key)
      stacks[key] = Stack(items: [key], caption: caption, isSource: bottoms.isEmpty)
    }
    for bottom in bottoms {
      guard let maker = makers[bottom] else { continue }
      makers[bottom]?.isRead = true
      let link = Link(from: maker.stack, to: key, blob: maker.blob)
      if !links.contains(link) { links.append(link) }
    }
    for (top, name) in zip(tops, names) {
      makers[top] = Maker(stack: key, blob: name, isRead: false)
    }
  }

  private static func caption(_ node: Node) -> String {
    guard node.tops.count > 1 else { return node.tops.first.map(\.shape.display) ?? "" }
    let shapes = node.tops.map { "\($0.name) \($0.shape.display)" }
    return shapes.prefix(4).joined(separator: " · ") + (shapes.count > 4 ? " · …" : "")
  }

  // MARK: The picture

  /// The drawing.
  func drawn(isTurned: Bool = false) -> SVG {
    let (sorted, depths) = sorted()
    let far = farLinks(depths)
    var places: [String: Int] = [:]
    var nodes: [GraphPicture.Node] = []
    var edges: [GraphPicture.Edge] = []
    for key in sorted {
      let blobs = Set(far.filter { $0.to == key }.map(\.blob)).sorted()
      let place = nodes.count + blobs.count
      for blob in blobs {
        edges.append(.init(from: nodes.count, to: place, label: blob))
        nodes.append(.init(rows: [.init(name: blob, detail: "", ink: .muted)], isReference: true))
      }
      places[key] = place
      nodes.append(node(key))
    }
    for link in links where !far.contains(link) {
      guard let from = places[link.from], let to = places[link.to] else { continue }
      edges.append(.init(from: from, to: to, label: link.blob))
    }
    return GraphPicture(
      title: title, subtitle: subtitle, nodes: nodes, edges: edges, legend: legend,
      isTurned: isTurned
    ).drawn()
  }

  private func node(_ key: String) -> GraphPicture.Node {
    let stack = stacks[key]
    let rows = (stack?.items ?? []).compactMap { items[$0] }.map { item in
      var badges = item.shares.map { "weights of \($0)" }
      if item.isShared { badges.append("shared weights") }
      if item.phases.count < phases.count { badges += item.phases.sorted() }
      let detail = item.detail.isEmpty ? item.type : "\(item.type) · \(item.detail)"
      return GraphPicture.Row(
        name: item.name, detail: detail, ink: item.kind.ink, badges: badges,
        tip: "\(item.name) (\(item.type))" + (item.shape.isEmpty ? "" : ": \(item.shape)"))
    }
    return .init(rows: rows, caption: stack?.caption ?? "")
  }

  private var subtitle: String {
    guard phases.count > 1 else { return "phase \(phases.first ?? "")" }
    let isMixed = items.values.contains { $0.phases.count < phases.count }
    return isMixed
      ? "phases \(phases.joined(separator: " and ")); shapes are those of \(phases[0]) where it has the layer"
      : "the same in both phases"
  }

  private var legend: [(name: String, ink: Ink)] {
    let used = Set(items.values.map(\.kind))
    return LayerKind.allCases.filter(used.contains).map { ($0.rawValue, $0.ink) }
  }

  /// The stacks so that links lead forward, as near to their order as can be, and how deep each lies.
  private func sorted() -> (keys: [String], depths: [String: Int]) {
    var waiting = Dictionary(uniqueKeysWithValues: order.map { ($0, 0) })
    for link in links { waiting[link.to, default: 0] += 1 }
    let next = Dictionary(grouping: links, by: \.from)
    var depths: [String: Int] = [:]
    var result: [String] = []
    var open = Array(order.reversed())
    var isDone: Set<String> = []
    // What only a later phase has may feed what was met before.
    while result.count < order.count {
      guard let place = open.lastIndex(where: { waiting[$0] == 0 && !isDone.contains($0) }) else {
        result += order.filter { !isDone.contains($0) }
        break
      }
      let key = open.remove(at: place)
      isDone.insert(key)
      result.append(key)
      for link in next[key, default: []] {
        waiting[link.to, default: 0] -= 1
        depths[link.to] = max(depths[link.to] ?? 0, (depths[key] ?? 0) + 1)
      }
    }
    return (result, depths)
  }

  /// Links from data to layers far below, such as losses: drawn as lines they would run along all of
  /// the net.
  private func farLinks(_ depths: [String: Int]) -> Set<Link> {
    let next = Dictionary(grouping: links, by: \.from)
    return Set(
      links.filter { link in
        guard stacks[link.from]?.isSource == true else { return false }
        let nearest = next[link.from, default: []].map { depths[$0.to] ?? 0 }.min() ?? 0
        let depth = depths[link.to] ?? 0
        return depth > nearest && depth - (depths[link.from] ?? 0) > 3
      })
  }
}
