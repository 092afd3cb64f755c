import Compute
import Layers
import Nets
import Schema

extension CaffeLog {
  /// Logs what Caffe tells while it builds a net.
  ///
  /// `state` is the net's state as Caffe prints it: fields that were set at all are shown.
  func logBuilding(of net: Net, state: Message) {
    logFilter(net)
    log("net.cpp:53", "Initializing net from parameters: \n" + CaffeLog.text(of: net, state))
    var bytes = 0
    for node in net.nodes { logSetUp(of: node, &bytes) }
    for node in net.nodes.reversed() {
      node.needsBackward
        ? log("net.cpp:200", "\(node.name) needs backward computation.")
        : log("net.cpp:202", "\(node.name) does not need backward computation.")
    }
    for output in net.outputs {
      log("net.cpp:244", "This network produces output \(output.name)")
    }
    log("net.cpp:257", "Network initialization done.")
  }

  /// The net's description with the layers that take part, as protobuf prints it.
  private static func text(of net: Net, _ state: Message) -> String {
    var shown = net.description
    shown.clear("layer")
    for layer in net.description.messages("layer") where net.state.includes(layer) {
      shown.append("layer", .message(layer))
    }
    shown.set("state", .message(state))
    return TextFormat.print(shown)
  }

  /// Logs which rules were not met, one after the other until one decides.
  private func logFilter(_ net: Net) {
    for layer in net.description.messages("layer") {
      let rules = layer.has("include") ? layer.messages("include") : layer.messages("exclude")
      for rule in rules {
        guard let reason = CaffeLog.mismatch(net.state, rule) else { break }
        log("net.cpp:\(reason.line)", reason.text + " in layer " + layer.string("name"))
      }
    }
  }

  private static func mismatch(_ state: NetState, _ rule: Message) -> (line: Int, text: String)? {
    func number(_ phase: String) -> Int { phase == Phase.train.rawValue ? 0 : 1 }
    let phase = rule.enumName("phase")
    if rule.has("phase"), phase != state.phase.rawValue {
      return (
        296,
        "The NetState phase (\(number(state.phase.rawValue))) differed from the phase "
          + "(\(number(phase))) specified by a rule"
      )
    }
    if let least = rule.optionalInt("min_level"), state.level < least {
      return (
        306,
        "The NetState level (\(state.level)) is above the min_level (\(least)) specified by a rule"
      )
    }
    if let most = rule.optionalInt("max_level"), state.level > most {
      return (
        314,
        "The NetState level (\(state.level)) is above the max_level (\(most)) specified by a rule"
      )
    }
    if let stage = rule.strings("stage").first(where: { !state.stages.contains($0) }) {
      return (330, "The NetState did not contain stage '\(stage)' specified by a rule")
    }
    if let stage = rule.strings("not_stage").first(where: state.stages.contains) {
      return (346, "The NetState contained a not_stage '\(stage)' specified by a rule")
    }
    return nil
  }

  private func logSetUp(of node: Node, _ bytes: inout Int) {
    let data = node.spec.message.message("data_param")
    log("layer_factory.hpp:77", "Creating layer \(node.name)")
    if node.spec.type == "Data" {
      log("db_lmdb.cpp:35", "Opened lmdb \(data.string("source"))")
    }
    log("net.cpp:86", "Creating Layer \(node.name)")
    for bottom in node.spec.message.strings("bottom") {
      log("net.cpp:408", "\(node.name) <- \(bottom)")
    }
    let named = node.spec.message.count("top")
    for (index, top) in node.tops.enumerated() {
      let isInPlace = index < node.bottoms.count && node.bottoms[index] === top
      isInPlace
        ? log("net.cpp:369", "\(node.name) -> \(top.name) (in-place)")
        : log("net.cpp:382", "\(node.name) -> \(index < named ? top.name : "(automatic)")")
    }
    if node.spec.type == "Data", let shape = node.tops.first?.shape {
      let sizes = shape.dimensions.map(String.init).joined(separator: ",")
      log("data_layer.cpp:45", "output data size: \(sizes)")
    }
    // Caffe's loss has a layer of its own for the probabilities.
    if ["SoftmaxWithLoss", "SigmoidCrossEntropyLoss"].contains(node.spec.type) {
      log("layer_factory.hpp:77", "Creating layer \(node.name)")
    }
    log("net.cpp:124", "Setting up \(node.name)")
    for (top, weight) in zip(node.tops, node.lossWeights) {
      log("net.cpp:131", "Top shape: \(top.shape)")
      if weight != 0 { log("net.cpp:134", "    with loss weight \(Numbers.general(weight))") }
      bytes += top.count * MemoryLayout<Float>.size
    }
    log("net.cpp:139", "Memory required for data: \(bytes)")
  }
}
