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
    /// Which blobs keep values and gradients when a pass is over.
    public var keeps = Keeping.all
    /// Whether `backward` is going to be called; without it, values need not wait for it.
    public var runsBackward = true

    /// Makes options.
    public init(state: NetState, context: LayerContext) {
      self.state = state
      self.context = context
    }
  }

  /// Which blobs keep their values, and gradients, after the last layer that uses them.
  public enum Keeping: Sendable, Equatable {
    /// All blobs: each has memory of its own.
    case all
    /// The blobs of these names, and what a net is for: inputs and records, losses, outputs. Others share
    /// memory, and what they hold after a pass, or after other layers have run, says nothing.
    case only(Set<String>)
  }

  /// The net as described: all its layers, before rules and splits.
  public let description: Message
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
  /// The layers that bring records in.
  public let sources: [Node]
  /// Whether the description's debug_info asks for the sizes of all values at each pass.
  public let debugInfo: Bool

  /// Which blobs keep what they hold.
  public let keeps: Keeping
  /// Whether `backward` computes anything.
  public let runsBackward: Bool

  private let blobs: [String: Blob]
  /// The order of computation; made anew when shapes have changed.
  private(set) var plan = Plan()
  private(set) var planIsStale = true
  /// Where blobs lie; made with the plan.
  private(set) var memoryPlan = MemoryPlan()
  /// Where blobs lie that share memory.
  let pool = MemoryPool()
  /// By worker, where blobs lie of which it needs just a chunk.
  let chunkPools: [MemoryPool]
  /// By step and worker, the blobs where some lie in the worker's memory.
  private(set) var chunkViews: [[ChunkView]] = []
  /// Where the groups of a segment's chunks add up the gradients of parameters.
  let partials = Blob("partial sums")
  /// By step, group of chunks and layer: what a backward pass computes, and where sums go.
  private(set) var passes: [[[BackwardPass]]] = []
  /// What moves parameters during a backward pass.
  var followers = Followers()
  /// Who looks at each layer after it has run, if anybody does.
  var observer: PassObserver? { didSet { planIsStale = true } }
  /// The blobs that keep what they hold.
  private let kept: Set<ObjectIdentifier>

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
    self.description = description
    context = options.context
    keeps = options.keeps
    runsBackward = options.runsBackward
    chunkPools = (0..<options.context.workers.count).map { _ in MemoryPool() }
    name = description.string("name")
    debugInfo = description.bool("debug_info")
    let layers = try Net.layers(description)
    let taking = SplitInsertion.insert(layers.filter(state.includes))
    var builder = NetBuilder(
      context: options.context, state: state, all: layers, sharesMemory: keeps != .all)
    builder.build(taking)
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
    var kept = Set(outputs.map(ObjectIdentifier.init))
    if case .only(let names) = keeps {
      kept.formUnion(names.compactMap { builder.blobs[$0].map(ObjectIdentifier.init) })
    }
    self.kept = kept
    sources = nodes.filter { $0.layer is any SourceLayer }
    inputs = nodes.filter { $0.layer is any InputLayer }.flatMap(\.tops)
    BackwardPruning.apply(
      to: nodes, builder.sharing, forceBackward: description.bool("force_backward"))
    try requireMemory()
    prepareGradients()
  }

  /// All layers, when their rules make sense.
  private static func layers(_ description: Message) throws -> [Message] {
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
    return layers
  }

  /// The blob of a name.
  public func blob(_ name: String) -> Blob? { blobs[name] }

  /// The layer of a name.
  public func node(_ name: String) -> Node? { nodes.first { $0.name == name } }

  // MARK: Shapes and memory

  /// Carries new shapes of the inputs through the net.
  public func reshape() throws {
    try reshape(from: 0)
  }

  func reshape(from first: Int) throws {
    defer { planIsStale = true }
    for node in nodes[first...] { try node.reshape() }
  }

  /// Takes the memory of all gradients now: no thread may do so while it computes.
  func prepareGradients() {
    guard runsBackward else { return }
    for (number, node) in nodes.enumerated() where node.needsBackward {
      for top in node.tops { _ = top.gradient }
      for (index, bottom) in node.bottoms.enumerated() where node.propagates[index] {
        _ = bottom.gradient
      }
      for (index, blob) in node.layer.parameters.enumerated() {
        if followers.active[parameterIndices[number][index]] != nil { continue }
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

  func makePlan() {
    guard planIsStale else { return }
    chooseFollowers()
    prepareGradients()
    fuse()
    plan = Plan(nodes, runsBackward: runsBackward)
    memoryPlan = makeMemoryPlan(plan)
    chunkViews = place(memoryPlan, plan)
    context.workers.reserveScratch(plan.scratchCount)
    partials.reshape([plan.partialCount])
    preparePasses()
    planIsStale = false
  }

  func preparePasses() { passes = plan.steps.map(passes) }

  /// Decides where blobs lie when the net computes by a plan.
  func makeMemoryPlan(_ plan: Plan) -> MemoryPlan {
    let isApart: Bool
    if case .debug = observer { isApart = true } else { isApart = keeps == .all }
    // Who looks at each layer sees it run over the whole batch before the next one.
    let steps = observer == nil ? plan.steps.map(\.nodes) : nodes.indices.map { $0..<$0 + 1 }
    let uses = BlobUses(nodes, steps: steps, runsBackward: runsBackward) {
      isApart || kept.contains(ObjectIdentifier($0))
    }
    return MemoryPlan(uses, plan, sharesChunks: observer == nil)
  }

  /// What each layer of a step is to compute, for each group of chunks.
  private func passes(_ step: Plan.Step) -> [[BackwardPass]] {
    guard runsBackward else { return [] }
    switch step {
    case .whole(let number):
      return [[pass(of: number)]]
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
}
