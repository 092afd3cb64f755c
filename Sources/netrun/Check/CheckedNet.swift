import Compute
import Layers
import Nets
import Prototxt
import Schema

/// A net that was built, with who reads what of whom.
struct CheckedNet {
  /// A top of a layer.
  struct Top: Hashable {
    let node: Int
    let index: Int
  }

  /// Where files that the net names are looked for.
  let folder: String?
  let net: Net
  /// The layers of the file that take part.
  let layers: [Int]
  /// By layer and bottom, the top that is read; splits are passed through.
  let sources: [[Top?]]
  /// By layer and top, the layers that read it; splits are passed through.
  let readers: [[[Int]]]
  /// The layers that a loss depends on, losses themselves among them.
  let underLoss: Set<Int>

  init(_ net: Net, folder: String?) {
    self.net = net
    self.folder = folder
    var writer: [ObjectIdentifier: Top] = [:]
    var sources: [[Top?]] = []
    var readers = net.nodes.map { $0.tops.map { _ in [Int]() } }
    for (number, node) in net.nodes.enumerated() {
      let read = node.bottoms.map { writer[ObjectIdentifier($0)] }
      sources.append(read)
      let isSplit = node.spec.type == "Split"
      for case let top? in read where !isSplit { readers[top.node][top.index].append(number) }
      for (index, top) in node.tops.enumerated() {
        writer[ObjectIdentifier(top)] =
          isSplit ? read.first ?? nil : Top(node: number, index: index)
      }
    }
    var under: Set<Int> = []
    for number in net.nodes.indices.reversed() {
      let node = net.nodes[number]
      guard node.spec.type != "Split" else { continue }
      // A weight of a top that is read too was moved to the split behind it.
      let hasWeight =
        node.lossWeights.contains { $0 != 0 }
        || node.spec.message.floats("loss_weight").contains { $0 != 0 }
      guard hasWeight || under.contains(number) else { continue }
      under.insert(number)
      for case let top? in sources[number] { under.insert(top.node) }
    }
    for (number, node) in net.nodes.enumerated() where node.spec.type == "Split" {
      guard node.lossWeights.contains(where: { $0 != 0 }), let top = sources[number].first ?? nil
      else { continue }
      CheckedNet.mark(top.node, sources, &under)
    }
    self.sources = sources
    self.readers = readers
    underLoss = under
    layers = net.nodes.indices.filter { net.nodes[$0].spec.type != "Split" }
  }

  private static func mark(_ node: Int, _ sources: [[Top?]], _ under: inout Set<Int>) {
    guard under.insert(node).inserted else { return }
    for case let top? in sources[node] { mark(top.node, sources, &under) }
  }

  /// Whether there is something to make small.
  var hasLoss: Bool { !underLoss.isEmpty }

  func node(_ number: Int) -> Node { net.nodes[number] }
  func type(_ number: Int) -> String { net.nodes[number].spec.type }

  /// The layers that read any top of a layer.
  func readers(of number: Int) -> [Int] { readers[number].flatMap { $0 } }

  /// The layer that makes a bottom of a layer.
  func source(of number: Int, bottom: Int = 0) -> Int? {
    bottom < sources[number].count ? sources[number][bottom]?.node : nil
  }

  /// The layers that a layer depends on.
  func ancestors(of number: Int) -> Set<Int> {
    var found: Set<Int> = []
    var waiting = [number]
    while let next = waiting.popLast() {
      for case let top? in sources[next] where found.insert(top.node).inserted {
        waiting.append(top.node)
      }
    }
    return found
  }

  /// Whether a layer has a blob that follows a gradient.
  func learns(_ number: Int) -> Bool {
    let node = node(number)
    return node.needsBackward && node.learns.contains(true)
  }

  /// How findings name a layer.
  func title(_ number: Int) -> String {
    "layer '\(node(number).name)' (\(type(number)))"
  }

  /// Where a layer is.
  func place(_ number: Int) -> SourceRange? {
    let message = node(number).spec.message
    return message.location("type") ?? message.location
  }

  /// The layers of some types.
  func layers(_ types: Set<String>) -> [Int] { layers.filter { types.contains(type($0)) } }
}
