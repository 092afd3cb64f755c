import Compute
import Layers

/// When the values and gradients of a net's blobs are written and read.
struct BlobUses {
  /// The values or the gradient that one blob, or several that share them, hold.
  struct Use {
    var blobs: [Blob]
    let isGradient: Bool
    /// The times of the first and the last use; gradients that nobody uses have none.
    var first = Int.max
    var last = -1
    /// The only step that uses it, in one pass only; `nil` if several do.
    var step: Int?
    /// Whether the first use writes all of it.
    var beginsWritten = false
    /// Whether a layer touches more of it than the samples that it is at.
    var touchesWhole = false
    /// Whether it must outlive the passes, or be what it was before them.
    var isPinned = false
  }

  private(set) var all: [Use] = []
  /// By blob, the place of its values' use and of its gradient's.
  private(set) var values: [ObjectIdentifier: Int] = [:]
  private(set) var gradients: [ObjectIdentifier: Int] = [:]

  private let nodes: [Node]
  /// For each node, the step that it belongs to.
  private var stepOfNode: [Int]
  private let steps: [Range<Int>]

  /// - Parameters:
  ///   - nodes: The layers.
  ///   - steps: What is computed together, in the order of the forward pass.
  ///   - runsBackward: Whether a backward pass follows the forward pass.
  ///   - keeps: Whether a blob's values and gradient are to outlive the passes.
  init(
    _ nodes: [Node], steps: [Range<Int>], runsBackward: Bool, keeps: (Blob) -> Bool
  ) {
    self.nodes = nodes
    self.steps = steps
    stepOfNode = Array(repeating: 0, count: nodes.count)
    for (number, step) in steps.enumerated() {
      for node in step { stepOfNode[node] = number }
    }
    findBlobs(keeps)
    for number in nodes.indices { noteForward(number) }
    if runsBackward {
      for number in nodes.indices.reversed() where nodes[number].needsBackward {
        noteBackward(number)
      }
      for node in nodes where node.needsBackward { joinSum(node) }
    }
    for index in all.indices where all[index].isGradient && !all[index].beginsWritten {
      // Zero for ever, since nothing is above it.
      all[index].isPinned = true
    }
    dropUnused()
  }

  /// A time span widened to whole steps, whose layers run in no order that all threads keep.
  func wholeSteps(_ first: Int, _ last: Int) -> (Int, Int) {
    (span(first).lowerBound, span(last).upperBound)
  }

  private func span(_ time: Int) -> ClosedRange<Int> {
    let end = 2 * nodes.count - 1
    if time < nodes.count {
      let step = steps[stepOfNode[time]]
      return step.lowerBound...step.upperBound - 1
    }
    let step = steps[stepOfNode[end - time]]
    return end - (step.upperBound - 1)...end - step.lowerBound
  }

  // MARK: Blobs

  private mutating func findBlobs(_ keeps: (Blob) -> Bool) {
    // When a layer's shapes depend on values, all is placed anew in the middle of a pass; what is there
    // by then must stay where it is.
    let settled = nodes.lastIndex { if case .dynamic = $0.kind { true } else { false } } ?? 0
    for (number, node) in nodes.enumerated() {
      for (index, top) in node.tops.enumerated() {
        let id = ObjectIdentifier(top)
        if !node.isInPlace(index) {
          let source =
            node.layer.views == .none ? nil : node.bottoms.first.map(ObjectIdentifier.init)
          values[id] = source.flatMap { values[$0] } ?? add(top, isGradient: false)
          let isShared = node.layer.views == .valuesAndGradient && node.propagates.first == true
          let shared = isShared ? source.flatMap { gradients[$0] } : nil
          gradients[id] = shared ?? add(top, isGradient: true)
        }
        let isAsked = node.bottoms.isEmpty || node.lossWeights[index] != 0 || keeps(top)
        pin(values[id], isAsked || number < settled)
        pin(gradients[id], isAsked)
      }
    }
  }

  private mutating func add(_ blob: Blob, isGradient: Bool) -> Int {
    all.append(Use(blobs: [blob], isGradient: isGradient))
    return all.count - 1
  }

  private mutating func pin(_ index: Int?, _ isPinned: Bool) {
    if let index, isPinned { all[index].isPinned = true }
  }

  // MARK: Uses

  private mutating func noteForward(_ number: Int) {
    let node = nodes[number]
    for blob in node.bottoms { note(values[ObjectIdentifier(blob)], number, at: number) }
    for blob in node.tops {
      note(values[ObjectIdentifier(blob)], number, at: number, writes: true)
    }
  }

  private mutating func noteBackward(_ number: Int) {
    let node = nodes[number]
    let time = 2 * nodes.count - 1 - number
    let reads = node.layer.backwardReads
    for (index, blob) in node.tops.enumerated() {
      note(gradients[ObjectIdentifier(blob)], number, at: time)
      if reads.reads(top: index) { note(values[ObjectIdentifier(blob)], number, at: time) }
    }
    for (index, blob) in node.bottoms.enumerated() {
      if reads.reads(bottom: index) { note(values[ObjectIdentifier(blob)], number, at: time) }
      guard node.propagates[index] else { continue }
      note(gradients[ObjectIdentifier(blob)], number, at: time, writes: true)
    }
  }

  private mutating func note(_ index: Int?, _ number: Int, at time: Int, writes: Bool = false) {
    guard let index else { return }
    let step = stepOfNode[number]
    if all[index].last < 0 {
      all[index].step = step
      all[index].beginsWritten = writes
    } else if all[index].step != step
      || (time < nodes.count) != (all[index].first < nodes.count)
    {
      all[index].step = nil
    }
    all[index].first = min(all[index].first, time)
    all[index].last = max(all[index].last, time)
    if case .sample(let layer) = nodes[number].kind, layer.touchesWholeBatch {
      all[index].touchesWhole = true
    }
  }

  /// Lets the sum of gradients lie where the first of them does.
  private mutating func joinSum(_ node: Node) {
    guard node.layer is any GradientSumming, node.propagates[0], node.tops.count > 1,
      let sum = gradients[ObjectIdentifier(node.bottoms[0])],
      let first = gradients[ObjectIdentifier(node.tops[0])], sum != first,
      !all[sum].isPinned, !all[first].isPinned, all[sum].beginsWritten, all[first].beginsWritten
    else { return }
    all[sum].blobs += all[first].blobs
    if all[sum].step != all[first].step { all[sum].step = nil }
    all[sum].first = min(all[sum].first, all[first].first)
    all[sum].last = max(all[sum].last, all[first].last)
    all[sum].touchesWhole = all[sum].touchesWhole || all[first].touchesWhole
    all[first].last = -1
    for (blob, index) in gradients where index == first { gradients[blob] = sum }
  }

  /// Leaves out gradients that no pass uses, and those that have been joined with others.
  private mutating func dropUnused() {
    var places = [Int?](repeating: nil, count: all.count)
    var used: [Use] = []
    for (index, use) in all.enumerated() where use.last >= 0 {
      places[index] = used.count
      used.append(use)
    }
    all = used
    values = values.compactMapValues { places[$0] }
    gradients = gradients.compactMapValues { places[$0] }
  }
}
