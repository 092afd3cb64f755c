import Compute
import Layers
import Prototxt
import Schema

/// The bytes that a layer, or a net, takes.
public struct NetMemory: Sendable, Equatable {
  /// Values that layers make.
  public internal(set) var activations = 0
  /// Gradients by those values.
  public internal(set) var activationGradients = 0
  /// Parameters, those that are shared once.
  public internal(set) var parameters = 0
  /// Gradients by parameters.
  public internal(set) var parameterGradients = 0
  /// Sums and scratch of threads.
  public internal(set) var work = 0

  /// All together.
  public var total: Int {
    activations + activationGradients + parameters + parameterGradients + work
  }

  /// Makes one of zeros.
  public init() {}

  /// Adds what another layer takes.
  public static func += (sum: inout NetMemory, other: NetMemory) {
    sum.activations += other.activations
    sum.activationGradients += other.activationGradients
    sum.parameters += other.parameters
    sum.parameterGradients += other.parameterGradients
    sum.work += other.work
  }
}

extension Net {
  /// What one layer takes: what it makes, with the parameters that it owns.
  public func memory(of number: Int) -> NetMemory {
    let node = nodes[number]
    let size = MemoryLayout<Float>.stride
    var memory = NetMemory()
    memory.activations = node.valueFloats * size
    if node.needsBackward, node.layer.views != .valuesAndGradient {
      for (index, top) in node.tops.enumerated() where !node.isInPlace(index) {
        memory.activationGradients += top.count * size
      }
    }
    for (index, owns) in ownsParameter[number].enumerated() where owns {
      let blob = parameters[parameterIndices[number][index]].blob
      memory.parameters += blob.count * size
      if blob.hasGradient { memory.parameterGradients += blob.count * size }
    }
    return memory
  }

  /// What the whole net takes when it computes.
  public var memory: NetMemory {
    var sum = NetMemory()
    for number in nodes.indices { sum += memory(of: number) }
    sum.work = Plan(nodes, runsBackward: runsBackward).partialFloats * MemoryLayout<Float>.stride
    return sum
  }

  /// The bytes that the net takes when it computes: values, gradients, sums of chunks.
  public var bytes: Int {
    var floats = 0
    for node in nodes { floats += Net.floats(node) }
    for parameter in parameters where parameter.blob.hasGradient { floats += parameter.blob.count }
    return (floats + Plan(nodes, runsBackward: runsBackward).partialFloats) * MemoryLayout<Float>.stride
  }

  /// What the blobs of a layer take, without gradients of parameters, which may be shared.
  private static func floats(_ node: Node) -> Int {
    let values = node.valueFloats
    return values + node.parameterFloats + (node.needsBackward ? values : 0)
  }

  /// Checks, before gradients take memory, that there is enough of it.
  func requireMemory() throws {
    guard !context.isSketch else { return }
    let learned = zip(nodes, parameterIndices).reduce(into: Set<Int>()) { found, layer in
      if layer.0.needsBackward { found.formUnion(layer.1) }
    }
    let gradients = learned.reduce(0) { $0 + parameters[$1].blob.count }
    let floats = nodes.reduce(gradients + Plan(nodes, runsBackward: runsBackward).partialFloats) { $0 + Net.floats($1) }
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
