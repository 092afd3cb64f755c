import Compute
import Layers
import Prototxt
import Schema

/// Collects the learnable blobs of a net, and ties those that share a `param` name.
struct ParameterSharing {
  private(set) var parameters: [Parameter] = []
  /// For each layer, the place of each of its blobs in `parameters`.
  private(set) var indices: [[Int]] = []
  /// For each layer, whether it owns each of its blobs.
  private(set) var owns: [[Bool]] = []
  private var named: [String: (parameter: Int, spec: LayerSpec, location: SourceRange?)] = [:]

  mutating func add(_ node: Node, number: Int) throws {
    let entries = node.spec.message.messages("param")
    let blobs = node.layer.parameters
    if entries.count > blobs.count {
      throw node.spec.error(
        "has \(counted(entries.count, "param entry")) but "
          + (blobs.isEmpty ? "" : "only ") + counted(blobs.count, "parameter blob"),
        at: node.spec.message.location("param", blobs.count),
        help: "leave out the entries that are too many")
    }
    var layerIndices: [Int] = []
    var layerOwns: [Bool] = []
    let imposed = node.layer.parameterRates
    for (index, blob) in blobs.enumerated() {
      let entry = index < entries.count ? entries[index] : nil
      let name = entry?.string("name") ?? ""
      if !name.isEmpty, let owner = named[name] {
        try share(node, blob, entry, with: owner)
        layerIndices.append(owner.parameter)
        layerOwns.append(false)
        continue
      }
      let rate = index < imposed.count ? imposed[index] : ParameterRate()
      var parameter = Parameter(
        blob: blob, owner: (number, index), title: "\(node.name)[\(index)]", name: name,
        rate: rate.rate, decay: rate.decay)
      if index >= imposed.count { Self.read(entry, into: &parameter) }
      if !name.isEmpty {
        named[name] = (parameters.count, node.spec, entry?.location("name"))
      }
      layerIndices.append(parameters.count)
      layerOwns.append(true)
      parameters.append(parameter)
    }
    indices.append(layerIndices)
    owns.append(layerOwns)
  }

  private static func read(_ entry: Message?, into parameter: inout Parameter) {
    guard let entry else { return }
    if let rate = entry.optionalFloat("lr_mult") {
      parameter.rate = rate
      parameter.givesRate = true
      parameter.rateLocation = entry.location("lr_mult")
    }
    if let decay = entry.optionalFloat("decay_mult") {
      parameter.decay = decay
      parameter.givesDecay = true
      parameter.decayLocation = entry.location("decay_mult")
    }
  }

  private mutating func share(
    _ node: Node, _ blob: Blob, _ entry: Message?,
    with owner: (parameter: Int, spec: LayerSpec, location: SourceRange?)
  ) throws {
    var parameter = parameters[owner.parameter]
    let isPermissive = entry?.enumName("share_mode") == "PERMISSIVE"
    let fits =
      isPermissive
      ? blob.count == parameter.blob.count : blob.shape == parameter.blob.shape
    guard fits else {
      throw node.spec.error(
        "cannot share parameter '\(parameter.name)' of layer '\(owner.spec.name)': the shapes are "
          + "\(blob.shape.display) here and \(parameter.blob.shape.display) there",
        at: entry?.location("name"),
        notes: [Note("first used here", at: owner.location)],
        help: isPermissive
          ? "share_mode: PERMISSIVE needs equal numbers of values"
          : "make the shapes equal, or set share_mode: PERMISSIVE if only the counts are")
    }
    blob.shareValues(with: parameter.blob)
    var own = parameter
    own.givesRate = false
    own.givesDecay = false
    Self.read(entry, into: &own)
    try agree(
      node, own.givesRate, parameter.givesRate, own.rate, parameter.rate, "lr_mult",
      own.rateLocation, parameter.rateLocation)
    try agree(
      node, own.givesDecay, parameter.givesDecay, own.decay, parameter.decay, "decay_mult",
      own.decayLocation, parameter.decayLocation)
    if own.givesRate { (parameter.rate, parameter.givesRate) = (own.rate, true) }
    if own.givesDecay { (parameter.decay, parameter.givesDecay) = (own.decay, true) }
    parameters[owner.parameter] = parameter
  }

  private func agree(
    _ node: Node, _ here: Bool, _ there: Bool, _ own: Float, _ other: Float, _ field: String,
    _ location: SourceRange?, _ earlier: SourceRange?
  ) throws {
    guard here, there, own != other else { return }
    throw node.spec.error(
      "a shared parameter has two values of \(field): \(own) here and \(other) before",
      at: location, notes: [Note("given here first", at: earlier)],
      help: "give it once, or the same value in both layers")
  }
}
