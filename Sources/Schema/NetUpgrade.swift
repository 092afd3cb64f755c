public import Prototxt

/// Brings nets of Caffe's earlier years into today's form.
///
/// There were three forms of a layer: `layers { layer { type: "conv" } }` of 2013 (V0),
/// `layers { type: CONVOLUTION }` of 2014 (V1), and `layer { type: "Convolution" }` since. Each
/// field keeps its place in the text, so that later messages point at what the user wrote.
public struct NetUpgrade: Sendable {
  /// The net in today's form.
  public private(set) var net: Message
  /// What could not be carried over.
  public private(set) var warnings: [Diagnostic] = []
  /// What was changed, in words; empty for a net that was of today's form.
  public private(set) var changes: [String] = []

  /// Upgrades a NetParameter of any form.
  ///
  /// - Throws: What leaves the net without a meaning.
  public init(_ original: Message) throws(Diagnostics) {
    precondition(original.type == .net)
    net = original
    var problems = Diagnostics()
    upgradeLayers(&problems)
    upgradeInputs(&problems)
    upgradeBatchNorm()
    try problems.throwIfErrors()
    warnings += problems.all
  }

  private static func count(_ number: Int, _ thing: String) -> String {
    "\(number) \(thing)\(number == 1 ? "" : "s")"
  }

  /// V0 and V1 layers become layers of today.
  private mutating func upgradeLayers(_ problems: inout Diagnostics) {
    var layers = net.messages("layers")
    guard !layers.isEmpty else { return }
    if net.has("layer") {
      problems.append(
        .error(
          "a net has either 'layers' of the old form or 'layer' of today's, not both",
          at: net.location("layer"),
          notes: [Note("the first of the old form", at: net.location("layers"))]))
      return
    }
    if layers.contains(where: { $0.has("layer") }) {
      let upgrade = V0Upgrade(layers, inputs: net.strings("input"))
      problems.all += upgrade.problems
      changes.append(NetUpgrade.count(layers.count, "layer") + " of the form of 2013 (V0)")
      let paddings = layers.count - upgrade.layers.count
      if paddings > 0 {
        changes.append(
          NetUpgrade.count(paddings, "padding layer") + ", now 'pad' of the layers behind")
      }
      layers = upgrade.layers
    } else {
      changes.append(NetUpgrade.count(layers.count, "layer") + " of the form of 2014 (V1)")
    }
    net.clear("layers")
    let upgraded = layers.map { V1Upgrade.layer($0) }
    let moved = zip(layers, upgraded).count { old, new in
      new.has("transform_param") && !old.has("transform_param")
    }
    if moved > 0 {
      changes.append(
        "scaling, cropping and mirroring of \(NetUpgrade.count(moved, "data layer")), now in "
          + "'transform_param'")
    }
    net.set("layer", messages: upgraded)
  }

  /// The net's own inputs become an Input layer in front.
  private mutating func upgradeInputs(_ problems: inout Diagnostics) {
    guard net.has("input") else { return }
    if net.has("input_shape") || net.has("input_dim") {
      if let problem = inputProblem {
        problems.append(problem)
      } else {
        net.set("layer", messages: [inputLayer] + net.messages("layer"))
        changes.append(
          NetUpgrade.count(net.count("input"), "input") + " of the net itself, now an Input layer")
      }
    } else {
      changes.append(
        NetUpgrade.count(net.count("input"), "input") + " without a shape, which means nothing")
    }
    net.clear("input")
    net.clear("input_shape")
    net.clear("input_dim")
  }

  private var inputProblem: Diagnostic? {
    let inputs = net.count("input")
    let shapes = net.count("input_shape")
    let sizes = net.count("input_dim")
    if shapes > 0, shapes != inputs {
      return .error(
        "there are \(inputs) 'input' but \(shapes) 'input_shape'",
        at: net.location("input_shape"), help: "give one input_shape for each input")
    }
    if shapes == 0, sizes != 4 * inputs {
      return .error(
        "there are \(inputs) 'input', so 'input_dim' must be there \(4 * inputs) times, not \(sizes)",
        at: net.location("input_dim"), help: "four for each input: batch, channels, height, width")
    }
    return nil
  }

  private var inputLayer: Message {
    var parameter = Message("InputParameter")
    let sizes = net.ints("input_dim")
    for index in 0..<net.count("input") {
      var shape = Message("BlobShape")
      if net.has("input_shape") {
        shape = net.messages("input_shape")[index]
      } else {
        shape.location = net.location("input_dim", 4 * index)
        for place in 4 * index..<4 * index + 4 {
          shape.append("dim", int: sizes[place], at: net.location("input_dim", place))
        }
      }
      parameter.append("shape", message: shape)
    }
    parameter.location = net.location(net.has("input_shape") ? "input_shape" : "input_dim")
    var layer = Message(.layer)
    layer.location = net.location("input")
    layer.set("name", string: "input")
    layer.set("type", string: "Input")
    layer.copy("input", of: net, as: "top")
    layer.set("input_param", message: parameter)
    return layer
  }

  /// The three blobs of BatchNorm are statistics and never learned, whatever old nets say.
  private mutating func upgradeBatchNorm() {
    let layers = net.messages("layer").map { layer in
      guard layer.string("type") == "BatchNorm", layer.count("param") == 3 else { return layer }
      var layer = layer
      let params = layer.messages("param").map { param in
        var param = param
        param.set("lr_mult", float: 0, at: param.location)
        param.set("decay_mult", float: 0, at: param.location)
        return param
      }
      layer.set("param", messages: params)
      return layer
    }
    let changed = zip(layers, net.messages("layer")).count { $0 != $1 }
    guard changed > 0 else { return }
    net.set("layer", messages: layers)
    changes.append(
      "lr_mult and decay_mult of \(NetUpgrade.count(changed, "BatchNorm layer")), now 0")
  }
}

extension Message {
  /// Copies a field of another message, with its values' places, under another name.
  mutating func copy(_ name: String, of other: Message, as newName: String) {
    guard let entry = other.entry(of: other.field(name)) else { return }
    var values = entry.values
    let target = field(newName)
    // Signed numbers of old forms became unsigned ones.
    if case .int(let numbers) = values, case .uint32 = target.kind {
      values = .uint(numbers.map { UInt64(max(0, $0)) })
    }
    set(target, values: values, locations: entry.locations)
  }

  /// Changes the message in a field, which is made if there is none.
  mutating func update(
    _ field: String, at location: SourceRange?, _ change: (inout Message) -> Void
  ) {
    var inner = message(field)
    if !has(field) { inner.location = location }
    change(&inner)
    set(field, message: inner)
  }
}
