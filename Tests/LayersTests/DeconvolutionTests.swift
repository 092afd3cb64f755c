import Compute
import Testing

@testable import Layers

@Suite("Deconvolution")
struct DeconvolutionTests {
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

  /// A convolution whose input is just as large as its output reaches, and the layer that undoes it.
  private func pair(_ seed: UInt64) -> (naive: NaiveConvolution, text: String) {
    var naive = NaiveConvolution(seed: seed)
    let output = naive.output
    naive.input = naive.input.indices.map {
      let span = naive.dilation[$0] * (naive.kernel[$0] - 1) + 1
      let size = naive.stride[$0] * (output[$0] - 1) + span
      if size - 2 * naive.pad[$0] < 1 { naive.pad[$0] = 0 }
      return size - 2 * naive.pad[$0]
    }
    let text = naive.text
      .replacing("'Convolution'", with: "'Deconvolution'")
      .replacing("num_output: \(naive.outputs) ", with: "num_output: \(naive.channels) ")
    return (naive, text)
  }

  @Test("Outputs and gradients equal those of plain loops", arguments: 0..<100 as Range<UInt64>)
  func equalsPlainLoops(seed: UInt64) throws {
    let (naive, text) = pair(seed)
    let shape = Shape([naive.samples, naive.outputs] + naive.output)
    let lone = try LoneLayer(text, [shape])
    #expect(lone.tops[0].shape == Shape([naive.samples, naive.channels] + naive.input))
    fill(lone.bottoms[0].values, shape.count, seed * 7)
    fill(lone.tops[0].gradient, lone.tops[0].count, seed * 11)
    let parameters = lone.layer.parameters
    for blob in parameters { blob.gradient.update(repeating: 0.5, count: blob.count) }
    try lone.forward()
    lone.backward()

    let (x, dy, w) = (lone.bottoms[0].array, lone.tops[0].gradientArray, parameters[0].array)
    var y = [Double](repeating: 0, count: dy.count)
    var dx = [Double](repeating: 0, count: x.count)
    var dw = [Double](repeating: 0.5, count: w.count)
    var db = [Double](repeating: 0.5, count: naive.channels)
    let plane = naive.input.reduce(1, *)
    for at in y.indices {
      let m = at / plane % naive.channels
      if naive.hasBias { y[at] = Double(parameters[1].values[m]) }
      db[m] += Double(dy[at])
    }
    naive.forEachProduct { from, to, wAt in
      y[to] += Double(x[from]) * Double(w[wAt])
      dx[from] += Double(dy[to]) * Double(w[wAt])
      dw[wAt] += Double(x[from]) * Double(dy[to])
    }
    expectClose(lone.tops[0].array, y, "y of \(naive)")
    expectClose(lone.bottoms[0].gradientArray, dx, "dx of \(naive)")
    expectClose(parameters[0].gradientArray, dw, "dw of \(naive)")
    if naive.hasBias { expectClose(parameters[1].gradientArray, db, "db of \(naive)") }
  }
}
