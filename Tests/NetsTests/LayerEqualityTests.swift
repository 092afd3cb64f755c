import Compute
import Layers
import Nets
import Prototxt
import Schema
import Testing

/// What must not matter: the number of threads, and where the result is written.
@Suite struct LayerEqualityTests {
  @Test("any number of threads gives the same bits", arguments: LayerCase.all)
  func threads(_ layer: LayerCase) throws {
    for repeats in [1, 40] {
      let one: [Values]
      do {
        one = try results(layer, .init(repeats: repeats))
      } catch  where repeats > 1 {
        continue  // Bottoms that do not share a batch cannot be repeated.
      }
      for threads in [2, 3, 5] {
        let several = try results(layer, .init(threads: threads, repeats: repeats))
        for (a, b) in zip(one, several) {
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

  @Test("any number of threads gives the same bits through a net of several layers")
  func threadsThroughNet() throws {
    func pass(_ threads: Int) throws -> [Values] {
      let net = try Net(
        TextFormat.parse(Self.layers, as: .net),
        options: Net.Options(
          state: NetState(phase: .train),
          context: LayerContext(workers: Workers(count: threads), seed: 3)))
      var values: [Values] = []
      for _ in 0..<3 {
        try net.forward()
        net.clearParameterGradients()
        net.backward()
        values += net.blobNames.compactMap(net.blob).map { Values($0.name, $0.array) }
        values += net.parameters.map { Values($0.title, $0.blob.gradientArray) }
      }
      return values
    }
    let one = try pass(1)
    #expect(one.contains { $0.bits.contains { $0 != 0 } })
    for threads in [2, 3, 5] {
      for (a, b) in zip(one, try pass(threads)) {
        #expect(a.bits == b.bits, "\(a.name) with \(threads) threads")
      }
    }
  }

  private static let layers = """
    layer { name: 'd' type: 'DummyData' top: 'x' top: 't' dummy_data_param {
      shape { dim: 61 dim: 5 dim: 6 } shape { dim: 61 }
      data_filler { type: 'gaussian' } data_filler { type: 'uniform' max: 3.9 } } }
    layer { name: 'f' type: 'Flatten' bottom: 'x' top: 'f' }
    layer { name: 'a' type: 'InnerProduct' bottom: 'f' top: 'a'
      inner_product_param { num_output: 32 weight_filler { type: 'xavier' } } }
    layer { name: 'r' type: 'ReLU' bottom: 'a' top: 'a' }
    layer { name: 'o' type: 'Dropout' bottom: 'a' top: 'a' }
    layer { name: 's' type: 'Sigmoid' bottom: 'f' top: 's' }
    layer { name: 'c' type: 'Concat' bottom: 'a' bottom: 's' top: 'c' }
    layer { name: 'b' type: 'InnerProduct' bottom: 'c' top: 'b'
      inner_product_param { num_output: 4 weight_filler { type: 'xavier' } } }
    layer { name: 'l' type: 'SoftmaxWithLoss' bottom: 'b' bottom: 't' top: 'l' }
    layer { name: 'y' type: 'Accuracy' bottom: 'b' bottom: 't' top: 'y' top: 'each' }
    """

  @Test("in place equals out of place", arguments: LayerCase.inPlace)
  func inPlace(_ layer: LayerCase) throws {
    let apart = try results(layer, .init()).filter { $0.name != "y0 gradient" }
    let within = try results(layer, .init(isInPlace: true)).filter { $0.name != "y0 gradient" }
    #expect(apart.count == within.count)
    for (a, b) in zip(apart, within) {
      let place = a.bits.indices.first { a.bits[$0] != b.bits[$0] }
      #expect(
        place == nil,
        """
        \(layer.testDescription): \(a.name)[\(place ?? 0)] is \(b.value(place)) in place, \
        \(a.value(place)) apart
        """)
    }
  }

  @Test(
    "a layer that does not declare it is refused in place",
    arguments: LayerCatalog.all.map { $0.type })
  func refusesInPlace(_ name: String) throws {
    let type = try #require(LayerCatalog.type(named: name))
    guard !type.runsInPlace else { return }
    for number in type.samples.indices {
      let layer = LayerCase(type: type, number: number)
      guard layer.sample.bottoms.count > 0, layer.sample.tops > 0 else { continue }
      let found = #expect(throws: Diagnostics.self, "\(layer.testDescription)") {
        _ = try layer.net(.init(isInPlace: true))
      }
      let messages = found?.all.map(\.message) ?? []
      #expect(
        messages.allSatisfy { $0.contains("cannot work in place") }
          && messages.count <= layer.sample.tops, "\(layer.testDescription): \(messages)")
    }
  }

  @Test("what is not asked for is left alone", arguments: LayerCase.all)
  func leavesAlone(_ layer: LayerCase) throws {
    let net = try layer.net()
    let node = try net.tested
    let mark: Float = 12345
    let count = node.bottoms.count
    // Nothing asked for, then one bottom after the other.
    for wanted in -1..<count {
      layer.setInputs(of: net)
      try net.forward()
      node.setTopGradients()
      for blob in node.bottoms + node.layer.parameters {
        blob.gradient.update(repeating: mark, count: blob.count)
      }
      let pass = BackwardPass(
        propagate: (0..<count).map { $0 == wanted && node.layer.takesGradient(bottom: $0) },
        gradients: node.layer.parameters.map { _ in nil })
      backward(node, pass)
      for (index, bottom) in node.bottoms.enumerated() where !pass.propagate[index] {
        #expect(
          bottom.gradientArray.allSatisfy { $0 == mark },
          "\(layer.testDescription): gradient of bottom \(index), asked for \(wanted)")
      }
      for parameter in node.layer.parameters {
        #expect(
          parameter.gradientArray.allSatisfy { $0 == mark },
          "\(layer.testDescription): gradient of \(parameter.name)")
      }
    }
  }

  private func backward(_ node: Node, _ pass: BackwardPass) {
    if let layer = node.layer as? any SampleLayer {
      let scratch = Blob(shape: [layer.scratchCount])
      layer.beginBackward(node.tops, node.bottoms, pass: pass)
      layer.backward(
        node.tops, node.bottoms, samples: 0..<layer.sampleCount, pass: pass,
        scratch: scratch.values)
    } else if let layer = node.layer as? any BatchLayer {
      layer.backward(node.tops, node.bottoms, pass: pass)
    }
  }

  // MARK: Results

  struct Values {
    let name: String
    let bits: [UInt32]

    init(_ name: String, _ values: [Float]) {
      self.name = name
      bits = values.map(\.bitPattern)
    }

    func value(_ place: Int?) -> Float { place.map { Float(bitPattern: bits[$0]) } ?? .nan }
  }

  /// All that two passes compute.
  private func results(_ layer: LayerCase, _ setting: LayerCase.Setting) throws -> [Values] {
    let net = try layer.net(setting)
    let node = try net.tested
    var results: [Values] = []
    for _ in 0..<2 {
      layer.setInputs(of: net, setting.repeats)
      try net.forward()
      for (index, top) in node.tops.enumerated() { results.append(.init("y\(index)", top.array)) }
      net.clearParameterGradients()
      node.setTopGradients()
      net.backward()
      for (index, bottom) in node.bottoms.enumerated() where node.propagates[index] {
        results.append(.init("x\(index) gradient", bottom.gradientArray))
      }
      for parameter in net.parameters {
        results.append(.init(parameter.title, parameter.blob.array))
        results.append(.init("\(parameter.title) gradient", parameter.blob.gradientArray))
      }
    }
    return results
  }
}
