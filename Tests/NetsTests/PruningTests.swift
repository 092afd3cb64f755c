import Compute
import Layers
import Nets
import Testing

@Suite("What runs backward")
struct PruningTests {
  /// Which layers run backward: of each, its name, a mark for each bottom's gradient that is computed,
  /// and one for each parameter's.
  private func backward(_ text: String, _ phase: Phase = .train) throws -> [String] {
    let mark = { (wanted: Bool) in wanted ? "1" : "0" }
    return try Graph.net(text, phase).nodes.filter(\.needsBackward).map { node in
      "\(node.name) " + node.propagates.map(mark).joined() + "/" + node.learns.map(mark).joined()
    }
  }

  private let data = Graph.data(["x"]) + Graph.labels()
  private func two(_ first: String = "", _ second: String = "", _ loss: String = "") -> String {
    data + Graph.product("ip1", "x", "y", 5, first) + Graph.layer("ReLU", "relu", ["y"], ["y"])
      + Graph.product("ip2", "y", "z", 3, second) + Graph.softmaxLoss("loss", ["z", "label"], loss)
  }

  @Test("Data need no gradient, labels neither")
  func plain() throws {
    #expect(try backward(two()) == ["ip1 0/11", "relu 1/", "ip2 1/11", "loss 10/"])
  }

  @Test("A net without a loss has no backward pass")
  func noLoss() throws {
    #expect(try backward(data + Graph.product("ip", "x", "y")) == [])
    #expect(try backward(two("", "", "loss_weight: 0")) == [])
  }

  @Test("Nothing runs below the last layer that learns")
  func frozen() throws {
    let frozen = "param { lr_mult: 0 } param { lr_mult: 0 }"
    #expect(try backward(two(frozen)) == ["ip2 0/11", "loss 10/"])
    #expect(
      try backward(two("param { lr_mult: 0 }")) == ["ip1 0/01", "relu 1/", "ip2 1/11", "loss 10/"])
    #expect(try backward(two(frozen, frozen)) == [])
    #expect(try backward(two("", frozen)) == ["ip1 0/11", "relu 1/", "ip2 1/00", "loss 10/"])
  }

  @Test("propagate_down: false cuts, and what is only below the cut does not run")
  func cut() throws {
    #expect(try backward(two("", "propagate_down: false")) == ["ip2 0/11", "loss 10/"])
    #expect(
      try backward(two("", "", "propagate_down: false propagate_down: false")) == ["loss 00/"])
    #expect(
      try backward(two("", "propagate_down: true", "propagate_down: true propagate_down: false"))
        == ["ip1 0/11", "relu 1/", "ip2 1/11", "loss 10/"])
  }

  @Test(
    "propagate_down: true asks for a gradient of data, but makes no layer run that learns nothing")
  func force() throws {
    #expect(
      try backward(two("propagate_down: true")) == ["ip1 1/11", "relu 1/", "ip2 1/11", "loss 10/"])
    let text =
      data + Graph.layer("ReLU", "relu", ["x"], ["y"], "propagate_down: true")
      + Graph.softmaxLoss("loss", ["y", "label"])
    #expect(try backward(text) == [])
  }

  @Test("One branch cut off, the other not")
  func branches() throws {
    func branch(_ cutA: String, _ cutB: String) -> String {
      data + Graph.product("ip", "x", "y", 4) + Graph.product("a", "y", "za", 3, cutA)
        + Graph.product("b", "y", "zb", 3, cutB) + Graph.softmaxLoss("la", ["za", "label"])
        + Graph.softmaxLoss("lb", ["zb", "label"])
    }
    let split = "y_ip_0_split 1/"
    #expect(
      try backward(branch("", "propagate_down: false"))
        == ["ip 0/11", split, "a 1/11", "b 0/11", "la 10/", "lb 10/"])
    #expect(
      try backward(branch("propagate_down: false", "propagate_down: false"))
        == ["a 0/11", "b 0/11", "la 10/", "lb 10/"])
  }

  @Test("The gradient of a cut branch counts as zero")
  func cutBranchIsZero() throws {
    func gradients(_ text: String) throws -> [Float] {
      let net = try Graph.net(text)
      for _ in 0..<2 {
        try net.forward()
        net.clearParameterGradients()
        net.backward()
      }
      return try #require(net.node("ip")).layer.parameters[0].gradientArray
    }
    let start = data + Graph.product("ip", "x", "y", 3)
    let end = Graph.softmaxLoss("loss", ["y", "label"])
    let cut =
      Graph.product("b", "y", "zb", 3, "propagate_down: false")
      + Graph.softmaxLoss("lb", ["zb", "label"])
    #expect(try gradients(start + cut + end) == gradients(start + end))
    let accuracy = Graph.layer("Accuracy", "accuracy", ["y", "label"], ["accuracy"])
    #expect(try gradients(start + accuracy + end) == gradients(start + end))
  }

  @Test("A bottom that needs a gradient through another's layer only")
  func tricky() throws {
    // The second layer learns nothing, but its bottom comes from one that does.
    let frozen = "param { lr_mult: 0 } param { lr_mult: 0 }"
    let text =
      data + Graph.product("ip1", "x", "y", 4) + Graph.product("ip2", "y", "z", 3, frozen)
      + Graph.product("ip3", "x", "w", 3, frozen)
      + Graph.layer("Eltwise", "sum", ["z", "w"], ["s"])
      + Graph.softmaxLoss("loss", ["s", "label"])
    #expect(
      try backward(text) == ["ip1 0/11", "ip2 1/00", "sum 10/", "loss 10/"])
  }

  @Test("Accuracy and silenced branches do not run")
  func sideBranches() throws {
    let text =
      two() + Graph.layer("Accuracy", "accuracy", ["z", "label"], ["accuracy"])
      + Graph.layer("Silence", "quiet", ["accuracy"])
    #expect(
      try backward(text) == ["ip1 0/11", "relu 1/", "ip2 1/11", "z_ip2_0_split 1/", "loss 10/"])
  }

  @Test("force_backward: every layer, every gradient but labels'")
  func forceBackward() throws {
    let frozen = "param { lr_mult: 0 } param { lr_mult: 0 }"
    let all = try backward("force_backward: true\n" + two(frozen, "propagate_down: false"))
    #expect(
      all == ["data /", "labels /", "ip1 1/11", "relu 1/", "ip2 1/11", "loss 10/"])
    // Even an accuracy and a layer under no loss are no obstacle.
    let accuracy = Graph.layer("Accuracy", "accuracy", ["z", "label"], ["accuracy"])
    let net = try Graph.net("force_backward: true\n" + two() + accuracy)
    try net.forward()
    net.backward()
    #expect(try #require(net.node("accuracy")).propagates == [false, false])
  }

  @Test("Gradients of parameters add up over passes until they are cleared")
  func accumulation() throws {
    let text =
      "layer { name: 'in' type: 'Input' top: 'x' input_param { shape { dim: 2 dim: 3 } } }\n"
      + Graph.labels("label", 2) + Graph.product("ip", "x", "y", 4)
      + Graph.softmaxLoss("loss", ["y", "label"])
    let net = try Graph.net(text)
    net.inputs[0].assign([1, 2, 3, -1, 0, 0.5])
    let weights = try #require(net.node("ip")).layer.parameters[0]
    func pass() throws {
      try net.forward()
      net.backward()
    }
    try pass()
    let once = weights.gradientArray
    try pass()
    #expect(weights.gradientArray == once.map { 2 * $0 })
    net.clearParameterGradients()
    try pass()
    #expect(weights.gradientArray == once)
    #expect(once.contains { $0 != 0 })
  }
}
