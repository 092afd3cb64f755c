import Layers
import Prototxt
import Schema

/// Where blobs come from and who uses them, by the names in the net file: what messages tell.
struct BlobOrigins {
  private struct Place {
    let layer: String
    let location: SourceRange?
  }

  private var producers: [String: Place] = [:]
  /// The last layer that has used a blob since it was produced.
  private var users: [String: Place] = [:]
  /// All tops of the layers that take part, for "produced later".
  private var allTops: [String: Place] = [:]
  /// Tops of the layers that do not.
  private var leftOut: [String: Place] = [:]

  // MARK: Notes

  mutating func noteTops(of layer: Message) { note(layer, in: \.allTops) }

  mutating func noteLeftOut(_ layer: Message) { note(layer, in: \.leftOut) }

  private mutating func note(
    _ layer: Message, in places: WritableKeyPath<BlobOrigins, [String: Place]>
  ) {
    for (index, top) in layer.strings("top").enumerated() where self[keyPath: places][top] == nil {
      self[keyPath: places][top] = Place(
        layer: layer.string("name"), location: layer.location("top", index))
    }
  }

  mutating func noteProducer(of name: String, _ spec: LayerSpec, _ index: Int) {
    producers[name] = Place(layer: spec.name, location: spec.message.location("top", index))
    users[name] = nil
  }

  mutating func noteUse(of name: String, by spec: LayerSpec, _ index: Int) {
    // A layer that works in place is told of the user before it.
    if spec.tops.contains(name) { return }
    users[name] = Place(layer: spec.name, location: spec.message.location("bottom", index))
  }

  // MARK: Messages

  func unknownBottom(_ spec: LayerSpec, _ index: Int, _ state: NetState) -> Diagnostic {
    let name = spec.bottoms[index]
    let place = spec.message.location("bottom", index)
    if let later = allTops[name], later.layer != spec.name {
      return spec.error(
        "bottom '\(name)' is produced only later, by layer '\(later.layer)'", at: place,
        notes: [Note("produced here", at: later.location)],
        help:
          "layers run in the order of the file: move layer '\(later.layer)' above '\(spec.name)'")
    }
    if let other = leftOut[name] {
      return spec.error(
        "unknown bottom '\(name)'", at: place, label: "no layer above produces it",
        notes: [
          Note(
            "layer '\(other.layer)' would, but its rules leave it out in \(Self.words(state))",
            at: other.location)
        ],
        help: "give layer '\(spec.name)' the same rules, or let layer '\(other.layer)' take part")
    }
    let guess = closestMatch(to: name, in: producers.keys)
    return spec.error(
      "unknown bottom '\(name)'", at: place,
      label: guess.map { "did you mean '\($0)'?" } ?? "no layer above produces it",
      notes: guess.flatMap { guess in
        producers[guess].map {
          [Note("'\(guess)' is produced by layer '\($0.layer)'", at: $0.location)]
        }
      } ?? [])
  }

  /// What is wrong with a top whose name another has; `nil` if none has it.
  func duplicateTop(_ spec: LayerSpec, _ index: Int) -> Diagnostic? {
    let name = spec.tops[index]
    let place = spec.message.location("top", index)
    if let first = spec.tops.firstIndex(of: name), first < index {
      return spec.error(
        "top '\(name)' is given twice", at: place,
        notes: [Note("it is first given here", at: spec.message.location("top", first))],
        help: "give each top a name of its own")
    }
    guard let earlier = producers[name] else { return nil }
    if index < spec.bottoms.count, spec.bottoms[index] == name, let user = users[name] {
      return spec.error(
        "cannot change '\(name)' in place, since layer '\(user.layer)' uses it too", at: place,
        notes: [Note("layer '\(user.layer)' uses it here", at: user.location)],
        help: "give the top a name of its own, or move layer '\(spec.name)' above '\(user.layer)'")
    }
    let isOwnBottom = spec.bottoms.contains(name)
    return spec.error(
      "top '\(name)' is produced by two layers", at: place,
      notes: [Note("layer '\(earlier.layer)' already produces it", at: earlier.location)],
      help: isOwnBottom
        ? "to work in place, a top must be at the place of the bottom of its name, which no other "
          + "layer uses"
        : "give one of the two another name")
  }

  private static func words(_ state: NetState) -> String {
    var text = "phase \(state.phase.rawValue)"
    if state.level != 0 { text += ", level \(state.level)" }
    let stages = state.stages.filter { !$0.isEmpty }
    if !stages.isEmpty { text += ", stages \(stages.joined(separator: ", "))" }
    return text
  }
}
