import Compute
import Layers
import Prototxt
import Schema

/// The bytes that a layer, or a net, takes.
public struct NetMemory: Sendable, Equatable {
  /// Values that layers make, of a net those that have memory of their own.
  public internal(set) var activations = 0
  /// Gradients by those values, of a net those that have memory of their own.
  public internal(set) var activationGradients = 0
  /// Parameters, those that are shared once.
  public internal(set) var parameters = 0
  /// Gradients by parameters.
  public internal(set) var parameterGradients = 0
  /// What values and gradients share that are not needed at the same time; 0 for a layer.
  public internal(set) var shared = 0
  /// Sums and scratch of threads.
  public internal(set) var work = 0

  /// All together.
  public var total: Int {
    activations + activationGradients + shared + parameters + parameterGradients + work
  }

  /// Makes one of zeros.
  public init() {}

  /// Adds what another layer takes.
  public static func += (sum: inout NetMemory, other: NetMemory) {
    sum.activations += other.activations
    sum.activationGradients += other.activationGradients
    sum.shared += other.shared
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
    if runsBackward, node.needsBackward, node.layer.views != .valuesAndGradient {
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
    let size = MemoryLayout<Float>.stride
    var sum = NetMemory()
    for number in nodes.indices {
      let layer = memory(of: number)
      sum.parameters += layer.parameters
      sum.parameterGradients += layer.parameterGradients
    }
    let plan = Plan(nodes, runsBackward: runsBackward)
    let places = makeMemoryPlan(plan)
    sum.activations = places.ownCount(gradients: false) * size
    sum.activationGradients = places.ownCount(gradients: true) * size
    sum.shared = (places.poolCount + places.chunkCount * chunkPools.count) * size
    sum.work = plan.partialFloats * size
    return sum
  }

  /// What values and gradients would take if each had memory of its own.
  public var unsharedBytes: Int {
    makeMemoryPlan(Plan(nodes, runsBackward: runsBackward)).unsharedCount
      * MemoryLayout<Float>.stride
  }

  /// The bytes that the net takes when it computes: values, gradients, sums of chunks.
  public var bytes: Int { memory.total }

  /// Checks, before gradients take memory, that there is enough of it.
  func requireMemory() throws {
    guard !context.isSketch else { return }
    let learned = zip(nodes, parameterIndices).reduce(into: Set<Int>()) { found, layer in
      if runsBackward, layer.0.needsBackward { found.formUnion(layer.1) }
    }
    let gradients = learned.reduce(0) {
      $0 + (parameters[$1].blob.hasGradient ? 0 : parameters[$1].blob.count)
    }
    let bytes = memory.total + gradients * MemoryLayout<Float>.stride
    guard bytes > Memory.physicalBytes else { return }
    let sizes = nodes.indices.map { memory(of: $0).total }
    let largest = nodes.indices.max { sizes[$0] < sizes[$1] }
    throw Diagnostics(
      .error(
        "the net with its gradients would take \(Memory.text(bytes: bytes)), but the machine has "
          + "\(Memory.text(bytes: Memory.physicalBytes)) of memory",
        at: largest.flatMap { nodes[$0].spec.message.location },
        label: largest.map {
          "layer '\(nodes[$0].name)' takes the most: \(Memory.text(bytes: sizes[$0]))"
        },
        help: "choose a smaller batch; iter_size makes up for it in training", kind: .runFailed))
  }
}
