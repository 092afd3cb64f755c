import Compute
import Layers
import Nets
import Schema
import Testing

@Suite("How layers are wired")
struct WiringTests {
  @Test("Outputs are what no layer uses, by the bytes of their names")
  func outputs() throws {
    let net = try Graph.net(Graph.data(["b", "a", "Z", "a_", "a0", "é", "used"]) + product)
    #expect(net.outputs.map(\.name) == ["Z", "a", "a0", "a_", "b", "y", "é"])
  }

  private let product = Graph.product("ip", "used", "y")

  @Test("A silenced blob is no output, and one that is changed in place is one")
  func silence() throws {
    let net = try Graph.net(
      Graph.data(["x", "y"]) + Graph.layer("Silence", "quiet", ["x"])
        + Graph.layer("ReLU", "relu", ["y"], ["y"]))
    #expect(net.outputs.map(\.name) == ["y"])
    #expect(net.blobNames == ["x", "y"])
    #expect(net.nodes[2].tops[0] === net.nodes[2].bottoms[0])
  }

  @Test("In-place chains change one blob, in the order of the file")
  func inPlaceChain() throws {
    let net = try Graph.net(
      "layer { name: 'in' type: 'Input' top: 'x' input_param { shape { dim: 3 } } }\n"
        + Graph.layer("ReLU", "relu", ["x"], ["x"], "relu_param { negative_slope: 0.5 }")
        + Graph.layer("TanH", "tanh", ["x"], ["x"]) + Graph.layer("ReLU", "end", ["x"], ["y"]))
    let x = try #require(net.blob("x"))
    x.assign([-2, 0, 1])
    try net.forward()
    let tanh = Float(0.7615942)
    for (got, want) in zip(x.array, [-tanh, 0, tanh]) { #expect(abs(got - want) < 1e-6) }
    #expect(try #require(net.blob("y")).array == x.array.map { max($0, 0) })
  }

  @Test("input with input_dim or input_shape is an Input layer in front")
  func oldInputs() throws {
    for shapes in [
      "input_dim: 2 input_dim: 3 input_dim: 4 input_dim: 5 "
        + "input_dim: 2 input_dim: 1 input_dim: 1 input_dim: 1",
      "input_shape { dim: 2 dim: 3 dim: 4 dim: 5 } input_shape { dim: 2 dim: 1 dim: 1 dim: 1 }",
    ] {
      let net = try Graph.net(
        "input: 'data' input: 'label' \(shapes)\n" + Graph.product("ip", "data", "y"))
      #expect(net.inputs.map(\.name) == ["data", "label"])
      #expect(net.inputs.map(\.shape) == [[2, 3, 4, 5], [2, 1, 1, 1]])
      #expect(net.nodes[0].name == "input")
      #expect(net.outputs.map(\.name) == ["label", "y"])
    }
  }

  @Test("A loss layer without a top gets one, which is no output")
  func automaticTop() throws {
    let net = try Graph.net(
      Graph.data(["x"]) + Graph.labels()
        + Graph.layer("SoftmaxWithLoss", "loss", ["x", "label"]))
    #expect(net.outputs.isEmpty)
    #expect(net.nodes[2].topNames == ["(automatic)"])
    let loss = try net.forward()
    #expect(loss == net.nodes[2].tops[0].values[0])
    #expect(loss > 0)
  }

  @Test("The loss is the sum of all weighted tops")
  func lossWeights() throws {
    let losses =
      Graph.softmaxLoss("l1", ["x", "label"])
      + Graph.softmaxLoss("l2", ["x", "label"], "loss_weight: 0.25")
      + Graph.softmaxLoss("l3", ["x", "label"], "loss_weight: 0")
      + Graph.layer("TanH", "t", ["x"], ["t"], "loss_weight: -2")
    let net = try Graph.net(Graph.data(["x"]) + Graph.labels() + losses)
    let loss = try net.forward()
    let one = try #require(net.blob("l1")).values[0]
    let tanh = try #require(net.blob("t")).array.reduce(0, +)
    #expect(abs(loss - (1.25 * one - 2 * tanh)) < 1e-4)
    #expect(net.nodes.first { $0.name == "l3" }?.needsBackward == false)
  }

  @Test("A layer that works on a loss sees it as it is, at any batch size", arguments: [1, 2, 3])
  func layersOverLosses(_ batch: Int) throws {
    let text =
      Graph.data(["x"], [batch, 3]) + Graph.labels("label", batch)
      + Graph.product("ip", "x", "y", 3)
      + Graph.softmaxLoss("a", ["y", "label"], "loss_weight: 0")
      + Graph.softmaxLoss("b", ["y", "label"], "loss_weight: 0")
      + Graph.layer("TanH", "t", ["a"], ["t"])
      + Graph.layer(
        "Eltwise", "sum", ["t", "b"], ["sum"], "loss_weight: 1 eltwise_param { coeff: 2 coeff: 3 }")
    let net = try Graph.net(text)
    for _ in 0..<2 {
      let loss = try net.forward()
      let (a, t) = (try #require(net.blob("a")), try #require(net.blob("t")))
      let b = try #require(net.blob("b"))
      #expect(a.values[0] == b.values[0])
      let e = Graph.exponential(2 * Double(a.values[0]))
      #expect(abs(Double(t.values[0]) - (e - 1) / (e + 1)) < 1e-6)
      #expect(abs(loss - (2 * t.values[0] + 3 * b.values[0])) < 1e-5)
      net.clearParameterGradients()
      net.backward()
      #expect(abs(a.gradient[0] - 2 * (1 - t.values[0] * t.values[0])) < 1e-5)
      #expect(b.gradient[0] == 3)
      // Both losses send gradients down: 2 (1 − t²) + 3 times that of one loss.
      let y = try #require(net.blob("y"))
      let scale = (a.gradient[0] + 3) / Float(batch)
      for sample in 0..<batch {
        let scores = (0..<3).map { Graph.exponential(Double(y.values[sample * 3 + $0])) }
        for index in 0..<3 {
          let p = Float(scores[index] / scores.reduce(0, +))
          let want = scale * (p - (index == 1 ? 1 : 0))
          #expect(abs(y.gradient[sample * 3 + index] - want) < 1e-5)
        }
      }
    }
  }

  @Test("Inputs of other shapes carry through the net")
  func reshape() throws {
    let net = try Graph.net(
      "input: 'x' input_shape { dim: 2 dim: 1 dim: 6 dim: 6 }\n"
        + Graph.layer(
          "Convolution", "conv", ["x"], ["c"],
          "convolution_param { num_output: 3 kernel_size: 3 weight_filler { type: 'xavier' } }")
        + Graph.layer("ReLU", "relu", ["c"], ["c"])
        + Graph.layer(
          "Pooling", "pool", ["c"], ["p"], "pooling_param { kernel_size: 2 stride: 2 }"))
    let x = try #require(net.blob("x"))
    let p = try #require(net.blob("p"))
    func run(_ shape: Shape) throws -> [Float] {
      x.reshape(shape)
      x.assign((0..<shape.count).map { Float($0 % 7) - 3 })
      try net.reshape()
      try net.forward()
      return p.array
    }
    let small = try run([2, 1, 6, 6])
    #expect(p.shape == [2, 3, 2, 2])
    _ = try run([5, 1, 9, 11])
    #expect(p.shape == [5, 3, 4, 5])
    #expect(try run([1, 1, 6, 6]) == Array(small.prefix(12)))
    #expect(try run([2, 1, 6, 6]) == small)
  }

  @Test("A shape that a layer cannot take is refused, and the old one still works")
  func refusedReshape() throws {
    let net = try Graph.net(
      "input: 'x' input_shape { dim: 2 dim: 6 }\n" + Graph.product("ip", "x", "y"))
    let x = try #require(net.blob("x"))
    x.assign(Array(repeating: 1, count: 12))
    try net.forward()
    let before = try #require(net.blob("y")).array
    x.reshape([2, 7])
    #expect(throws: (any Error).self) { try net.reshape() }
    x.reshape([2, 6])
    try net.reshape()
    x.assign(Array(repeating: 1, count: 12))
    try net.forward()
    #expect(try #require(net.blob("y")).array == before)
  }
}

extension Graph {
  /// e to the power of a number of moderate size.
  static func exponential(_ x: Double) -> Double {
    var term = 1.0
    var sum = 1.0
    for n in 1..<80 {
      term *= x / Double(n)
      sum += term
    }
    return sum
  }
}
