import Compute
import Layers
import Prototxt
import Schema

extension Net {
  /// The bytes that the net takes when it computes: values, gradients, sums of chunks.
  public var bytes: Int {
    var floats = 0
    for node in nodes { floats += Net.floats(node) }
    for parameter in parameters where parameter.blob.hasGradient { floats += parameter.blob.count }
    return (floats + Plan(nodes).partialFloats) * MemoryLayout<Float>.stride
  }

  /// What the blobs of a layer take, without gradients of parameters, which may be shared.
  private static func floats(_ node: Node) -> Int {
    let values = node.valueFloats
    return values + node.parameterFloats + (node.needsBackward ? values : 0)
  }

  /// Checks, before gradients take memory, that there is enough of it.
  func requireMemory() throws {
    let learned = zip(nodes, parameterIndices).reduce(into: Set<Int>()) { found, layer in
      if layer.0.needsBackward { found.formUnion(layer.1) }
    }
    let gradients = learned.reduce(0) { $0 + parameters[$1].blob.count }
    let floats = nodes.reduce(gradients + Plan(nodes).partialFloats) { $0 + Net.floats($1) }
    guard floats > Memory.physicalFloats else { return }
    let largest = nodes.max { Net.floats($0) < Net.floats($1) }
    let size = largest.map { Net.floats($0) * MemoryLayout<Float>.stride } ?? 0
    throw Diagnostics(
      .error(
        "the net with its gradients would take "
          + "\(Memory.text(bytes: floats * MemoryLayout<Float>.stride)), but the machine has "
          + "\(Memory.text(bytes: Memory.physicalBytes)) of memory",
        at: largest?.spec.message.location,
        label: largest.map { "layer '\($0.name)' takes the most: \(Memory.text(bytes: size))" },
        help: "choose a smaller batch; iter_size makes up for it in training", kind: .runFailed))
  }
}
