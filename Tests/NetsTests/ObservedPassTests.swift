import Compute
import Layers
import Nets
import Testing

@Suite("Passes that somebody looks at")
struct ObservedPassTests {
  private let text =
    "input: 'x' input_shape { dim: 1 dim: 2 }\n"
    + Graph.layer(
      "InnerProduct", "ip", ["x"], ["y"],
      "inner_product_param { num_output: 2 weight_filler { value: 0.5 } bias_filler { value: -1 } } "
        + "param { name: 'w' } param { lr_mult: 0 }")
    + Graph.layer("ReLU", "relu", ["y"], ["y"], "relu_param { negative_slope: 0.5 }")
    + Graph.layer("TanH", "t", ["y"], ["t"])
    + Graph.layer("ReLU", "r", ["y"], ["r"], "loss_weight: 2")

  @Test("debug_info in Caffe's words")
  func debugLines() throws {
    let net = try Graph.net(text)
    net.inputs[0].assign([1, 3])
    var lines: [String] = []
    var summaries: [Bool] = []
    net.debug {
      lines.append($0.text)
      summaries.append($0.isSummary)
    }
    try net.forward()
    net.clearParameterGradients()
    net.backward()
    #expect(
      lines == [
        "    [Forward] Layer input, top blob x data: 2",
        "    [Forward] Layer ip, top blob y data: 1",
        "    [Forward] Layer ip, param blob w data: 0.5",
        "    [Forward] Layer ip, param blob 1 data: 1",
        "    [Forward] Layer relu, top blob y data: 1",
        "    [Forward] Layer y_relu_0_split, top blob y_relu_0_split_0 data: 1",
        "    [Forward] Layer y_relu_0_split, top blob y_relu_0_split_1 data: 1",
        "    [Forward] Layer t, top blob t data: 0.761594",
        "    [Forward] Layer r, top blob r data: 1",
        "    [Backward] Layer r, bottom blob y_relu_0_split_1 diff: 2",
        "    [Backward] Layer y_relu_0_split, bottom blob y diff: 2",
        "    [Backward] Layer relu, bottom blob y diff: 2",
        "    [Backward] Layer ip, param blob 0 diff: 4",
        "    [Backward] All net params (data, diff): L1 norm = (4, 16); "
          + "L2 norm = (1.73205, 8.94427)",
      ])
    #expect(summaries == Array(repeating: false, count: 13) + [true])
    let count = lines.count
    net.debug(nil)
    try net.forward()
    #expect(lines.count == count)
  }

  @Test("Looking changes nothing", arguments: [1, 2, 3])
  func sameBits(_ threads: Int) throws {
    let text =
      Graph.data(["x"], [13, 2, 9, 9]) + Graph.labels("label", 13)
      + Graph.layer(
        "Convolution", "conv", ["x"], ["c"],
        "convolution_param { num_output: 5 kernel_size: 3 weight_filler { type: 'xavier' } }")
      + Graph.layer("ReLU", "relu", ["c"], ["c"])
      + Graph.layer("Pooling", "pool", ["c"], ["p"], "pooling_param { kernel_size: 2 stride: 2 }")
      + Graph.product("ip", "p", "y", 4) + Graph.softmaxLoss("loss", ["y", "label"])
    func run(_ threads: Int, _ looks: Bool) throws -> [[Float]] {
      let net = try Graph.net(text, threads: threads)
      if looks { net.debug { _ in } }
      for _ in 0..<2 {
        try net.forward()
        net.backward()
      }
      return net.parameters.map(\.blob.gradientArray) + [[net.loss]]
    }
    let want = try run(1, false)
    #expect(try run(threads, true) == want)
    #expect(try run(threads, false) == want)
  }

  @Test("Times of all layers and of whole passes")
  func timing() throws {
    let net = try Graph.net(text)
    net.inputs[0].assign([1, 3])
    let timing = try net.timing(iterations: 4)
    #expect(timing.layers.map(\.layer) == Array(0..<net.nodes.count))
    #expect(timing.layers.allSatisfy { $0.forward > 0 })
    for (layer, node) in zip(timing.layers, net.nodes) {
      #expect((layer.backward > 0) == node.needsBackward)
    }
    #expect(timing.forward > 0 && timing.backward > 0)
    #expect(timing.initialLoss == 4)
    let forward = try net.timing(iterations: 3, forwardOnly: true)
    #expect(forward.backward == 0)
    #expect(forward.layers.allSatisfy { $0.backward == 0 })
    let whole = try net.timing(iterations: 3, layerByLayer: false)
    #expect(whole.layers.isEmpty && whole.passes.count == 3)
    #expect(try net.forward() == 4)
  }
}
