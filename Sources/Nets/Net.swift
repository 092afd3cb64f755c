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

  private let blobs: [String: Blob]
  /// The order of computation; made anew when shapes have changed.
  private(set) var plan = Plan()
  private(set) var planIsStale = true
  /// Where the groups of a segment's chunks add up the gradients of parameters.
  let partials = Blob("partial sums")
  /// By step, group of chunks and layer: what a backward pass computes, and where sums go.
  private(set) var passes: [[[BackwardPass]]] = []
  /// What moves parameters during a backward pass.
  var followers = Followers()
  /// Who looks at each layer after it has run, if anybody does.
  var observer: PassObserver? { didSet { planIsStale = true } }

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
    name = description.string("name")
    debugInfo = description.bool("debug_info")
    let layers = try Net.layers(description)
    let taking = SplitInsertion.insert(layers.filter(state.includes))
    var builder = NetBuilder(context: options.context, state: state, all: layers)
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
    plan = Plan(nodes)
    context.workers.reserveScratch(plan.scratchCount)
    partials.reshape([plan.partialCount])
    preparePasses()
    planIsStale = false
  }

  func preparePasses() { passes = plan.steps.map(passes) }

  /// Lets a layer apply the in-place ReLU that follows it, where nobody looks between the two.
  private func fuse() {
    for (node, next) in zip(nodes, nodes.dropFirst()) {
      next.isFused = false
      guard let fusing = node.layer as? any ActivationFusing else { continue }
      let follows =
        node.tops.count == 1 && next.isInPlace(0) && next.bottoms[0] === node.tops[0]
        && node.lossWeights[0] == 0
      let slope = follows && observer == nil ? (next.layer as? any Rectifier)?.negativeSlope : nil
      fusing.fusedNegativeSlope = slope
      next.isFused = slope != nil
    }
  }

  /// What each layer of a step is to compute, for each group of chunks.
  private func passes(_ step: Plan.Step) -> [[BackwardPass]] {
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
