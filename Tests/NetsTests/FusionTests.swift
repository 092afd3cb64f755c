import Compute
import Layers
import Prototxt
import Schema
import Testing

@testable import Nets

/// Work that layers do for those behind them changes no blob that the net ends with.
@Suite struct FusionTests {
  private func net(_ layers: String, phase: Phase, input: Shape) throws -> Net {
    let dims = input.dimensions.map { "dim: \($0) " }.joined()
    let text =
      "layer { name: 'in' type: 'Input' top: 'x' input_param { shape { \(dims)} } }" + layers
    let net = try Net(
      TextFormat.parse(file: SourceFile(name: "t", bytes: Array(text.utf8)), as: .net).message,
      options: Net.Options(
        state: NetState(phase: phase), context: LayerContext(workers: Workers(count: 2), seed: 3)))
    net.blob("x")?.assign(wave(input.count, 0))
    return net
  }

  private func wave(_ count: Int, _ phase: Double) -> [Float] {
    var random = RandomStream(seed: UInt64(phase * 10 + 1), purpose: "wave")
    return (0..<count).map { _ in Float(2 * random.unit() - 1) }
  }

  private func expectClose(
    _ a: [Float], _ b: [Float], _ what: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(a.count == b.count, sourceLocation: sourceLocation)
    let size = max(1, b.map(abs).max() ?? 0)
    let worst = zip(a, b).map { abs($0 - $1) }.max() ?? 0
    #expect(worst <= 4e-5 * size, "\(what): \(worst)", sourceLocation: sourceLocation)
  }

  private static let filled =
    "scale_param { bias_term: true filler { type: 'uniform' min: 0.5 max: 2 } "
    + "bias_filler { type: 'gaussian' } }"

  private func chain(_ convolution: String, force: Bool = false) -> String {
    (force ? "force_backward: true " : "")
      + "layer { name: 'c' type: 'Convolution' bottom: 'x' top: 'c' convolution_param { "
      + convolution + " weight_filler { type: 'gaussian' std: 0.3 } "
      + "bias_filler { type: 'gaussian' } } }"
      + "layer { name: 'n' type: 'BatchNorm' bottom: 'c' top: 'c' }"
      + "layer { name: 's' type: 'Scale' bottom: 'c' top: 'c' \(Self.filled) }"
      + "layer { name: 'r' type: 'ReLU' bottom: 'c' top: 'c' }"
  }

  private static let convolutions = [
    ("num_output: 5 kernel_size: 3 stride: 2", [2, 3, 9, 8] as Shape),
    ("num_output: 20 kernel_size: 3 pad: 1 bias_term: false", [1, 18, 33, 34] as Shape),
    ("num_output: 20 kernel_size: 3 pad: 1", [2, 18, 14, 14] as Shape),
    ("num_output: 6 kernel_size: 1 group: 2", [12, 4, 5, 5] as Shape),
  ]

  private func statistics(_ net: Net) throws {
    let layer = try #require(net.node("n")).layer
    let channels = layer.parameters[0].count
    layer.parameters[0].assign(wave(channels, 1))
    layer.parameters[1].assign(wave(channels, 2).map { abs($0) + 0.5 })
    layer.parameters[2].assign([2])
  }

  @Test("Normalisation by fixed numbers goes into the weights", arguments: convolutions)
  func folding(convolution: String, input: Shape) throws {
    let net = try net(chain(convolution), phase: .test, input: input)
    try statistics(net)
    let top = try #require(net.blob("c"))
    try net.forward()
    #expect(["n", "s", "r"].allSatisfy { net.node($0)?.isFused == true })
    let fused = top.array
    net.debug { _ in }
    try net.forward()
    #expect(net.node("n")?.isFused == false)
    expectClose(fused, top.array, "folded")

    // What is kept of the weights is made anew when any of them changes.
    net.debug(nil)
    for name in ["c", "n", "s"] {
      for parameter in try #require(net.node(name)).layer.parameters {
        parameter.values[0] += 0.5
        try net.forward()
        let fused = top.array
        net.debug { _ in }
        try net.forward()
        expectClose(fused, top.array, "after a change of \(name)")
        net.debug(nil)
      }
    }
  }

  @Test("In training, normalisation does the scaling and rectifying", arguments: convolutions)
  func absorbing(convolution: String, input: Shape) throws {
    func pass(_ fuses: Bool) throws -> [[Float]] {
      let net = try self.net(
        "force_backward: true " + chain(convolution), phase: .train, input: input)
      if !fuses { net.debug { _ in } }
      var values: [[Float]] = []
      for _ in 0..<2 {
        try net.forward()
        let top = try #require(net.blob("c"))
        values.append(top.array)
        top.gradient.update(from: wave(top.count, 3), count: top.count)
        net.backward()
        #expect(net.node("s")?.isAbsorbed == fuses)
        values += [try #require(net.blob("x")).gradientArray]
        values += net.parameters.map(\.blob.array) + net.parameters.map(\.blob.gradientArray)
      }
      return values
    }
    for (fused, apart) in zip(try pass(true), try pass(false)) {
      expectClose(fused, apart, "a blob of the pass")
    }
  }

  @Test("A scale that others read, or of another axis, is left where it is")
  func leftAlone() throws {
    let tail = "layer { name: 's' type: 'Scale' bottom: 'c' top: 'c' scale_param { axis: 2 } }"
    let net = try net(
      "layer { name: 'n' type: 'BatchNorm' bottom: 'x' top: 'c' }" + tail, phase: .train,
      input: [3, 2, 4])
    try net.forward()
    #expect(net.node("s")?.isFused == false)
    let apart = try self.net(
      "layer { name: 'n' type: 'BatchNorm' bottom: 'x' top: 'c' }"
        + "layer { name: 's' type: 'Scale' bottom: 'c' top: 'd' }", phase: .train, input: [3, 2, 4])
    try apart.forward()
    #expect(apart.node("s")?.isFused == false)
  }
}
