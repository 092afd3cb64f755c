import Compute
import Layers
import Nets
import Testing

@Suite("Parameters that layers share")
struct SharingTests {
  private func shared(_ first: String, _ second: String) -> String {
    Graph.data(["x"], [4, 5]) + Graph.labels() + Graph.product("a", "x", "y", 5, first)
      + Graph.product("b", "y", "z", 5, second) + Graph.softmaxLoss("loss", ["z", "label"])
  }

  @Test("One blob of values and gradient, owned by the first layer")
  func owner() throws {
    let net = try Graph.net(shared("param { name: 'w' }", "param { name: 'w' }"))
    #expect(net.parameters.map(\.title) == ["a[0]", "a[1]", "b[1]"])
    #expect(net.parameterIndices == [[], [], [0, 1], [0, 2], []])
    #expect(net.ownsParameter == [[], [], [true, true], [false, true], []])
    let a = try #require(net.node("a")).layer.parameters[0]
    let b = try #require(net.node("b")).layer.parameters[0]
    #expect(a.sharesValues(with: b))
    try net.forward()
    net.clearParameterGradients()
    net.backward()
    #expect(a.gradient == b.gradient)
  }

  @Test("Gradients of both uses add up")
  func gradients() throws {
    func gradient(_ net: Net, _ name: String) throws -> [Float] {
      try #require(net.node(name)).layer.parameters[0].gradientArray
    }
    let net = try Graph.net(shared("param { name: 'w' }", "param { name: 'w' }"))
    let apart = try Graph.net(shared("", ""))
    let weights = try #require(net.node("a")).layer.parameters[0].array
    for name in ["a", "b"] { apart.node(name)?.layer.parameters[0].assign(weights) }
    for net in [net, apart] {
      try net.forward()
      net.clearParameterGradients()
      net.backward()
    }
    let both = try gradient(net, "a")
    for (index, (a, b)) in zip(try gradient(apart, "a"), try gradient(apart, "b")).enumerated() {
      #expect(abs(both[index] - (a + b)) < 1e-6)
    }
  }

  @Test("The filler of a layer that shares is not used")
  func filler() throws {
    let net = try Graph.net(
      shared("param { name: 'w' }", "param { name: 'w' }").replacing(
        "name: 'b' type: 'InnerProduct' bottom: 'y' top: 'z' inner_product_param { num_output: 5 "
          + "weight_filler { type: 'xavier' }",
        with: "name: 'b' type: 'InnerProduct' bottom: 'y' top: 'z' inner_product_param { "
          + "num_output: 5 weight_filler { value: 9 }"))
    let b = try #require(net.node("b")).layer.parameters[0]
    #expect(b.array == (try #require(net.node("a")).layer.parameters[0].array))
    #expect(!b.array.contains(9))
  }

  @Test("Rates: those of whoever gives them, and equal ones of both")
  func rates() throws {
    func rate(_ first: String, _ second: String) throws -> [Float] {
      let parameter = try Graph.net(
        shared("param { name: 'w' \(first) }", "param { name: 'w' \(second) }")
      ).parameters[0]
      return [parameter.rate, parameter.decay]
    }
    #expect(try rate("", "") == [1, 1])
    #expect(try rate("lr_mult: 2 decay_mult: 0.5", "") == [2, 0.5])
    #expect(try rate("", "lr_mult: 2 decay_mult: 0.5") == [2, 0.5])
    #expect(try rate("lr_mult: 2", "lr_mult: 2 decay_mult: 3") == [2, 3])
  }

  @Test("A rate that only the second layer sets to 0 stops the gradient of both")
  func frozenBySharer() throws {
    let net = try Graph.net(shared("param { name: 'w' }", "param { name: 'w' lr_mult: 0 }"))
    #expect(try #require(net.node("a")).learns == [false, true])
    #expect(try #require(net.node("b")).learns == [false, true])
  }

  @Test("Different rates are refused")
  func differentRates() {
    expectRefused(
      shared("param { name: 'w' lr_mult: 2 }", "param { name: 'w' lr_mult: 1️⃣3 }"),
      "layer 'b' (InnerProduct): a shared parameter has two values of lr_mult: 3.0 here and 2.0 "
        + "before | given here first | give it once, or the same value in both layers")
  }

  @Test("STRICT wants equal shapes, PERMISSIVE equal counts")
  func shapes() throws {
    func text(_ mark: String, _ mode: String) -> String {
      Graph.data(["x", "u"], [4, 6]) + Graph.product("a", "x", "y", 4, "param { name: 'w' }")
        + Graph.layer(
          "DummyData", "more", [], ["v"], "dummy_data_param { shape { dim: 4 dim: 8 } }")
        + Graph.product("b", "v", "z", 3, "param { name: \(mark)'w' \(mode) }")
    }
    expectRefused(
      text("1️⃣", ""),
      "layer 'b' (InnerProduct): cannot share parameter 'w' of layer 'a': the shapes are 3×8 here "
        + "and 4×6 there | first used here | make the shapes equal, or set share_mode: PERMISSIVE "
        + "if only the counts are")
    let net = try Graph.net(text("", "share_mode: PERMISSIVE"))
    try net.forward()
    #expect(net.parameters.map(\.title) == ["a[0]", "a[1]", "b[1]"])
    expectRefused(
      text("1️⃣", "share_mode: PERMISSIVE").replacing("num_output: 3", with: "num_output: 2"),
      "layer 'b' (InnerProduct): cannot share parameter 'w' of layer 'a': the shapes are 2×8 here "
        + "and 4×6 there | first used here | share_mode: PERMISSIVE needs equal numbers of values")
  }
}
