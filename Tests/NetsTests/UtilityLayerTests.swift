import Compute
import Foundation
import Layers
import Nets
import Prototxt
import Schema
import Synchronization
import Testing

/// What layers that move and choose values do beside Caffe's values.
@Suite struct UtilityLayerTests {
  private func net(
    _ text: String, phase: Phase = .train, threads: Int = 1,
    remark: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> Net {
    try Net(
      TextFormat.parse(text, as: .net),
      options: Net.Options(
        state: NetState(phase: phase),
        context: LayerContext(workers: Workers(count: threads), seed: 7, remark: remark)))
  }

  private func input(_ name: String, _ sizes: [Int]) -> String {
    let dims = sizes.map { "dim: \($0) " }.joined()
    return
      "layer { name: '\(name)' type: 'Input' top: '\(name)' input_param { shape { \(dims)} } }\n"
  }

  // MARK: Indices

  @Test(
    "an index that names no row is an error",
    arguments: [
      (Float(5), "5"), (-1, "-1"), (.nan, "nan"), (1e30, "1e+30"), (.infinity, "inf"), (7.5, "7.5"),
    ])
  func indexOutside(_ index: (value: Float, text: String)) throws {
    let net = try net(
      input("x", [3, 2])
        + "layer { name: 'l' type: 'Embed' bottom: 'x' top: 'y' "
        + "embed_param { num_output: 4 input_dim: 5 } }")
    net.blob("x")?.assign([0, 4, 1, index.value, 0, 0])
    let found = #expect(throws: Diagnostic.self) { try net.forward() }
    #expect(
      found?.message
        == "layer 'l' (Embed): index \(index.text), number 3 of the bottom (3×2), is outside the "
        + "5 rows of input_dim 0…4")
    net.blob("x")?.assign([0, 4.9, 1, -0.9, 0, 0])
    try net.forward()
  }

  @Test("BatchReindex checks its indices, and picks from and into empty batches")
  func batchReindex() throws {
    let net = try net(
      input("x", [3, 2]) + input("i", [2])
        + "layer { name: 'l' type: 'BatchReindex' bottom: 'x' bottom: 'i' top: 'y' }")
    net.blob("i")?.assign([2, 3])
    let found = #expect(throws: Diagnostic.self) { try net.forward() }
    #expect(
      found?.message
        == "layer 'l' (BatchReindex): index 3, number 1 of the bottom (2), is outside the 3 items "
        + "0…2")
    net.blob("i")?.reshape([0])
    try net.reshape()
    try net.forward()
    #expect(net.blob("y")?.shape == [0, 2])
    net.blob("x")?.reshape([0, 2])
    try net.reshape()
    try net.forward()
    net.blob("i")?.reshape([1])
    net.blob("i")?.assign([0])
    try net.reshape()
    let empty = #expect(throws: Diagnostic.self) { try net.forward() }
    #expect(empty?.message.hasSuffix("is outside the 0 items") == true)
  }

  @Test("rows that nobody looks up get no gradient, any number of threads the same bits")
  func embedGradient() throws {
    func gradients(_ threads: Int) throws -> ([Float], [Float]) {
      let net = try net(
        "force_backward: true\n" + input("x", [400])
          + "layer { name: 'l' type: 'Embed' bottom: 'x' top: 'y' "
          + "embed_param { num_output: 200 input_dim: 9 } }", threads: threads)
      net.blob("x")?.assign((0..<400).map { Float($0 * $0 % 7) })
      try net.forward()
      let y = try #require(net.blob("y"))
      for place in 0..<y.count { y.gradient[place] = Float(place % 13) * 0.1 }
      net.clearParameterGradients()
      net.backward()
      return (net.parameters[0].blob.gradientArray, net.parameters[1].blob.gradientArray)
    }
    let one = try gradients(1)
    // Squares modulo 7 are 0, 1, 2 and 4.
    for row in [3, 5, 6, 7, 8] {
      #expect(one.0[row * 200..<(row + 1) * 200].allSatisfy { $0 == 0 })
    }
    #expect(one.0[0..<200].contains { $0 != 0 } && one.1.allSatisfy { $0 > 0 })
    let three = try gradients(3)
    #expect(one.0 == three.0 && one.1 == three.1)
  }

  // MARK: Filter

  private let filtered = """
    layer { name: 'f' type: 'Filter' bottom: 'x' bottom: 't' bottom: 's' top: 'fx' top: 'ft' }
    layer { name: 'c' type: 'Convolution' bottom: 'fx' top: 'c'
      convolution_param { num_output: 3 kernel_size: 3 weight_filler { type: 'xavier' } } }
    layer { name: 'a' type: 'PReLU' bottom: 'c' top: 'c' }
    layer { name: 'p' type: 'Pooling' bottom: 'c' top: 'p' pooling_param { kernel_size: 2 stride: 2 } }
    layer { name: 'spp' type: 'SPP' bottom: 'p' top: 'spp' spp_param { pyramid_height: 2 } }
    layer { name: 'i2c' type: 'Im2col' bottom: 'p' top: 'i2c' convolution_param { kernel_size: 2 } }
    layer { name: 'r' type: 'Reshape' bottom: 'i2c' top: 'r' reshape_param { shape { dim: 0 dim: -1 } } }
    layer { name: 'cat' type: 'Concat' bottom: 'r' bottom: 'spp' top: 'cat' }
    layer { name: 'sl' type: 'Slice' bottom: 'cat' top: 's1' top: 's2' slice_param { slice_point: 5 } }
    layer { name: 'ti' type: 'Tile' bottom: 's1' top: 'ti' tile_param { tiles: 2 } }
    layer { name: 'sw' type: 'Swish' bottom: 's2' top: 'sw' }
    layer { name: 'cat2' type: 'Concat' bottom: 'ti' bottom: 'sw' top: 'cat2' }
    layer { name: 'ip' type: 'InnerProduct' bottom: 'cat2' top: 'ip'
      inner_product_param { num_output: 4 weight_filler { type: 'xavier' } } }
    layer { name: 'arg' type: 'ArgMax' bottom: 'ip' top: 'arg' }
    layer { name: 'q' type: 'Reduction' bottom: 'cat2' top: 'q' loss_weight: 0.1
      reduction_param { operation: SUMSQ } }
    layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'ft' top: 'loss' }
    """

  @Test("what follows a Filter takes each number of items, also none", arguments: [1, 3])
  func emptyBatches(threads: Int) throws {
    let whole = try net(
      input("x", [6, 2, 9, 9]) + input("t", [6]) + input("s", [6]) + filtered, threads: threads)
    for (pass, selector) in [
      [1, 1, 1, 1, 1, 1], [0, 1, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1],
      [1, 1, 1, 1, 1, 1],
    ].enumerated() {
      var random = RandomStream(seed: UInt64(pass), purpose: "x")
      whole.blob("x")?.assign((0..<6 * 162).map { _ in Float(random.unit()) })
      whole.blob("t")?.assign([0, 1, 2, 3, 0, 1])
      whole.blob("s")?.assign(selector.map(Float.init))
      let loss = try whole.forward()
      whole.clearParameterGradients()
      whole.backward()
      let count = selector.reduce(0, +)
      #expect(whole.blob("fx")?.shape == [count, 2, 9, 9])
      #expect(whole.blob("arg")?.shape == [count, 1, 1])
      #expect(loss.isFinite && (loss == 0) == (count == 0))
      for parameter in whole.parameters {
        let gradient = parameter.blob.gradientArray
        #expect(gradient.allSatisfy { $0.isFinite }, "\(parameter.title)")
        #expect(gradient.contains { $0 != 0 } == (count > 0), "\(parameter.title), \(count) items")
      }
      // A net that is given the kept items only computes the same.
      let text = filtered.split(separator: "\n").dropFirst().joined(separator: "\n")
        .replacing("'fx'", with: "'x'").replacing("'ft'", with: "'t'")
      let part = try net(input("x", [count, 2, 9, 9]) + input("t", [count]) + text)
      for (a, b) in zip(part.parameters, whole.parameters) { a.blob.assign(b.blob.array) }
      part.blob("x")?.assign(try #require(whole.blob("fx")).array)
      part.blob("t")?.assign(try #require(whole.blob("ft")).array)
      #expect(abs(try part.forward() - loss) <= 1e-5 * abs(loss))
    }
  }

  // MARK: Reshape

  @Test(
    "Reshape infers sizes as Caffe does, with an empty batch too",
    arguments: [
      ([2, 8], "shape { dim: 0 dim: 0 dim: 1 dim: 1 }", [2, 8, 1, 1]),
      ([2, 8], "shape { dim: 2 dim: 2 dim: -1 }", [2, 2, 4]),
      ([2, 8], "shape { dim: -1 }", [16]),
      ([2, 8, 3], "shape { dim: 4 dim: -1 } axis: 1 num_axes: 1", [2, 4, 2, 3]),
      ([2, 3, 8], "shape { dim: 0 dim: 1 dim: 8 } axis: 1", [2, 3, 1, 8]),
      ([2, 8], "shape { dim: 1 } axis: -3 num_axes: 0", [1, 2, 8]),
      ([2, 8], "shape { dim: 1 } axis: -1 num_axes: 0", [2, 8, 1]),
      ([2, 8], "shape { dim: 1 } axis: 1 num_axes: 0", [2, 1, 8]),
      ([2, 1, 8], "shape { } axis: 1 num_axes: 1", [2, 8]),
      ([1, 1], "shape { }", []),
      ([], "shape { dim: 1 dim: -1 }", [1, 1]),
      ([0, 8, 3], "shape { dim: 0 dim: -1 }", [0, 24]),
      ([0, 8, 3], "shape { dim: 0 dim: 4 dim: -1 }", [0, 4, 6]),
      ([0, 8, 3], "shape { dim: -1 dim: 6 }", [0, 6]),
      ([0, 8, 3], "shape { dim: 24 } axis: 1", [0, 24]),
      ([3, 0], "shape { dim: 0 dim: 0 }", [3, 0]),
    ] as [([Int], String, [Int])])
  func reshape(_ bottom: [Int], _ fields: String, _ top: [Int]) throws {
    #expect(try build(bottom, fields).blob("y")?.shape.dimensions == top)
  }

  private func build(_ bottom: [Int], _ fields: String) throws -> Net {
    try net(
      input("x", bottom)
        + "layer { name: 'l' type: 'Reshape' bottom: 'x' top: 'y' reshape_param { \(fields) } }")
  }

  // MARK: Gradients

  @Test("a Parameter's gradient is that of the last pass")
  func parameterOverwrites() throws {
    let net = try net(
      "force_backward: true\n" + input("x", [2])
        + "layer { name: 'p' type: 'Parameter' top: 'w' parameter_param { shape { dim: 2 } } }\n"
        + "layer { name: 'm' type: 'Eltwise' bottom: 'x' bottom: 'w' top: 'y' "
        + "eltwise_param { operation: PROD } }")
    net.clearParameterGradients()
    for factor in [1, 3] as [Float] {
      net.blob("x")?.assign([2 * factor, -factor])
      try net.forward()
      let y = try #require(net.blob("y"))
      #expect(y.array == [0, 0])
      y.gradient.update(repeating: 1, count: 2)
      net.backward()
    }
    #expect(net.parameters[0].blob.gradientArray == [6, -3])
  }

  @Test("in place, Clip lets all gradients pass, as Caffe does")
  func clipInPlace() throws {
    for (top, wanted) in [("y", [0, 1, 0] as [Float]), ("x", [1, 1, 1])] {
      let net = try net(
        "force_backward: true\n" + input("x", [3])
          + "layer { name: 'l' type: 'Clip' bottom: 'x' top: '\(top)' "
          + "clip_param { min: -1 max: 1 } }")
      net.blob("x")?.assign([-2, 0.5, 2])
      try net.forward()
      let y = try #require(net.blob(top))
      #expect(y.array == [-1, 0.5, 1])
      y.gradient.update(repeating: 1, count: 3)
      net.backward()
      #expect(net.blob("x")?.gradientArray == wanted)
    }
  }

  @Test("a layer without gradient says once that nothing is learned through it")
  func zeroGradient() throws {
    let remarks = Mutex<[String]>([])
    let text =
      input("x", [2, 3])
        + """
        layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'ip' inner_product_param { num_output: 4 } }
        layer { name: 't' type: 'Threshold' bottom: 'ip' top: 't' }
        layer { name: 'r' type: 'Reduction' bottom: 't' top: 'r' loss_weight: 1 }
        """
    let net = try net(text) { remark in remarks.withLock { $0.append(remark) } }
    for _ in 0..<3 {
      try net.forward()
      net.backward()
    }
    #expect(
      remarks.withLock { $0 } == [
        "layer 't' (Threshold): its gradient is 0, so that layers below learn nothing through it"
      ])
    #expect(net.parameters[0].blob.gradientArray.allSatisfy { $0 == 0 })
  }
}
