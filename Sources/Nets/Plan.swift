import Compute
import Layers

/// The order in which a net computes: segments of layers that treat samples alone, and single
/// layers that take the whole batch.
struct Plan {
  /// A run of layers through which chunks of samples go, each on one thread.
  struct Segment {
    let nodes: Range<Int>
    let samples: Int
    /// Samples in a chunk; depends on shapes alone.
    let chunk: Int
    /// Groups of consecutive chunks that add their parameter gradients up in one place.
    let groups: Int
    /// Where the parameter gradients go: by node and blob, with the place in a group's sums.
    let partials: [Partial]
    /// Floats of one group's sums.
    let partialCount: Int
    let scratchCount: Int

    var chunks: Int { samples == 0 ? 0 : (samples + chunk - 1) / chunk }

    func range(_ number: Int) -> Range<Int> {
      number * chunk..<min(samples, (number + 1) * chunk)
    }

    /// The chunks of one group.
    func chunks(ofGroup group: Int) -> Range<Int> {
      chunks * group / groups..<chunks * (group + 1) / groups
    }
  }

  /// The gradient of one parameter blob within a segment.
  struct Partial {
    let node: Int
    let index: Int
    let offset: Int
    let count: Int
  }

  enum Step {
    case segment(Segment)
    case whole(Int)

    var nodes: Range<Int> {
      switch self {
      case .segment(let segment): segment.nodes
      case .whole(let node): node..<node + 1
      }
    }
  }

  private(set) var steps: [Step] = []
  /// The most scratch that a step asks of a worker.
  private(set) var scratchCount = 0
  /// The most room that a segment's partial sums take.
  private(set) var partialCount = 0

  /// Floats of partial sums and of a worker's scratch.
  var partialFloats: Int { partialCount + scratchCount }

  /// Activations of a chunk should stay in a core's second-level cache.
  private static let chunkFloats = 160 * 1024
  /// A batch is cut in at least so many chunks, so that cores have something to share.
  private static let leastChunks = 8
  private static let mostGroups = 8
  /// Above so many parameter values, fewer groups: each costs a pass over its sums.
  private static let largeParameters = 4_000_000

  init() {}

  init(_ nodes: [Node]) {
    var number = 0
    while number < nodes.count {
      guard case .sample(let first) = nodes[number].kind else {
        steps.append(.whole(number))
        number += 1
        continue
      }
      var end = number + 1
      while end < nodes.count, case .sample(let layer) = nodes[end].kind,
        layer.sampleCount == first.sampleCount, !Plan.readsSum(nodes, number..<end, nodes[end])
      {
        end += 1
      }
      let segment = Plan.segment(nodes, number..<end, samples: first.sampleCount)
      scratchCount = max(scratchCount, segment.scratchCount)
      if segment.groups > 1 {
        partialCount = max(partialCount, segment.partialCount * segment.groups)
      }
      steps.append(.segment(segment))
      number = end
    }
  }

  /// Whether a layer reads what a loss or score of the segment makes: that is known only when all
  /// samples are through, and its gradient must be there before any goes back.
  private static func readsSum(_ nodes: [Node], _ segment: Range<Int>, _ user: Node) -> Bool {
    nodes[segment].contains { node in
      type(of: node.layer).reference.category == .loss
        && node.tops.contains { top in user.bottoms.contains { $0 === top } }
    }
  }

  private static func segment(_ nodes: [Node], _ range: Range<Int>, samples: Int) -> Segment {
    var floats = 0
    var scratch = 0
    var partials: [Partial] = []
    var offset = 0
    for number in range {
      let node = nodes[number]
      if case .sample(let layer) = node.kind { scratch = max(scratch, layer.scratchCount) }
      for (index, top) in node.tops.enumerated() where !node.isInPlace(index) {
        if node.layer.views == .none { floats += top.count }
      }
      guard node.runsBackward else { continue }
      for (index, blob) in node.layer.parameters.enumerated() where node.learns[index] {
        partials.append(Partial(node: number, index: index, offset: offset, count: blob.count))
        offset += (blob.count + 15) / 16 * 16
      }
    }
    let perSample = max(1, floats / max(1, samples))
    let cached = max(1, chunkFloats / perSample)
    let shared = max(1, (samples + leastChunks - 1) / leastChunks)
    let chunk = min(cached, shared)
    let chunks = samples == 0 ? 0 : (samples + chunk - 1) / chunk
    let groups = max(1, min(chunks, offset > largeParameters ? mostGroups / 2 : mostGroups))
    return Segment(
      nodes: range, samples: samples, chunk: chunk, groups: groups, partials: partials,
      partialCount: offset, scratchCount: scratch)
  }
}
