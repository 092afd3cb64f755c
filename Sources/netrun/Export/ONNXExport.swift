import Compute
import Layers
import Nets
import Prototxt
import Schema

/// Translates a net for use to ONNX.
///
/// Shapes are those that the net was built for. Blobs that layers change in place become values of their own; the
/// last one has the blob's name.
struct ONNXExport {
  /// What translates one layer: reads `values` of its bottoms, and sets those of its tops.
  typealias Translation = @Sendable (inout ONNXExport, Node) throws(Diagnostic) -> Void

  var graph = ONNXGraph()
  let net: Net
  /// The name in the graph of what a blob holds now.
  private var current: [ObjectIdentifier: String] = [:]
  /// For each blob the layer that writes it last.
  private var lastWriters: [ObjectIdentifier: Int] = [:]
  private var number = 0
  private var problems = Diagnostics()

  /// Translates a net that has run forward once: what no input decides is taken as it is.
  ///
  /// - Parameters:
  ///   - net: The net.
  ///   - outputs: The blobs that the graph is to put out.
  /// - Throws: all layers that cannot be translated.
  init(_ net: Net, outputs: [Blob]) throws(Diagnostics) {
    self.net = net
    for name in net.blobNames { graph.reserve(name) }
    for (index, node) in net.nodes.enumerated() {
      for top in node.tops { lastWriters[ObjectIdentifier(top)] = index }
    }
    let depends = ONNXExport.dependent(net)
    for (index, node) in net.nodes.enumerated() {
      number = index
      translate(node, isConstant: !depends.contains(index))
    }
    try problems.throwIfErrors()
    for blob in outputs {
      let name = value(blob)
      if name != blob.name, !isInput(blob) { graph.node("Identity", [name], [blob.name]) }
      graph.output(isInput(blob) ? name : blob.name, blob.shape.dimensions)
    }
    guard graph.constantBytes < 1 << 31 - 1 << 20 else {
      throw Diagnostics(
        .error(
          "the net's weights have \(Numbers.bytes(graph.constantBytes)), but a file of ONNX holds "
            + "2 GB at most"))
    }
  }

  /// The layers whose tops depend on the values of an input.
  private static func dependent(_ net: Net) -> Set<Int> {
    var result: Set<Int> = []
    var blobs = Set(net.inputs.map(ObjectIdentifier.init))
    for (index, node) in net.nodes.enumerated() {
      let isInput = node.layer is any InputLayer
      // The shapes of the bottoms decide, not their values.
      if node.spec.type == "PriorBox" { continue }
      guard isInput || node.bottoms.contains(where: { blobs.contains(ObjectIdentifier($0)) }) else {
        continue
      }
      result.insert(index)
      for top in node.tops { blobs.insert(ObjectIdentifier(top)) }
    }
    return result
  }

  private mutating func translate(_ node: Node, isConstant: Bool) {
    if isConstant {
      for top in node.tops {
        let name = graph.constant("\(top.name)/value", top.shape.dimensions, top.reading)
        current[ObjectIdentifier(top)] = name
      }
      return
    }
    guard let translation = ONNXExport.translations[node.spec.type] else {
      problems.append(
        node.spec.error("layers of type \(node.spec.type) have no counterpart in this export"))
      return
    }
    do throws(Diagnostic) {
      try translation(&self, node)
    } catch {
      problems.append(error)
    }
    // What stands behind a layer that failed is looked at too.
    for top in node.tops where current[ObjectIdentifier(top)] == nil {
      current[ObjectIdentifier(top)] = top.name
    }
  }

  // MARK: Values

  private func isInput(_ blob: Blob) -> Bool { net.inputs.contains { $0 === blob } }

  /// The name of what a blob holds.
  func value(_ blob: Blob) -> String { current[ObjectIdentifier(blob)] ?? blob.name }

  /// The name of what a layer's bottom holds.
  func bottom(_ node: Node, _ index: Int = 0) -> String { value(node.bottoms[index]) }

  /// A name for what a layer writes to a top.
  mutating func top(_ node: Node, _ index: Int = 0) -> String {
    let blob = node.tops[index]
    // What is put in keeps its name, whatever is made of it in place.
    let isLast = lastWriters[ObjectIdentifier(blob)] == number && !isInput(blob)
    let name = isLast ? blob.name : graph.free("\(blob.name)@\(node.name)")
    current[ObjectIdentifier(blob)] = name
    return name
  }

  /// Makes a top another name of a value.
  mutating func alias(_ node: Node, _ index: Int = 0, _ name: String) {
    current[ObjectIdentifier(node.tops[index])] = name
  }

  /// Adds an operator whose one output has a new name.
  mutating func step(
    _ node: Node, _ type: String, _ inputs: [String],
    _ attributes: KeyValuePairs<String, ONNXGraph.Attribute> = [:]
  ) -> String {
    let name = graph.free("\(node.name)/\(type)")
    graph.node(type, inputs, [name], attributes)
    return name
  }

  /// Adds an operator whose output is a layer's first top.
  mutating func finish(
    _ node: Node, _ type: String, _ inputs: [String],
    _ attributes: KeyValuePairs<String, ONNXGraph.Attribute> = [:]
  ) {
    let name = top(node)
    graph.node(type, inputs, [name], attributes)
  }

  /// Brings a value into a shape.
  mutating func reshaped(_ node: Node, _ value: String, _ shape: [Int]) -> String {
    let sizes = graph.integers("\(node.name)/shape", shape)
    return step(node, "Reshape", [value, sizes])
  }

  /// A parameter of a layer, perhaps in another shape of as many values.
  mutating func parameter(_ node: Node, _ index: Int, _ shape: [Int]? = nil) -> String {
    let blob = node.layer.parameters[index]
    return graph.constant(
      "\(node.name)/\(index)", shape ?? blob.shape.dimensions, blob.reading)
  }

  /// A number as a constant.
  mutating func scalar(_ node: Node, _ value: Float) -> String {
    graph.constant("\(node.name)/number", value)
  }
}
