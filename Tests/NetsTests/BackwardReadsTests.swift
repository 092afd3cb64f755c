import Compute
import Layers
import Nets
import Testing

@Suite("What a backward pass reads") struct BackwardReadsTests {
  @Test("is what the layer says: other values may hold anything", arguments: LayerCase.withGradient)
  func declared(_ layer: LayerCase) throws {
    var settings = [LayerCase.Setting()]
    if layer.type.runsInPlace { settings.append(.init(isInPlace: true)) }
    for setting in settings {
      let untouched = try gradients(layer, setting, spoils: false)
      let spoilt = try gradients(layer, setting, spoils: true)
      #expect(untouched.count == spoilt.count)
      for (a, b) in zip(untouched, spoilt) {
        let place = a.bits.indices.first { a.bits[$0] != b.bits[$0] }
        #expect(
          place == nil,
          """
          \(layer.testDescription), in place \(setting.isInPlace): \(a.name)[\(place ?? 0)] is \
          \(b.value(place)), not \(a.value(place)), when what is not declared is NaN
          """)
      }
    }
  }

  @Test("Tops are written whole in each pass", arguments: LayerCase.withBottoms)
  func writtenWhole(_ layer: LayerCase) throws {
    func tops(_ spoils: Bool) throws -> [LayerEqualityTests.Values] {
      let net = try layer.net()
      let node = try net.tested
      for pass in 0..<2 {
        layer.setInputs(of: net)
        if spoils, pass == 1, node.layer.views == .none {
          node.tops.forEach { spoil($0.values, $0.count) }
        }
        try net.forward()
      }
      return node.tops.map { .init($0.name, $0.array) }
    }
    for (a, b) in zip(try tops(false), try tops(true)) {
      #expect(a.bits == b.bits, "\(layer.testDescription): \(a.name)")
    }
  }

  private func spoil(_ values: UnsafeMutablePointer<Float>, _ count: Int) {
    values.update(repeating: .nan, count: count)
  }

  /// The gradients of a second backward pass; before it, all that it is to write over, and the
  /// values that it is said not to read, become NaN.
  private func gradients(
    _ layer: LayerCase, _ setting: LayerCase.Setting, spoils: Bool
  ) throws -> [LayerEqualityTests.Values] {
    let net = try layer.net(setting)
    let node = try net.tested
    for pass in 0..<2 {
      layer.setInputs(of: net)
      try net.forward()
      net.clearParameterGradients()
      node.setTopGradients()
      if spoils, pass == 1 { spoil(node) }
      net.backward()
    }
    var found: [LayerEqualityTests.Values] = []
    for (index, bottom) in node.bottoms.enumerated() where node.propagates[index] {
      found.append(.init("gradient of bottom \(index)", bottom.gradientArray))
    }
    for parameter in net.parameters {
      found.append(.init("gradient of \(parameter.title)", parameter.blob.gradientArray))
    }
    return found
  }

  private func spoil(_ node: Node) {
    let reads = node.layer.backwardReads
    // Memory that a read blob lies in must stay, whoever else lies there.
    let read =
      node.bottoms.indices.filter { reads.reads(bottom: $0) }.map { node.bottoms[$0] }
      + node.tops.indices.filter { reads.reads(top: $0) }.map { node.tops[$0] }
    for blob in node.bottoms + node.tops
    where !read.contains(where: { $0.sharesValues(with: blob) }) {
      spoil(blob.values, blob.count)
    }
    guard node.layer.views != .valuesAndGradient else { return }
    for (index, bottom) in node.bottoms.enumerated()
    where node.propagates[index] && !node.tops.contains(where: { $0 === bottom }) {
      spoil(bottom.gradient, bottom.count)
    }
  }
}
