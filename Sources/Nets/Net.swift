public import Compute
public import Layers
import Prototxt
public import Schema

/// A network: layers wired by the names of their blobs, ready to compute.
///
/// Built from a `NetParameter`; all that is wrong with the description is reported at once.
public final class Net {
  /// How a net is to be built.
  public struct Options: Sendable {
    /// Phase, level and stages.
    public var state: NetState
    /// What surrounds the layers.
    public var context: LayerContext
    /// Whether the description's own `state` counts; `true` unless it was merged before.
    public var mergesState = true

    /// Makes options.
    public init(state: NetState, context: LayerContext) {
      self.state = state
      self.context = context
    }
  }

  /// The net's name.
  public let name: String
  /// The state for which the net was built.
  public let state: NetState
  /// What surrounds the layers.
  public let context: LayerContext
  /// The layers in the order of computation, splits included.
  public let nodes: [Node]
  /// The names of all blobs, in the order of their first producers.
  public let blobNames: [String]
  /// The learnable blobs, each once, in the order of their owners.
  public let parameters: [Parameter]
  /// For each layer, the places of its blobs in `parameters`.
  public let parameterIndices: [[Int]]
  /// For each layer, whether it owns each of its blobs or shares another layer's.
  public let ownsParameter: [[Bool]]
  /// The blobs that no layer uses, by name.
  public let outputs: [Blob]
  /// The blobs that `Input` layers hold, to be set from outside.
  public let inputs: [Blob]
  /// Whether debug_info asks for the sizes of all values at each pass.
  public let debugInfo: Bool

  private let blobs: [String: Blob]
  private var plan = Plan()
  private var planIsStale = true
  private let partials = Blob("partial sums")
  /// By step, group of chunks and layer: what a backward pass computes, and where sums go.
  private var passes: [[[BackwardPass]]] = []

  /// Builds the net that a `NetParameter` describes.
  ///
  /// - Throws: `Diagnostics` with everything that is wrong.
  public init(_ description: Message, options: Options) throws {
    var state = options.state
    if options.mergesState {
      let given = description.message("state")
      if state.level == 0 { state.level = given.int("level") }
      state.stages = given.strings("stage") + state.stages
    }
    self.state = state
    context = options.context
    name = description.string("name")
    debugInfo = description.bool("debug_info")
    var builder = NetBuilder(context: options.context, state: state)
    let layers = try Net.filtered(description, state)
    builder.build(SplitInsertion.insert(layers))
    guard !builder.diagnostics.contains(where: { $0.severity == .error }) else {
      throw Diagnostics(builder.diagnostics)
    }
    nodes = builder.nodes
    blobNames = builder.blobNames
    blobs = builder.blobs
    parameters = builder.sharing.parameters
    parameterIndices = builder.sharing.indices
    ownsParameter = builder.sharing.owns
    let unused = builder.unused
    outputs = unused.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      .compactMap { builder.blobs[$0] }
    inputs = nodes.filter { $0.layer is any InputLayer }.flatMap(\.tops)
    BackwardPruning.apply(
      to: nodes, builder.sharing, forceBackward: description.bool("force_backward"))
    prepareGradients()
  }

  /// The layers that take part in a state.
  private static func filtered(_ description: Message, _ state: NetState) throws -> [Message] {
    let layers = description.messages("layer")
    let both = layers.filter { $0.has("include") && $0.has("exclude") }
    guard both.isEmpty else {
      throw Diagnostics(
        both.map { layer in
          .error(
            "layer '\(layer.string("name"))' has both include and exclude rules",
            at: layer.location("exclude"),
            notes: [Note("include is here", at: layer.location("include"))],
            help: "keep one kind: a layer with include rules is left out unless one is met")
        })
    }
    return layers.filter(state.includes)
  }

  /// The blob of a name.
  public func blob(_ name: String) -> Blob? { blobs[name] }

  /// The layer of a name.
  public func node(_ name: String) -> Node? { nodes.first { $0.name == name } }

  /// The layer that brings records in, if there is one.
  public var sources: [Node] { nodes.filter { $0.layer is any SourceLayer } }

  // MARK: Shapes and memory

  /// Carries new shapes of the inputs through the net.
  public func reshape() throws {
    try reshape(from: 0)
  }

  private func reshape(from first: Int) throws {
    for node in nodes[first...] { try node.reshape() }
    planIsStale = true
  }

  /// Takes the memory of all gradients now: no thread may do so while it computes.
  private func prepareGradients() {
    for (number, node) in nodes.enumerated() where node.needsBackward {
      for top in node.tops { _ = top.gradient }
      for (index, bottom) in node.bottoms.enumerated() where node.propagates[index] {
        _ = bottom.gradient
      }
      for (index, blob) in node.layer.parameters.enumerated() {
        let owner = parameters[parameterIndices[number][index]].blob
        _ = owner.gradient
        if blob !== owner { blob.shareGradient(with: owner) }
      }
      if node.layer.views == .valuesAndGradient, node.propagates.first == true,
        let bottom = node.bottoms.first
      {
        for top in node.tops { top.shareGradient(with: bottom) }
      }
    }
  }

  private func makePlan() {
    guard planIsStale else { return }
    prepareGradients()
    fuse()
    plan = Plan(nodes)
    context.workers.reserveScratch(plan.scratchCount)
    partials.reshape([plan.partialCount])
    passes = plan.steps.map(passes)
    planIsStale = false
  }

  /// Lets a layer apply the in-place ReLU that follows it, where nobody looks between the two.
  private func fuse() {
    for (node, next) in zip(nodes, nodes.dropFirst()) {
      next.isFused = false
      guard let fusing = node.layer as? any ActivationFusing else { continue }
      let follows =
        node.tops.count == 1 && next.isInPlace(0) && next.bottoms[0] === node.tops[0]
        && node.lossWeights[0] == 0
      let slope = follows && !debugInfo ? (next.layer as? any Rectifier)?.negativeSlope : nil
      fusing.fusedNegativeSlope = slope
      next.isFused = slope != nil
    }
  }

  // MARK: Passes

  /// Computes all blobs, and returns the sum of all losses by their weights.
  ///
  /// - Throws: a `Diagnostic` if data cannot be read or holds what a layer cannot use.
  @discardableResult
  public func forward() throws -> Float {
    var number = 0
    var stepNumber = 0
    while number < nodes.count {
      if case .dynamic(let layer) = nodes[number].kind {
        try refresh(number, layer)
      }
      if planIsStale {
        makePlan()
        stepNumber = plan.steps.firstIndex { $0.nodes.contains(number) } ?? 0
      }
      let step = plan.steps[stepNumber]
      switch step {
      case .segment(let segment): try forward(segment)
      case .whole(let node): try forwardWhole(nodes[node])
      }
      number = step.nodes.upperBound
      stepNumber += 1
    }
    return loss
  }

  private func refresh(_ number: Int, _ layer: any DynamicLayer) throws {
    let node = nodes[number]
    let shapes = try layer.nextShapes(node.bottoms)
    guard shapes != node.tops.map(\.shape) else { return }
    node.apply(shapes)
    try reshape(from: number + 1)
  }

  private func forwardWhole(_ node: Node) throws {
    do {
      switch node.kind {
      case .batch(let layer): try layer.forward(node.bottoms, node.tops)
      case .dynamic(let layer): try layer.forward(node.bottoms, node.tops)
      case .sample: break
      }
    } catch let fault as LayerFault {
      throw diagnostic(fault, at: node)
    }
  }

  private func forward(_ segment: Plan.Segment) throws {
    for node in nodes[segment.nodes] {
      guard case .sample(let layer) = node.kind else { continue }
      do {
        try layer.beginForward(node.bottoms, node.tops)
      } catch let fault as LayerFault {
        throw diagnostic(fault, at: node)
      }
    }
    let workers = context.workers
    workers.forEach(segment.chunks) { [nodes] chunk, worker in
      let range = segment.range(chunk)
      let scratch = workers.scratch(worker)
      for number in segment.nodes {
        let node = nodes[number]
        guard !node.isFused, case .sample(let layer) = node.kind else { continue }
        layer.forward(node.bottoms, node.tops, samples: range, scratch: scratch)
      }
    }
    for node in nodes[segment.nodes] {
      guard case .sample(let layer) = node.kind else { continue }
      do {
        try layer.endForward(node.bottoms, node.tops)
      } catch let fault as LayerFault {
        throw diagnostic(fault, at: node)
      }
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

  /// Sets the gradients of all parameters to zero.
  public func clearParameterGradients() {
    for parameter in parameters where parameter.blob.hasGradient {
      parameter.blob.gradient.update(repeating: 0, count: parameter.blob.count)
    }
  }

  /// Computes the gradients of the losses, after a forward pass; adds to those of the parameters.
  public func backward() {
    for node in nodes where node.needsBackward {
      for (top, weight) in zip(node.tops, node.lossWeights) where weight != 0 {
        top.gradient.update(repeating: weight, count: top.count)
      }
    }
    for (stepNumber, step) in plan.steps.enumerated().reversed() {
      switch step {
      case .segment(let segment): backward(segment, step: stepNumber)
      case .whole(let number): backwardWhole(number, passes[stepNumber][0][0])
      }
    }
  }

  private func backwardWhole(_ number: Int, _ pass: BackwardPass) {
    let node = nodes[number]
    guard node.needsBackward else { return }
    switch node.kind {
    case .batch(let layer): layer.backward(node.tops, node.bottoms, pass: pass)
    case .dynamic(let layer): layer.backward(node.tops, node.bottoms, pass: pass)
    case .sample: break
    }
  }

  private func backward(_ segment: Plan.Segment, step stepNumber: Int) {
    guard nodes[segment.nodes].contains(where: \.needsBackward) else { return }
    for node in nodes[segment.nodes] where node.needsBackward {
      if case .sample(let layer) = node.kind { layer.beginBackward(node.tops, node.bottoms) }
    }
    let sums = segment.groups > 1 ? partials.values : nil
    let passes = passes[stepNumber]
    let workers = context.workers
    workers.forEach(segment.groups) { [nodes] group, worker in
      if let sums {
        (sums + group * segment.partialCount).update(repeating: 0, count: segment.partialCount)
      }
      let scratch = workers.scratch(worker)
      for chunk in segment.chunks(ofGroup: group) {
        let range = segment.range(chunk)
        for number in segment.nodes.reversed() {
          let node = nodes[number]
          guard node.needsBackward, case .sample(let layer) = node.kind else { continue }
          layer.backward(
            node.tops, node.bottoms, samples: range,
            pass: passes[group][number - segment.nodes.lowerBound], scratch: scratch)
        }
      }
    }
    if let sums { add(sums, segment) }
  }

  /// What each layer of a step is to compute, for each group of chunks.
  private func passes(_ step: Plan.Step) -> [[BackwardPass]] {
    switch step {
    case .whole(let number):
      let gradients = nodes[number].gradients
      return [[BackwardPass(propagate: nodes[number].propagates, gradients: gradients)]]
    case .segment(let segment) where segment.groups == 1:
      return [
        nodes[segment.nodes].map {
          BackwardPass(propagate: $0.propagates, gradients: $0.gradients)
        }
      ]
    case .segment(let segment):
      return (0..<segment.groups).map { group in
        let sums = partials.values + group * segment.partialCount
        return segment.nodes.map { number in
          var gradients = [UnsafeMutablePointer<Float>?](
            repeating: nil, count: nodes[number].learns.count)
          for partial in segment.partials where partial.node == number {
            gradients[partial.index] = sums + partial.offset
          }
          return BackwardPass(propagate: nodes[number].propagates, gradients: gradients)
        }
      }
    }
  }

  /// Adds the groups' sums to the gradients, in the order of the groups.
  private func add(_ sums: UnsafeMutablePointer<Float>, _ segment: Plan.Segment) {
    for partial in segment.partials {
      let target = nodes[partial.node].layer.parameters[partial.index].gradient
      context.workers.forEachRange(of: partial.count, grain: 16 * 1024) { range, _ in
        for group in 0..<segment.groups {
          let source = sums + group * segment.partialCount + partial.offset
          for index in range { target[index] += source[index] }
        }
      }
    }
  }

  // MARK: Faults

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
