import Compute
import Foundation
import Layers
import Schema
import Testing

@testable import Nets

@Suite("Blobs that share memory") struct SharedMemoryTests {
  // MARK: Every layer

  @Test("change no bit, around every layer", arguments: LayerCase.withBottoms)
  func layers(_ layer: LayerCase) throws {
    for repeats in [1, 40] {
      let want: [LayerEqualityTests.Values]
      do {
        want = try results(layer, .all, threads: 1, repeats: repeats)
      } catch  where repeats > 1 {
        continue  // Bottoms that do not share a batch cannot be repeated.
      }
      for threads in [1, 2, 3] {
        let got = try results(layer, .only([]), threads: threads, repeats: repeats)
        #expect(want.count == got.count)
        for (a, b) in zip(want, got) {
          let place = a.bits.indices.first { a.bits[$0] != b.bits[$0] }
          #expect(
            place == nil,
            """
            \(layer.testDescription), \(threads) threads, batch × \(repeats): \(a.name)\
            [\(place ?? 0)] is \(b.value(place)), not \(a.value(place))
            """)
        }
      }
    }
  }

  /// What a net computes in which the layer stands between others, so that all it touches may be shared.
  private func results(
    _ layer: LayerCase, _ keeps: Net.Keeping, threads: Int, repeats: Int
  ) throws -> [LayerEqualityTests.Values] {
    var text = layer.sample.hasGradient ? "force_backward: true\n" : ""
    var tested = "layer { name: 'layer' type: '\(layer.type.type)'"
    for (index, bottom) in layer.sample.bottoms.enumerated() {
      let sizes = layer.shape(bottom, repeats).dimensions.map { "dim: \($0) " }.joined()
      text +=
        Graph.layer("Input", "x\(index)", [], ["x\(index)"], "input_param { shape { \(sizes)} }")
        + Graph.layer("Power", "b\(index)", ["x\(index)"], ["b\(index)"])
      tested += " bottom: 'b\(index)'"
    }
    for index in 0..<layer.sample.tops { tested += " top: 'y\(index)'" }
    text += tested + " \(layer.sample.text) }\n"
    let isLoss = layer.type.type.hasSuffix("Loss")
    for index in 0..<layer.sample.tops where !isLoss {
      text += Graph.layer(
        "Power", "z\(index)", ["y\(index)"], ["z\(index)"], "power_param { scale: 2 }")
      text += Graph.layer("TanH", "t\(index)", ["z\(index)"], ["t\(index)"], "loss_weight: 0.5")
    }
    let net = try Net(
      TextFormat.parse(text, as: .net),
      options: options(layer.sample.phase, keeps, threads: threads))
    var found: [LayerEqualityTests.Values] = []
    for _ in 0..<2 {
      for index in layer.sample.bottoms.indices {
        net.blob("x\(index)")?.assign(layer.values(index, repeats))
      }
      try net.forward()
      found += net.outputs.map { .init($0.name, $0.array) }
      guard layer.sample.hasGradient else { continue }
      net.clearParameterGradients()
      net.backward()
      for input in net.inputs { found.append(.init(input.name, input.gradientArray)) }
      for parameter in net.parameters {
        found.append(.init(parameter.title, parameter.blob.gradientArray))
      }
    }
    if keeps != .all, !layer.sample.bottoms.isEmpty {
      #expect(net.memoryPlan.entries.contains { $0.place != .own }, "\(layer.testDescription)")
    }
    return found
  }

  private func options(
    _ phase: Phase, _ keeps: Net.Keeping, threads: Int
  ) -> Net.Options {
    var options = Net.Options(
      state: NetState(phase: phase),
      context: LayerContext(
        workers: Workers(count: threads), seed: 7, files: FileResolver(folder: packageFolder.path)))
    options.keeps = keeps
    return options
  }

  // MARK: Nets

  private static func convolution(_ name: String, _ bottom: String, _ outputs: Int, _ size: Int)
    -> String
  {
    Graph.layer(
      "Convolution", name, [bottom], [name],
      "convolution_param { num_output: \(outputs) kernel_size: \(size) pad: \(size / 2) "
        + "weight_filler { type: 'xavier' } }")
  }

  private static func loss(_ score: String) -> String {
    Graph.softmaxLoss("loss", [score, "label"])
      + Graph.layer("Accuracy", "accuracy", [score, "label"], ["accuracy"])
  }

  private static let input = """
    layer { name: 'in' type: 'Input' top: 'x' top: 'label'
      input_param { shape { dim: 19 dim: 3 dim: 12 dim: 12 } shape { dim: 19 } } }

    """

  static let nets: [String: String] = [
    "plain": input + convolution("c1", "x", 8, 3) + Graph.layer("ReLU", "r1", ["c1"], ["c1"])
      + Graph.layer("LRN", "n1", ["c1"], ["n1"])
      + Graph.layer("Pooling", "p1", ["n1"], ["p1"], "pooling_param { kernel_size: 2 stride: 2 }")
      + convolution("c2", "p1", 6, 3) + Graph.layer("ReLU", "r2", ["c2"], ["r2"])
      + Graph.layer(
        "Pooling", "p2", ["r2"], ["p2"], "pooling_param { pool: AVE kernel_size: 3 stride: 2 }")
      + Graph.product("ip1", "p2", "ip1", 12) + Graph.layer("ReLU", "r3", ["ip1"], ["ip1"])
      + Graph.layer("Dropout", "d", ["ip1"], ["ip1"]) + Graph.product("ip2", "ip1", "ip2", 4)
      + loss("ip2"),
    "residual": input + convolution("c1", "x", 8, 3)
      + Graph.layer("BatchNorm", "b1", ["c1"], ["c1"])
      + Graph.layer("Scale", "s1", ["c1"], ["c1"], "scale_param { bias_term: true }")
      + Graph.layer("ReLU", "r1", ["c1"], ["c1"]) + convolution("c2", "c1", 8, 3)
      + Graph.layer("BatchNorm", "b2", ["c2"], ["b2"])
      + Graph.layer("Scale", "s2", ["b2"], ["s2"], "scale_param { bias_term: true }")
      + Graph.layer("Eltwise", "e", ["s2", "c1"], ["e"]) + Graph.layer("ReLU", "r2", ["e"], ["e"])
      + convolution("c3", "e", 8, 1) + Graph.layer("BatchNorm", "b3", ["c3"], ["b3"])
      + Graph.layer("Eltwise", "f", ["b3", "e"], ["f"], "eltwise_param { operation: MAX }")
      + Graph.layer(
        "Pooling", "p", ["f"], ["p"], "pooling_param { pool: AVE global_pooling: true }")
      + Graph.product("ip", "p", "ip", 4) + loss("ip"),
    "branches": input + convolution("c", "x", 4, 3) + convolution("a", "c", 3, 1)
      + convolution("b", "c", 5, 5)
      + Graph.layer(
        "Pooling", "q", ["c"], ["q"],
        "pooling_param { kernel_size: 3 stride: 1 pad: 1 }")
      + Graph.layer("Concat", "k", ["a", "b", "q"], ["k"])
      + Graph.layer("Slice", "s", ["k"], ["s1", "s2"], "slice_param { slice_point: 7 }")
      + Graph.layer("Flatten", "f1", ["s1"], ["f1"])
      + Graph.layer("Reshape", "f2", ["s2"], ["f2"], "reshape_param { shape { dim: 0 dim: -1 } }")
      + Graph.layer("Silence", "quiet", ["f1"], [])
      + Graph.product("ia", "f1", "ia", 4) + Graph.product("ib", "f2", "ib", 4)
      + Graph.layer("Eltwise", "sum", ["ia", "ib"], ["sum"], "eltwise_param { operation: PROD }")
      + Graph.softmaxLoss("aux", ["ia", "label"], "loss_weight: 0.3") + loss("sum"),
    "filtered": input + convolution("c", "x", 4, 3) + Graph.layer("Sigmoid", "g", ["c"], ["g"])
      + Graph.layer("Filter", "f", ["g", "label", "label"], ["fg", "fl"])
      + convolution("d", "fg", 4, 3)
      + Graph.layer("TanH", "t", ["d"], ["t"]) + Graph.product("ip", "t", "ip", 4)
      + Graph.softmaxLoss("loss", ["ip", "fl"]),
  ]

  /// Losses, outputs and gradients of parameters, through batches of changing sizes.
  private func pass(
    _ text: String, _ keeps: Net.Keeping, threads: Int, _ look: (Net) -> Void = { _ in }
  ) throws -> [LayerEqualityTests.Values] {
    let net = try Net(
      try Graph.description(text), options: options(.train, keeps, threads: threads))
    look(net)
    var random = RandomStream(seed: 4, purpose: "values")
    var found: [LayerEqualityTests.Values] = []
    for batch in [19, 19, 5, 33, 33, 1, 19] {
      for input in net.inputs {
        var shape = input.shape
        shape[0] = batch
        input.reshape(shape)
      }
      try net.reshape()
      net.inputs[0].assign((0..<net.inputs[0].count).map { _ in Float(2 * random.unit() - 1) })
      net.inputs[1].assign((0..<batch).map { Float($0 % 4) })
      found.append(.init("loss", [try net.forward()]))
      found += net.outputs.map { .init($0.name, $0.array) }
      net.clearParameterGradients()
      net.backward()
      found += net.parameters.map { .init($0.title, $0.blob.gradientArray) }
    }
    return found
  }

  @Test(
    "change no bit of whole nets, in batches of changing sizes", arguments: nets.keys.sorted())
  func wholeNets(_ name: String) throws {
    let text = try #require(Self.nets[name])
    let want = try pass(text, .all, threads: 1)
    #expect(want.contains { $0.bits.contains { $0 != 0 } })
    for threads in [1, 2, 3] {
      for (a, b) in zip(want, try pass(text, .only([]), threads: threads)) {
        #expect(a.bits == b.bits, "\(name), \(threads) threads: \(a.name)")
      }
    }
    // Who looks at each layer sees normalisation and scaling apart, which round otherwise.
    let apart = try pass(text, .all, threads: 1) { $0.debug { _ in } }
    let looked = try pass(text, .only([]), threads: 2) {
      $0.observer = .timing(LayerClock(layers: 99))
    }
    for (a, b) in zip(apart, looked) { #expect(a.bits == b.bits, "\(name), timed: \(a.name)") }
    let told = try pass(text, .only([]), threads: 2) { $0.debug { _ in } }
    for (a, b) in zip(apart, told) { #expect(a.bits == b.bits, "\(name), told: \(a.name)") }
  }

  @Test("never meet while they are needed", arguments: nets.keys.sorted())
  func apart(_ name: String) throws {
    let net = try Net(
      try Graph.description(try #require(Self.nets[name])),
      options: options(.train, .only([]), threads: 2))
    net.makePlan()
    let pooled = net.memoryPlan.entries.compactMap { entry in
      if case .pool(let offset) = entry.place { (entry, offset) } else { nil }
    }
    #expect(pooled.count > 2)
    for (index, (a, from)) in pooled.enumerated() {
      #expect(from + a.count <= net.memoryPlan.poolCount)
      for (b, to) in pooled[(index + 1)...] where a.first <= b.last && b.first <= a.last {
        #expect(
          from + a.count <= to || to + b.count <= from, "\(a.blobs[0].name) \(b.blobs[0].name)")
      }
    }
    #expect(net.memoryPlan.poolCount < net.memoryPlan.unsharedCount)
  }

  @Test(
    "A blob that is kept holds what it held alone; so do outputs", arguments: nets.keys.sorted())
  func kept(_ name: String) throws {
    let text = try #require(Self.nets[name])
    func run(_ keeps: Net.Keeping) throws -> Net {
      let net = try Net(try Graph.description(text), options: options(.train, keeps, threads: 2))
      net.inputs[0].assign((0..<net.inputs[0].count).map { Float($0 % 23) / 23 - 0.4 })
      net.inputs[1].assign((0..<19).map { Float($0 % 2) })
      try net.forward()
      net.clearParameterGradients()
      net.backward()
      return net
    }
    let want = try run(.all)
    for blob in want.blobNames {
      let got = try run(.only([blob]))
      let (a, b) = (try #require(want.blob(blob)), try #require(got.blob(blob)))
      #expect(a.array.map(\.bitPattern) == b.array.map(\.bitPattern), "\(name): \(blob)")
      if a.hasGradient, b.hasGradient {
        #expect(
          a.gradientArray.map(\.bitPattern) == b.gradientArray.map(\.bitPattern),
          "\(name): gradient of \(blob)")
      }
    }
  }

  @Test("A net that only runs forward takes less, and gives the same")
  func forwardOnly() throws {
    for (name, text) in Self.nets {
      func net(_ keeps: Net.Keeping, _ runsBackward: Bool) throws -> Net {
        var options = options(.test, keeps, threads: 2)
        options.runsBackward = runsBackward
        let net = try Net(try Graph.description(text), options: options)
        net.inputs[0].assign((0..<net.inputs[0].count).map { Float($0 % 23) / 23 - 0.4 })
        net.inputs[1].assign((0..<19).map { Float($0 % 2) })
        try net.forward()
        net.backward()
        return net
      }
      let (want, both, one) = (
        try net(.all, true), try net(.only([]), true), try net(.only([]), false)
      )
      for (a, b) in zip(want.outputs, one.outputs) { #expect(a.array == b.array, "\(name)") }
      #expect(!one.parameters.contains { $0.blob.hasGradient })
      #expect(one.bytes < both.bytes && both.bytes < want.bytes, "\(name)")
    }
  }
}
