import Compute
import Layers
import Prototxt
import Schema

/// Wires the layers of a description and collects all that is wrong with it.
struct NetBuilder {
  let context: LayerContext
  let state: NetState
  private(set) var diagnostics: [Diagnostic] = []
  private(set) var nodes: [Node] = []
  private(set) var blobNames: [String] = []
  private(set) var blobs: [String: Blob] = [:]
  var sharing = ParameterSharing()
  private var producers: [String: Producer] = [:]
  /// Blobs whose shape is not known since a layer before has an error.
  private var unknown: Set<String> = []
  /// Tops that no layer has used yet.
  private(set) var unused: Set<String> = []
  /// All tops of the file, for "produced later".
  private var allTops: [String: Message] = [:]

  private struct Producer {
    let layer: String
    let location: SourceRange?
  }

  init(context: LayerContext, state: NetState) {
    self.context = context
    self.state = state
  }

  /// Builds all layers, after the filter and the splits.
  mutating func build(_ layers: [Message]) {
    for layer in layers {
      for (index, top) in layer.strings("top").enumerated() where allTops[top] == nil {
        var place = layer
        place.location = layer.location("top", index)
        allTops[top] = place
      }
    }
    for layer in layers { add(layer) }
  }

  private mutating func add(_ message: Message) {
    let phase = message.has("phase") ? Phase(rawValue: message.enumName("phase")) : nil
    let spec = LayerSpec(message, phase: phase ?? state.phase)
    let errorsBefore = diagnostics.count
    guard let type = layerType(spec) else {
      // What an unknown layer would make is taken as given, so that no further errors follow.
      _ = takeBottoms(spec)
      _ = takeTops(spec, Arity(0...Int.max, 0...Int.max))
      unknown.formUnion(spec.tops)
      return
    }
    let arity = type.reference.arity
    checkCounts(spec, arity)
    let bottoms = takeBottoms(spec)
    let tops = takeTops(spec, arity)
    let weights = lossWeights(spec, tops: tops.count)
    checkPropagation(spec)
    var layer: (any Layer)?
    diagnostics += Self.problems { layer = try type.init(spec, context) }
    if !type.runsInPlace, diagnostics.count == errorsBefore { refuseInPlace(spec) }
    let isKnown = !spec.bottoms.contains(where: unknown.contains)
    guard let layer, diagnostics.count == errorsBefore, isKnown,
      let node = Node(
        spec: spec, layer: layer, bottoms: bottoms, tops: tops, lossWeights: weights,
        propagates: [])
    else {
      unknown.formUnion(spec.tops)
      return
    }
    node.propagates = Array(repeating: false, count: bottoms.count)
    diagnostics += Self.problems { try node.reshape() }
    if diagnostics.count == errorsBefore {
      var shared = sharing
      diagnostics += Self.problems { try shared.add(node, number: nodes.count) }
      sharing = shared
    }
    guard diagnostics.count == errorsBefore else {
      unknown.formUnion(spec.tops)
      return
    }
    nodes.append(node)
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

  // MARK: Types and counts

  private mutating func layerType(_ spec: LayerSpec) -> (any Layer.Type)? {
    if let type = LayerCatalog.type(named: spec.type) { return type }
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
        "unknown layer type '\(spec.type)'", at: place,
        label: guess.map { "did you mean '\($0)'?" },
        help: LayerAdvice.unknownType(spec.type) ?? "'netrun layers' lists the types there are"))
    return nil
  }

  private mutating func checkCounts(_ spec: LayerSpec, _ arity: Arity) {
    check(spec, "bottom", spec.bottoms.count, arity.bottoms)
    let least = arity.automaticTop ? 0 : arity.tops.lowerBound
    check(spec, "top", spec.tops.count, least...arity.tops.upperBound)
    if arity.equal, spec.bottoms.count != spec.tops.count {
      diagnostics.append(
        spec.error(
          "needs as many tops as bottoms, but has \(spec.bottoms.count) bottoms and "
            + "\(spec.tops.count) tops"))
    }
  }

  private mutating func refuseInPlace(_ spec: LayerSpec) {
    let tops = spec.tops
    for (index, bottom) in spec.bottoms.enumerated() where index < tops.count {
      guard bottom == tops[index] else { continue }
      diagnostics.append(
        spec.error(
          "cannot work in place: top '\(bottom)' has the name of its bottom",
          at: spec.message.location("top", index), help: "give the top a name of its own"))
    }
  }

  private mutating func check(
    _ spec: LayerSpec, _ what: String, _ count: Int, _ range: ClosedRange<Int>
  ) {
    guard !range.contains(count) else { return }
    let wanted: String
    if range.lowerBound == range.upperBound {
      wanted = "exactly \(range.lowerBound)"
    } else if count < range.lowerBound {
      wanted = "at least \(range.lowerBound)"
    } else {
      wanted = "at most \(range.upperBound)"
    }
    let plural = wanted.hasSuffix(" 1") ? what : what + "s"
    let place = count > range.upperBound ? spec.message.location(what, range.upperBound) : nil
    diagnostics.append(spec.error("takes \(wanted) \(plural), but has \(count)", at: place))
  }

  // MARK: Blobs

  private mutating func takeBottoms(_ spec: LayerSpec) -> [Blob] {
    spec.bottoms.enumerated().map { index, name in
      unused.remove(name)
      if let blob = blobs[name] { return blob }
      diagnostics.append(unknownBottom(spec, index, name))
      unknown.insert(name)
      let blob = Blob(name)
      blobs[name] = blob
      return blob
    }
  }

  private func unknownBottom(_ spec: LayerSpec, _ index: Int, _ name: String) -> Diagnostic {
    let place = spec.message.location("bottom", index)
    if let later = allTops[name] {
      return .error(
        "layer '\(spec.name)': bottom '\(name)' is produced only later, by layer "
          + "'\(later.string("name"))'", at: place,
        notes: [Note("produced here", at: later.location)],
        help: "layers run in the order of the file: move the producer above '\(spec.name)'")
    }
    let guess = closestMatch(to: name, in: producers.keys)
    return .error(
      "layer '\(spec.name)': unknown bottom '\(name)'", at: place,
      label: guess.map { "did you mean '\($0)'?" } ?? "no layer above produces it",
      notes: guess.flatMap { guess in
        producers[guess].map {
          [Note("'\(guess)' is produced by layer '\($0.layer)'", at: $0.location)]
        }
      } ?? [])
  }

  private mutating func takeTops(_ spec: LayerSpec, _ arity: Arity) -> [Blob] {
    var result: [Blob] = []
    for (index, name) in spec.tops.enumerated() {
      let place = spec.message.location("top", index)
      if index < spec.bottoms.count, spec.bottoms[index] == name {
        result.append(blobs[name] ?? Blob(name))
        producers[name] = Producer(layer: spec.name, location: place)
        unused.insert(name)
        continue
      }
      if let earlier = producers[name] {
        diagnostics.append(
          .error(
            "layer '\(spec.name)': top '\(name)' is produced by two layers", at: place,
            notes: [Note("layer '\(earlier.layer)' already produces it", at: earlier.location)],
            help: duplicateHelp(spec, name)))
      }
      let blob = Blob(name)
      blobs[name] = blob
      blobNames.append(name)
      producers[name] = Producer(layer: spec.name, location: place)
      unused.insert(name)
      result.append(blob)
    }
    if arity.automaticTop {
      for _ in result.count..<max(result.count, arity.tops.lowerBound) {
        result.append(Blob("(automatic)"))
      }
    }
    return result
  }

  private func duplicateHelp(_ spec: LayerSpec, _ name: String) -> String {
    let reads = spec.bottoms.contains { $0.hasPrefix("\(name)_") && $0.contains("_split_") }
    return reads
      ? "'\(name)' is also used by another layer, so it cannot be changed in place here: give the "
        + "top a name of its own"
      : "give one of the two another name"
  }

  // MARK: Loss weights and propagate_down

  private mutating func lossWeights(_ spec: LayerSpec, tops: Int) -> [Float] {
    let given = spec.message.floats("loss_weight")
    if !given.isEmpty, given.count != tops {
      diagnostics.append(
        spec.error(
          "loss_weight must be given once for each top: \(tops) wanted, \(given.count) given",
          at: spec.message.location("loss_weight")))
    }
    if given.count == tops { return given }
    var weights = [Float](repeating: 0, count: tops)
    if spec.type.hasSuffix("Loss"), tops > 0 { weights[0] = 1 }
    return weights
  }

  private mutating func checkPropagation(_ spec: LayerSpec) {
    let count = spec.message.count("propagate_down")
    guard count != 0, count != spec.bottoms.count else { return }
    diagnostics.append(
      spec.error(
        "propagate_down must be given once for each bottom: \(spec.bottoms.count) wanted, "
          + "\(count) given", at: spec.message.location("propagate_down")))
  }
}
