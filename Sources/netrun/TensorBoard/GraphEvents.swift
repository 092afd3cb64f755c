import Compute
import Layers
import Nets

/// A net as TensorFlow would describe its graph: a node for each layer.
enum GraphEvents {
  /// A `GraphDef`.
  static func graph(_ net: Net) -> ProtoBytes {
    var graph = ProtoBytes()
    var makers: [ObjectIdentifier: String] = [:]
    var names: Set<String> = []
    for node in net.nodes {
      // Caffe's splits are no layers of the user's.
      if node.spec.type == "Split" {
        if let bottom = node.bottoms.first, let maker = makers[ObjectIdentifier(bottom)] {
          for top in node.tops { makers[ObjectIdentifier(top)] = maker }
        }
        continue
      }
      var name = GraphEvents.legal(node.name)
      while !names.insert(name).inserted { name += "_" }
      var message = ProtoBytes()
      message.add(1, name)
      message.add(2, node.spec.type)
      for bottom in node.bottoms {
        if let maker = makers[ObjectIdentifier(bottom)] { message.add(3, maker) }
      }
      message.add(5, shapes(node))
      graph.add(1, message)
      for top in node.tops { makers[ObjectIdentifier(top)] = name }
    }
    var versions = ProtoBytes()
    versions.add(1, 22)
    graph.add(4, versions)
    return graph
  }

  /// The attribute by which TensorBoard shows sizes at the lines.
  private static func shapes(_ node: Node) -> ProtoBytes {
    var list = ProtoBytes()
    for top in node.tops {
      var shape = ProtoBytes()
      for size in top.shape.dimensions {
        var dimension = ProtoBytes()
        dimension.add(1, size)
        shape.add(2, dimension)
      }
      list.add(7, shape)
    }
    var value = ProtoBytes()
    value.add(1, list)
    var entry = ProtoBytes()
    entry.add(1, "_output_shapes")
    entry.add(2, value)
    return entry
  }

  /// A name of the characters that TensorFlow's names may have.
  private static func legal(_ name: String) -> String {
    let allowed = "_./-"
    let text = String(
      name.map { $0.isASCII && ($0.isLetter || $0.isNumber || allowed.contains($0)) ? $0 : "_" })
    return text.first.map { $0.isLetter || $0.isNumber || $0 == "." } == true ? text : "n" + text
  }
}
