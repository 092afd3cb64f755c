import Compute
import Layers
import Prototxt
import Schema

/// Wires the layers of a description and collects all that is wrong with it.
struct NetBuilder {
  let context: LayerContext
  let state: NetState
  var diagnostics: [Diagnostic] = []
  private(set) var nodes: [Node] = []
  private(set) var blobNames: [String] = []
  private(set) var blobs: [String: Blob] = [:]
  private(set) var sharing = ParameterSharing()
  /// Tops that no layer has used yet.
  private(set) var unused: Set<String> = []
  /// What is known of blobs beside their numbers, for messages.
  var origins = BlobOrigins()
  /// Blobs whose shape is not known since a layer before has an error.
  private var unknown: Set<String> = []
  /// Floats that the blobs have taken so far, which counts where they do not share memory.
  private var taken = 0
  private let sharesMemory: Bool

  /// - Parameters:
  ///   - context: What surrounds the layers.
  ///   - state: The state of the net.
  ///   - all: The layers of the file, with those that the state leaves out.
  ///   - sharesMemory: Whether blobs are going to share memory.
  init(context: LayerContext, state: NetState, all: [Message], sharesMemory: Bool) {
    self.sharesMemory = sharesMemory
    self.context = context
    self.state = state
    for layer in all where !state.includes(layer) { origins.noteLeftOut(layer) }
  }

  /// Builds all layers, after the filter and the splits.
  mutating func build(_ layers: [SplitInsertion.Layer]) {
    for layer in layers where !layer.isInserted { origins.noteTops(of: layer.message) }
    for layer in layers { add(layer) }
  }

  private mutating func add(_ inserted: SplitInsertion.Layer) {
    let message = inserted.message
    let phase = message.has("phase") ? Phase(rawValue: message.enumName("phase")) : nil
    let spec = LayerSpec(message, phase: phase ?? state.phase, bottoms: inserted.bottoms)
    let wired = message.strings("bottom")
    let errorsBefore = diagnostics.count
    guard let type = layerType(spec) else {
      // What an unknown layer would make is taken as given, so that no further errors follow.
      _ = takeBottoms(spec, wired, isInserted: false)
      _ = takeTops(spec, wired, Arity(0...Int.max, 0...Int.max), isInserted: false)
      unknown.formUnion(spec.tops)
      return
    }
    let arity = type.reference.arity
    checkCounts(spec, arity)
    if !type.runsInPlace { refuseInPlace(spec) }
    let bottoms = takeBottoms(spec, wired, isInserted: inserted.isInserted)
    let isKnown = !wired.contains(where: unknown.contains)
    let tops = takeTops(spec, wired, arity, isInserted: inserted.isInserted)
    let weights = lossWeights(spec, tops: tops.count)
    checkPropagation(spec)
    var layer: (any Layer)?
    let problems = Self.problems { layer = try type.init(spec, context) }
    // Some layers say themselves, and better, why they cannot work in place; once is enough.
    let own = diagnostics[errorsBefore...].filter { said in
      !problems.contains { $0.location != nil && $0.location == said.location }
    }
    diagnostics.replaceSubrange(errorsBefore..., with: own + problems)
    guard let layer, diagnostics.count == errorsBefore, isKnown,
      let node = Node(
        spec: spec, layer: layer, bottoms: bottoms, tops: tops, lossWeights: weights,
        propagates: [])
    else {
      unknown.formUnion(spec.tops)
      return
    }
    connect(node)
    if diagnostics.count == errorsBefore {
      nodes.append(node)
      unknown.subtract(spec.tops)
    } else {
      unknown.formUnion(spec.tops)
    }
  }

  /// Finds shapes and parameters of a layer that is right by itself.
  private mutating func connect(_ node: Node) {
    let errorsBefore = diagnostics.count
    node.propagates = Array(repeating: false, count: node.bottoms.count)
    let room = context.isSketch ? Int.max : Memory.physicalFloats - taken
    diagnostics += Self.problems { try node.reshape(room: room) }
    guard diagnostics.count == errorsBefore else { return }
    taken += (sharesMemory ? 0 : node.valueFloats) + node.parameterFloats
    var shared = sharing
    diagnostics += Self.problems { try shared.add(node, number: nodes.count) }
    sharing = shared
  }

  /// Runs a step, and returns what went wrong.
  private static func problems(_ step: () throws -> Void) -> [Diagnostic] {
    do {
      try step()
      return []
    } catch let error as Diagnostics {
      return error.all
    } catch let error as Diagnostic {
      return [error]
    } catch {
      return [Diagnostic.error("\(error)")]
    }
  }

  private mutating func layerType(_ spec: LayerSpec) -> (any Layer.Type)? {
    if let type = LayerCatalog.type(of: spec.message) { return type }
    let place = spec.message.location("type") ?? spec.message.location
    if spec.type.isEmpty {
      diagnostics.append(
        .error("layer '\(spec.name)' has no type", at: place, help: "add type: \"…\""))
      return nil
    }
    let names = LayerCatalog.all.map { $0.type }
    let guess = closestMatch(to: spec.type, in: names)
    diagnostics.append(
      .error(
        "layer '\(spec.name)': unknown layer type '\(spec.type)'", at: place,
        label: guess.map { "did you mean '\($0)'?" },
        help: LayerAdvice.unknownType(spec.type) ?? "'netrun layers' lists the types there are"))
    return nil
  }

  // MARK: Blobs

  private mutating func takeBottoms(
    _ spec: LayerSpec, _ wired: [String], isInserted: Bool
  ) -> [Blob] {
    wired.enumerated().map { index, name in
      unused.remove(name)
      if let blob = blobs[name] {
        if !isInserted { origins.noteUse(of: spec.bottoms[index], by: spec, index) }
        return blob
      }
      diagnostics.append(origins.unknownBottom(spec, index, state))
      unknown.insert(name)
      let blob = Blob(name)
      blobs[name] = blob
      return blob
    }
  }

  private mutating func takeTops(
    _ spec: LayerSpec, _ wired: [String], _ arity: Arity, isInserted: Bool
  ) -> [Blob] {
    var result: [Blob] = []
    for (index, name) in spec.tops.enumerated() {
      unused.insert(name)
      if index < wired.count, wired[index] == name {
        result.append(blobs[name] ?? Blob(name))
      } else {
        let isRefused = isRefused(spec, index)
        if !isRefused, let problem = origins.duplicateTop(spec, index) {
          diagnostics.append(problem)
        }
        let blob = Blob(name)
        blobs[name] = blob
        blobNames.append(name)
        result.append(blob)
      }
      if !isInserted { origins.noteProducer(of: name, spec, index) }
    }
    if arity.automaticTop {
      for _ in result.count..<max(result.count, arity.tops.lowerBound) {
        result.append(Blob("(automatic)"))
      }
    }
    return result
  }

  /// Whether a top was refused already, as that of a layer that cannot work in place.
  private func isRefused(_ spec: LayerSpec, _ index: Int) -> Bool {
    index < spec.bottoms.count && spec.bottoms[index] == spec.tops[index]
      && LayerCatalog.type(of: spec.message)?.runsInPlace == false
  }
}
