import Compute
import Layers
import Nets
import Prototxt
import Schema

/// Makes, of a net to train and test, the net for use.
///
/// Layers that bring records become inputs, losses become what turns scores into probabilities,
/// and what serves labels, scores or training alone is left out.
struct DeployNet {
  /// What is to be made.
  struct Options {
    /// How many samples the net takes at once; 0 leaves the number that the test has.
    var batchSize = 1
    /// Whether dropout, which does nothing in use, stays.
    var keepsDropout = false
    /// Whether how weights begin stays: weights come from a file.
    var keepsFillers = false
  }

  /// What the net for use is, in today's form.
  private(set) var net: Message
  /// The layer that brought the images, if one did.
  private(set) var source: Message?
  /// What was done, for the user.
  private(set) var remarks: [String] = []

  private let layers: [Message]
  /// The layers that no test has, which may still tell what the scores are.
  private let others: [Message]
  private let options: Options
  /// The scores that only help training: those of losses that count less than another over the same labels.
  private var helpers: Set<String> = []
  /// For each layer the layers that make its bottoms.
  private var makers: [[Int]] = []
  /// For each layer whether weights stand before it.
  private var isLearned: [Bool] = []
  private var lastMaker: [String: Int] = [:]

  /// Makes the net for use.
  ///
  /// - Parameters:
  ///   - net: The net, in today's form.
  ///   - state: Which of its layers take part.
  ///   - shapes: The shapes of the blobs by name, as the test has them.
  ///   - options: What is to be made.
  /// - Throws: a diagnostic if nothing is left.
  init(
    _ net: Message, state: NetState, shapes: [String: Shape], options: Options
  ) throws(Diagnostic) {
    self.options = options
    layers = net.messages("layer").filter(state.includes)
    others = net.messages("layer").filter { !state.includes($0) }
    self.net = Message(.net)
    if net.has("name") { self.net.set("name", string: net.string("name")) }
    trace()
    findHelpers()
    let live = try alive()
    var made: [Message] = []
    for (index, layer) in layers.enumerated() where live.contains(index) {
      if isSource(layer) {
        made += inputs(index, live, shapes)
      } else if let layer = cleaned(layer, in: &made) {
        made.append(layer)
      }
    }
    made += scores(live)
    self.net.set("layer", messages: made)
  }

  // MARK: What depends on what

  private mutating func trace() {
    for (index, layer) in layers.enumerated() {
      let from = layer.strings("bottom").compactMap { lastMaker[$0] }
      makers.append(from)
      let learns = DeployNet.learns(layer.string("type"))
      isLearned.append(learns || from.contains { isLearned[$0] })
      for top in layer.strings("top") { lastMaker[top] = index }
    }
  }

  private mutating func findHelpers() {
    let losses = layers.filter { DeployNet.scorers[$0.string("type")] != nil }
    func weight(_ loss: Message) -> Float { loss.floats("loss_weight").first ?? 1 }
    for loss in losses {
      let bottoms = loss.strings("bottom")
      guard bottoms.count > 1 else { continue }
      let isLess = losses.contains {
        $0.string("type") == loss.string("type")
          && $0.strings("bottom").dropFirst().first == bottoms[1]
          && weight($0) > weight(loss)
      }
      guard isLess, helpers.insert(bottoms[0]).inserted else { continue }
      remarks.append(
        "loss '\(loss.string("name"))' counts less than another: the layers for it alone are left out"
      )
    }
  }

  private static func learns(_ type: String) -> Bool {
    [
      "Convolution", "Deconvolution", "InnerProduct", "Embed", "LSTM", "RNN", "BatchNorm", "Scale",
      "Bias", "PReLU", "BN", "Normalize", "ConvolutionDepthwise", "DepthwiseConv",
      "DepthwiseConvolution", "Parameter",
    ].contains(type)
  }

  private func isSource(_ layer: Message) -> Bool {
    !layer.has("bottom") && !["Parameter", "Input"].contains(layer.string("type"))
  }

  /// Whether a layer tells how good scores are, or serves only records.
  static func isJudge(_ layer: Message) -> Bool {
    let type = layer.string("type")
    return type.hasSuffix("Loss") || type.hasSuffix("Accuracy")
      || ["Silence", "HDF5Output"].contains(type)
      || layer.floats("loss_weight").contains { $0 != 0 }
  }

  /// The layers that what is wanted depends on.
  private func alive() throws(Diagnostic) -> Set<Int> {
    var wanted: [Int] = []
    var users = [Int](repeating: 0, count: layers.count)
    for from in makers { for maker in Set(from) { users[maker] += 1 } }
    for (index, layer) in layers.enumerated() {
      if DeployNet.isJudge(layer) {
        let isHelper = layer.strings("bottom").first.map(helpers.contains) == true
        guard layer.string("type") != "Silence", !isHelper else { continue }
        let learned = makers[index].filter { isLearned[$0] }
        wanted += learned.isEmpty ? makers[index].prefix(1) : learned[...]
      } else if users[index] == 0, isLearned[index] || !isSource(layer) {
        let isTest = !makers[index].isEmpty && !isLearned[index]
        if !isTest { wanted.append(index) }
      }
    }
    var live: Set<Int> = []
    while let index = wanted.popLast() {
      guard live.insert(index).inserted else { continue }
      wanted += makers[index]
    }
    guard live.contains(where: { !isSource(layers[$0]) }) else {
      throw .error(
        "nothing is left for use: no layer of the net computes anything from its data",
        at: net.location)
    }
    return live
  }

  // MARK: Inputs

  /// The inputs in place of a layer of data.
  private mutating func inputs(
    _ index: Int, _ live: Set<Int>, _ shapes: [String: Shape]
  ) -> [Message] {
    let used = Set(
      live.filter { makers[$0].contains(index) }.flatMap { layers[$0].strings("bottom") })
    let isRecurrent = live.contains { ["LSTM", "RNN"].contains(layers[$0].string("type")) }
    let tops = layers[index].strings("top").filter(used.contains)
    var isFirst = true
    return tops.compactMap { top in
      guard var shape = shapes[top] else { return nil }
      if options.batchSize > 0, shape.axes > 0, !isRecurrent { shape[0] = options.batchSize }
      if options.batchSize > 0, shape.axes > 1, isRecurrent { shape[1] = options.batchSize }
      var layer = Message(.layer)
      layer.set("name", string: top)
      layer.set("type", string: "Input")
      layer.set("top", strings: [top])
      var sizes = Message("BlobShape")
      sizes.set("dim", ints: shape.dimensions)
      var parameters = Message("InputParameter")
      parameters.append("shape", message: sizes)
      layer.set("input_param", message: parameters)
      if isFirst, shape.axes == 4, source == nil {
        source = layers[index]
        ImageRecipe.record(layers[index], in: &layer)
      }
      isFirst = false
      return layer
    }
  }

  // MARK: Layers

  /// A layer without what serves training; `nil` for one that is left out.
  private mutating func cleaned(_ original: Message, in made: inout [Message]) -> Message? {
    if DeployNet.isJudge(original), original.string("type").hasSuffix("Loss") { return nil }
    var layer = original
    if layer.string("type") == "Dropout", !options.keepsDropout {
      if layer.string("bottom") == layer.string("top") {
        return nil
      }
    }
    for field in ["include", "exclude", "phase", "propagate_down", "loss_weight", "blobs"] {
      layer.clear(field)
    }
    clean(&layer)
    return layer
  }

  private func clean(_ layer: inout Message) {
    // A shared blob is known by its name; rates are nothing in use.
    var names = layer.messages("param").map { given in
      var kept = Message("ParamSpec")
      if given.has("name") { kept.set("name", string: given.string("name")) }
      return kept
    }
    while let last = names.last, !last.has("name") { names.removeLast() }
    layer.set("param", messages: names)
    guard !options.keepsFillers else { return }
    for field in layer.setFields where field.hasSuffix("_param") {
      guard case .message(var parameters)? = layer.value(field) else { continue }
      for name in parameters.setFields where name == "filler" || name.hasSuffix("_filler") {
        if name != "data_filler" { parameters.clear(name) }
      }
      if parameters.setFields.isEmpty {
        layer.clear(field)
      } else {
        layer.set(field, message: parameters)
      }
    }
  }

  // MARK: Scores

  /// What makes probabilities of the scores that losses take.
  private static let scorers = [
    "SoftmaxWithLoss": "Softmax", "InfogainLoss": "Softmax",
    "SigmoidCrossEntropyLoss": "Sigmoid", "MultiLabelSigmoidLoss": "Sigmoid",
  ]

  /// The layers in place of losses over scores.
  private mutating func scores(_ live: Set<Int>) -> [Message] {
    var made: [Message] = []
    var done: Set<String> = []
    var names = Set(layers.flatMap { $0.strings("top") } + layers.map { $0.string("name") })
    // Losses of training alone come last: they count where a test has none.
    for loss in layers + others {
      guard let type = DeployNet.scorers[loss.string("type")],
        let scores = loss.strings("bottom").first, !helpers.contains(scores),
        let maker = lastMaker[scores], live.contains(maker)
      else { continue }
      let exists = layers.indices.contains {
        live.contains($0) && layers[$0].string("type") == type
          && layers[$0].strings("bottom").first == scores
      }
      guard !exists, done.insert(scores).inserted else { continue }
      let given = loss.strings("top").dropFirst().first
      let name = given ?? DeployNet.free(type == "Softmax" ? "prob" : "probs", &names)
      var layer = Message(.layer)
      layer.set("name", string: name)
      layer.set("type", string: type)
      layer.set("bottom", strings: [scores])
      layer.set("top", strings: [name])
      if type == "Softmax" { DeployNet.setAxis(of: loss, on: &layer) }
      made.append(layer)
      remarks.append("loss '\(loss.string("name"))' is now '\(name)' (\(type))")
    }
    return made
  }

  private static func setAxis(of loss: Message, on layer: inout Message) {
    let isInfogain = loss.string("type") == "InfogainLoss"
    let given = loss.message(isInfogain ? "infogain_loss_param" : "softmax_param")
    guard given.has("axis") else { return }
    var parameters = Message("SoftmaxParameter")
    parameters.set("axis", int: given.int("axis"))
    layer.set("softmax_param", message: parameters)
  }

  /// A name that nothing has yet.
  private static func free(_ name: String, _ names: inout Set<String>) -> String {
    var result = name
    var number = 2
    while !names.insert(result).inserted {
      result = "\(name)\(number)"
      number += 1
    }
    return result
  }
}
