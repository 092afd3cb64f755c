import Compute
import Layers
import Prototxt

/// What is to be done after each layer of a pass.
enum PassObserver {
  /// Tell the magnitudes of its blobs.
  case debug((DebugLine) -> Void)
  /// Note how long it took.
  case timing(LayerClock)
  /// Look for numbers that are not finite.
  case finite(FiniteSearch)
}

extension Net {
  /// Tells `debug_info`'s lines to a closure at each pass from now on; `nil` tells none.
  public func debug(_ tell: ((DebugLine) -> Void)?) {
    if tell == nil, observer == nil { return }
    observer = tell.map { .debug($0) }
  }

  // MARK: Forward

  /// Computes all blobs, and returns the sum of all losses by their weights.
  ///
  /// - Throws: a `Diagnostic` if data cannot be read or holds what a layer cannot use.
  @discardableResult
  public func forward() throws -> Float {
    try forward(again: false)
    return loss
  }

  /// Computes all blobs.
  ///
  /// - Parameter again: Whether the records of the last pass are to be used again.
  /// - Throws: as `forward`.
  func forward(again: Bool) throws {
    var number = 0
    var stepNumber = 0
    while number < nodes.count {
      let isSkipped = again && nodes[number].bottoms.isEmpty
      if !isSkipped, case .dynamic(let layer) = nodes[number].kind {
        try refresh(number, layer)
      }
      if planIsStale {
        makePlan()
        stepNumber = plan.steps.firstIndex { $0.nodes.contains(number) } ?? 0
      }
      let step = plan.steps[stepNumber]
      switch step {
      case .segment(let segment): try forward(segment, chunkViews[stepNumber])
      case .whole(let node) where isSkipped || nodes[node].isFused: break
      case .whole(let node): try observing(node) { try forwardWhole(nodes[node]) }
      }
      number = step.nodes.upperBound
      stepNumber += 1
    }
  }

  private func refresh(_ number: Int, _ layer: any DynamicLayer) throws {
    let node = nodes[number]
    let shapes = try layer.nextShapes(node.bottoms)
    guard node.tops.indices.contains(where: { node.tops[$0].shape != shapes[$0] }) else { return }
    try node.apply(shapes)
    try reshape(from: number + 1)
  }

  private func forwardWhole(_ node: Node) throws {
    try explaining(node) {
      switch node.kind {
      case .batch(let layer): try layer.forward(node.bottoms, node.tops)
      case .dynamic(let layer): try layer.forward(node.bottoms, node.tops)
      case .sample: break
      }
    }
  }

  private func forward(_ segment: Plan.Segment, _ views: [ChunkView]) throws {
    guard observer != nil else { return try forward(segment, segment.nodes, views) }
    // The same work in the same pieces, one layer after the other.
    for number in segment.nodes {
      try observing(number) { try forward(segment, number..<number + 1, []) }
    }
  }

  private func forward(
    _ segment: Plan.Segment, _ range: Range<Int>, _ views: [ChunkView]
  ) throws {
    for number in range {
      let node = nodes[number]
      guard case .sample(let layer) = node.kind else { continue }
      try explaining(node) { try layer.beginForward(node.bottoms, node.tops) }
    }
    let workers = context.workers
    workers.forEach(segment.chunks) { [nodes] chunk, worker in
      let samples = segment.range(chunk)
      let scratch = workers.scratch(worker)
      let view = views.isEmpty ? nil : views[worker]
      view?.moveValues(to: samples.lowerBound)
      for number in range {
        let node = nodes[number]
        guard !node.isFused, case .sample(let layer) = node.kind else { continue }
        let place = number - range.lowerBound
        layer.forward(
          view?.bottoms[place] ?? node.bottoms, view?.tops[place] ?? node.tops, samples: samples,
          scratch: scratch)
      }
    }
    for number in range {
      let node = nodes[number]
      guard case .sample(let layer) = node.kind else { continue }
      try explaining(node) { try layer.endForward(node.bottoms, node.tops) }
    }
  }

  /// The sum of all losses by their weights, after a forward pass.
  public var loss: Float {
    var total: Float = 0
    for node in nodes {
      for (top, weight) in zip(node.tops, node.lossWeights) where weight != 0 {
        var sum: Float = 0
        for index in 0..<top.count { sum += top.values[index] }
        total += weight * sum
      }
    }
    return total
  }

  // MARK: Backward

  /// Sets the gradients of all parameters to zero.
  public func clearParameterGradients() {
    for parameter in parameters where parameter.blob.hasGradient {
      parameter.blob.gradient.update(repeating: 0, count: parameter.blob.count)
    }
  }

  /// Computes the gradients of the losses, after a forward pass; adds to those of the parameters.
  ///
  /// - Parameter following: Whether parameters that have a follower are moved by it instead.
  public func backward(following: Bool = false) {
    guard runsBackward else { return }
    setFollowing(following)
    for node in nodes where node.needsBackward {
      for (top, weight) in zip(node.tops, node.lossWeights) where weight != 0 {
        top.gradient.update(repeating: weight, count: top.count)
      }
    }
    for (stepNumber, step) in plan.steps.enumerated().reversed() {
      switch step {
      case .segment(let segment): backward(segment, step: stepNumber)
      case .whole(let number):
        guard nodes[number].runsBackward else { continue }
        observing(number, backward: true) { backwardWhole(number, passes[stepNumber][0][0]) }
      }
    }
    if case .debug(let tell) = observer { debugNorms(tell) }
  }

  private func backwardWhole(_ number: Int, _ pass: BackwardPass) {
    let node = nodes[number]
    switch node.kind {
    case .batch(let layer): layer.backward(node.tops, node.bottoms, pass: pass)
    case .dynamic(let layer): layer.backward(node.tops, node.bottoms, pass: pass)
    case .sample: break
    }
  }

  private func backward(_ segment: Plan.Segment, step: Int) {
    guard nodes[segment.nodes].contains(where: \.runsBackward) else { return }
    // Whoever has come to look since the forward pass does not see what was planned without them.
    guard observer != nil, chunkViews[step].isEmpty else {
      return backward(segment, segment.nodes, passes[step], chunkViews[step])
    }
    for number in segment.nodes.reversed() where nodes[number].needsBackward {
      observing(number, backward: true) {
        backward(segment, number..<number + 1, passes[step], [])
      }
    }
  }

  private func backward(
    _ segment: Plan.Segment, _ range: Range<Int>, _ passes: [[BackwardPass]],
    _ views: [ChunkView]
  ) {
    for number in range {
      let node = nodes[number]
      guard node.runsBackward, case .sample(let layer) = node.kind else { continue }
      let pass = passes[0][number - segment.nodes.lowerBound]
      layer.beginBackward(node.tops, node.bottoms, pass: pass)
    }
    let sums = segment.groups > 1 ? partials.values : nil
    let workers = context.workers
    workers.forEach(segment.groups) { [nodes] group, worker in
      if let sums {
        for partial in segment.partials where range.contains(partial.node) {
          (sums + group * segment.partialCount + partial.offset)
            .update(repeating: 0, count: partial.count)
        }
      }
      let scratch = workers.scratch(worker)
      let view = views.isEmpty ? nil : views[worker]
      for chunk in segment.chunks(ofGroup: group) {
        let samples = segment.range(chunk)
        view?.moveGradients(to: samples.lowerBound)
        for number in range.reversed() {
          let node = nodes[number]
          guard node.runsBackward, case .sample(let layer) = node.kind else { continue }
          let place = number - range.lowerBound
          layer.backward(
            view?.tops[place] ?? node.tops, view?.bottoms[place] ?? node.bottoms, samples: samples,
            pass: passes[group][number - segment.nodes.lowerBound], scratch: scratch)
        }
      }
    }
    if let sums { add(sums, segment, range) }
  }

  /// Adds the groups' sums to the gradients, in the order of the groups.
  private func add(
    _ sums: UnsafeMutablePointer<Float>, _ segment: Plan.Segment, _ range: Range<Int>
  ) {
    for partial in segment.partials where range.contains(partial.node) {
      let target = nodes[partial.node].layer.parameters[partial.index].gradient
      context.workers.forEachRange(of: partial.count, grain: 16 * 1024) { range, _ in
        for group in 0..<segment.groups {
          let source = sums + group * segment.partialCount + partial.offset
          for index in range { target[index] += source[index] }
        }
      }
    }
  }

  // MARK: Observation

  private func observing(
    _ number: Int, backward: Bool = false, _ work: () throws -> Void
  ) rethrows {
    switch observer {
    case nil: try work()
    case .timing(let clock): try clock.time(number, backward: backward, work)
    case .finite(let search):
      try work()
      search.look(at: nodes[number], backward: backward)
    case .debug(let tell):
      try work()
      if backward { debugBackward(number, tell) } else { debugForward(number, tell) }
    }
  }

  // MARK: Faults

  /// Runs a part of a layer; a value that it cannot use becomes a diagnostic.
  private func explaining(_ node: Node, _ work: () throws -> Void) throws {
    do { try work() } catch let fault as LayerFault { throw diagnostic(fault, at: node) }
  }

  /// Says where a value that a layer cannot use came from: the record, if a source brought it.
  private func diagnostic(_ fault: LayerFault, at node: Node) -> Diagnostic {
    var notes: [Note] = []
    if fault.bottom < node.bottoms.count,
      let source = source(of: node.bottoms[fault.bottom], before: node),
      let record = source.source?.recordName(sample: fault.sample)
    {
      notes.append(Note("the record is \(record), read by layer '\(source.name)'", at: nil))
    }
    var diagnostic = node.spec.error(fault.message, notes: notes, help: fault.help)
    diagnostic.kind = .badInput
    return diagnostic
  }

  /// The source layer whose top, perhaps through splits and views, a blob is.
  private func source(of blob: Blob, before user: Node) -> Node? {
    var blob = blob
    for node in nodes.reversed() where node.tops.contains(where: { $0 === blob }) {
      if node.layer is any SourceLayer { return node }
      guard node.layer.views != .none, let bottom = node.bottoms.first else { return nil }
      blob = bottom
    }
    return nil
  }
}
