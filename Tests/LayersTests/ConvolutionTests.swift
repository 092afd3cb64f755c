import Compute
import Testing

@testable import Layers

@Suite("Convolution")
struct ConvolutionTests {
  private static let slopes: [Float?] = [nil, nil, 0, 0.25]

  private func fill(_ values: UnsafeMutablePointer<Float>, _ count: Int, _ seed: UInt64) {
    var random = RandomStream(seed: seed, purpose: "values")
    for index in 0..<count { values[index] = Float(2 * random.unit() - 1) }
  }

  private func expectClose(_ got: [Float], _ want: [Double], _ what: String) {
    let limit = 2e-5 * max(0.05, want.map(abs).max() ?? 0)
    #expect(got.count == want.count)
    let worst = zip(got, want).map { abs(Double($0) - $1) }.max() ?? 0
    #expect(worst <= limit, "\(what)")
  }

  @Test("Outputs and gradients equal those of plain loops", arguments: 0..<120 as Range<UInt64>)
  func equalsPlainLoops(seed: UInt64) throws {
    try compare(NaiveConvolution(seed: seed), seed)
  }

  /// Large enough for minimal filtering, with borders that its tiles do not divide.
  @Test("So do those of minimal filtering", arguments: [(3, 17, 1), (3, 19, 2), (5, 13, 1)])
  func minimalFiltering(kernel: Int, size: Int, groups: Int) throws {
    var naive = NaiveConvolution(seed: 0)
    (naive.samples, naive.groups, naive.channels, naive.outputs) = (5, groups, 24, 26)
    (naive.input, naive.kernel) = ([size, size - 1], [kernel, kernel])
    (naive.stride, naive.pad, naive.dilation) = ([1, 1], [1, 2], [1, 1])
    try compare(naive, UInt64(kernel))
  }

  private func compare(_ naive: NaiveConvolution, _ seed: UInt64) throws {
    let count = seed % 5 == 0 ? 2 : 1
    let slope = Self.slopes[Int(seed / 4 % 4)]
    let shape = Shape([naive.samples, naive.channels] + naive.input)
    let lone = try LoneLayer(naive.text, Array(repeating: shape, count: count), tops: count)
    (lone.layer as? any ActivationFusing)?.fusedNegativeSlope = slope
    for index in 0..<count {
      fill(lone.bottoms[index].values, shape.count, seed * 7 + UInt64(index))
      fill(lone.tops[index].gradient, lone.tops[index].count, seed * 11 + UInt64(index))
    }
    let parameters = lone.layer.parameters
    for blob in parameters { blob.gradient.update(repeating: 0.5, count: blob.count) }
    try lone.forward()
    lone.backward()

    let w = parameters[0].array
    var dw = [Double](repeating: 0.5, count: w.count)
    var db = [Double](repeating: 0.5, count: naive.outputs)
    let places = naive.output.reduce(1, *)
    for index in 0..<count {
      let x = lone.bottoms[index].array
      let dy = lone.tops[index].gradientArray
      #expect(lone.tops[index].shape == Shape([naive.samples, naive.outputs] + naive.output))
      var y = [Double](repeating: 0, count: dy.count)
      var dx = [Double](repeating: 0, count: x.count)
      for at in y.indices {
        let m = at / places % naive.outputs
        if naive.hasBias { y[at] = Double(parameters[1].values[m]) }
        db[m] += Double(dy[at])
      }
      naive.forEachProduct { yAt, xAt, wAt in
        y[yAt] += Double(x[xAt]) * Double(w[wAt])
        dx[xAt] += Double(dy[yAt]) * Double(w[wAt])
        dw[wAt] += Double(dy[yAt]) * Double(x[xAt])
      }
      if let slope { y = y.map { $0 < 0 ? Double(slope) * $0 : $0 } }
      expectClose(lone.tops[index].array, y, "y of \(naive)")
      expectClose(lone.bottoms[index].gradientArray, dx, "dx of \(naive)")
    }
    expectClose(parameters[0].gradientArray, dw, "dw of \(naive)")
    if naive.hasBias { expectClose(parameters[1].gradientArray, db, "db of \(naive)") }
  }

  @Test("What is not asked for is left alone")
  func leavesAlone() throws {
    let text = "type: 'Convolution' convolution_param { num_output: 2 kernel_size: 2 }"
    let lone = try LoneLayer(text, [[2, 2, 4, 4], [2, 2, 4, 4]], tops: 2)
    for blob in lone.bottoms + lone.layer.parameters {
      blob.gradient.update(repeating: 3, count: blob.count)
    }
    try lone.forward()
    lone.backward([false, true], learns: false)
    #expect(lone.bottoms[0].gradientArray.allSatisfy { $0 == 3 })
    #expect(lone.bottoms[1].gradientArray.allSatisfy { $0 == 0 })
    #expect(lone.layer.parameters.allSatisfy { $0.gradientArray.allSatisfy { $0 == 3 } })
  }

  @Test("Other sizes later, but not other channels or axes")
  func reshapes() throws {
    let text =
      "type: 'Convolution' name: 'c' convolution_param { num_output: 4 kernel_size: 3 }"
    let layer = try LoneLayer(text, [[1, 2, 5, 5]]).layer
    let weights = layer.parameters[0]
    #expect(weights.shape == [4, 2, 3, 3])
    #expect(try layer.reshape([[3, 2, 8, 4]]) == [[3, 4, 6, 2]])
    #expect(layer.parameters[0] === weights)
    #expect(layer.operations == 3 * 4 * 6 * 2 * (2 * 2 * 9 + 1))
    #expect(throws: (any Error).self) { try layer.reshape([[1, 3, 5, 5]]) }
    #expect(throws: (any Error).self) { try layer.reshape([[1, 2, 5, 5, 5]]) }
  }

  @Test("Shapes: any axis, any number of axes, several bottoms")
  func shapes() throws {
    func tops(_ fields: String, _ bottoms: Shape...) throws -> [Shape] {
      try LoneLayer(
        "type: 'Convolution' convolution_param { \(fields) }", bottoms, tops: bottoms.count
      )
      .tops.map(\.shape)
    }
    #expect(try tops("num_output: 6", [4, 3]) == [[4, 6]])
    #expect(try tops("num_output: 6 kernel_size: 3", [4, 3, 9]) == [[4, 6, 7]])
    #expect(
      try tops("num_output: 6 kernel_size: 3 axis: -4", [4, 3, 9, 8, 7]) == [[4, 6, 7, 6, 5]])
    #expect(try tops("num_output: 6 kernel_size: 3 axis: 0", [3, 9]) == [[6, 7]])
    #expect(
      try tops("num_output: 6 kernel_h: 1 kernel_w: 3 stride: 2 pad_w: 1", [2, 3, 9, 8])
        == [[2, 6, 5, 4]])
    #expect(
      try tops("num_output: 1 kernel_size: 2", [1, 1, 2, 2], [1, 1, 2, 2])
        == [[1, 1, 1, 1], [1, 1, 1, 1]])
  }
}
