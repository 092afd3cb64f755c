import Compute
import Layers
import Nets

/// The table of a net's layers: what each makes, how much it learns, how much it computes.
struct LayerTable {
  /// One line.
  struct Line: Equatable {
    let name: String
    let type: String
    let output: String
    /// Values that the layer owns.
    let parameters: Int
    /// Whether all its parameters are another layer's.
    let isShared: Bool
    /// Multiplications and additions of a sample's forward pass, in millions.
    let megaflops: Double
  }

  let lines: [Line]
  /// Samples in a batch; 1 if the net has no batches.
  let batch: Int
  let parameters: Int
  let megaflops: Double
  /// Bytes of all values and gradients.
  let bytes: Int

  init(_ net: Net) {
    let batch = LayerTable.batch(of: net)
    self.batch = batch
    // Splits that the net has put in are nobody's layers.
    let own = net.nodes.indices.filter { !LayerTable.isAutomatic(net.nodes[$0]) }
    lines = own.map { LayerTable.line(net, $0, batch) }
    parameters = net.parameters.reduce(0) { $0 + $1.blob.count }
    megaflops = lines.reduce(0) { $0 + $1.megaflops }
    let tops = net.nodes.flatMap { node in
      node.tops.enumerated().filter { index, top in
        !(index < node.bottoms.count && node.bottoms[index] === top) && node.layer.views == .none
      }.map(\.element)
    }
    bytes = (tops + net.parameters.map(\.blob)).reduce(0) { $0 + $1.bytes }
  }

  /// The samples of a batch: the data layer's, or the first axis of the first blob.
  static func batch(of net: Net) -> Int {
    if let source = net.sources.first?.source { return max(1, source.batchSize) }
    return max(1, net.nodes.first?.tops.first?.shape.leadingCount ?? 1)
  }

  static func isAutomatic(_ node: Node) -> Bool {
    node.spec.type == "Split" && node.name.hasSuffix("_split")
  }

  private static func line(_ net: Net, _ number: Int, _ batch: Int) -> Line {
    let node = net.nodes[number]
    let blobs = node.layer.parameters
    let owned = zip(blobs, net.ownsParameter[number]).filter { $0.1 }.map(\.0)
    return Line(
      name: node.name, type: node.spec.type,
      output: node.tops.map(\.shape.display).joined(separator: ", "),
      parameters: owned.reduce(0) { $0 + $1.count }, isShared: !blobs.isEmpty && owned.isEmpty,
      megaflops: Double(node.layer.operations) / Double(batch) / 1e6)
  }

  /// Two decimals, so that a column of them can be compared at a glance.
  private static func text(megaflops: Double) -> String {
    guard megaflops >= 0.005 else { return "–" }
    return megaflops < 1000
      ? Numbers.fixed(megaflops, 2) : Numbers.grouped(Int(megaflops.rounded()))
  }

  /// The table as text.
  func rendered(_ style: Style, width: Int? = nil) -> String {
    var table = Table([
      .init("layer"), .init("type"), .init("output"), .init("parameters", .right),
      .init("MFLOP/image", .right),
    ])
    for line in lines {
      let parameters =
        line.isShared ? "shared" : line.parameters > 0 ? Numbers.grouped(line.parameters) : "–"
      table.append(
        [
          line.name, line.type, line.output, parameters,
          LayerTable.text(megaflops: line.megaflops),
        ], isDim: line.parameters == 0 && line.megaflops == 0)
    }
    table.appendRule()
    table.append(
      [
        "total", Numbers.count(lines.count, "layer"), Numbers.bytes(bytes),
        Numbers.grouped(parameters), LayerTable.text(megaflops: megaflops),
      ], isBold: true)
    return table.rendered(style, width: width)
  }
}
