import Compute
import Testing

@testable import Layers

@Suite("Pooling")
struct PoolingTests {
  private func lone(
    _ fields: String, _ shape: Shape, tops: Int = 1, phase: Phase = .train
  ) throws -> LoneLayer {
    try LoneLayer(
      "name: 'p' type: 'Pooling' pooling_param { \(fields) }", [shape], tops: tops, phase: phase)
  }

  @Test(
    "Sizes are divided in single precision and rounded up, less a window behind the padding",
    arguments: [
      ("kernel_size: 3 stride: 2", [7, 8], [3, 4]),
      ("kernel_size: 3 stride: 2 round_mode: FLOOR", [7, 8], [3, 3]),
      ("kernel_size: 2 stride: 2 pad: 1", [3, 4], [2, 3]),
      ("kernel_size: 2 stride: 3 pad_h: 1 pad_w: 0", [3, 4], [2, 2]),
      ("kernel_size: 1 stride: 3", [5, 5], [3, 3]),
      ("kernel_size: 1 stride: 3 round_mode: FLOOR", [5, 5], [2, 2]),
      ("kernel_size: 3 stride: 2", [2, 2], [1, 1]),
      ("kernel_h: 2 kernel_w: 5 stride_h: 1 stride_w: 4", [3, 9], [2, 2]),
      ("global_pooling: true pad: 0 stride: 1", [3, 9], [1, 1]),
    ])
  func sizes(_ fields: String, _ image: [Int], _ wanted: [Int]) throws {
    let pooled = try lone(fields, Shape([2, 3] + image))
    #expect(pooled.tops[0].shape == Shape([2, 3] + wanted))
  }

  @Test("Global pooling follows the image's size")
  func global() throws {
    let layer = try lone("pool: AVE global_pooling: true", [2, 3, 4, 5]).layer
    #expect(try layer.reshape([[1, 2, 8, 6]]) == [[1, 2, 1, 1]])
  }

  @Test("The second top says where each maximum was; the first of equal values wins")
  func mask() throws {
    let pooled = try lone("kernel_size: 2 stride: 2", [1, 2, 2, 4], tops: 2)
    pooled.bottoms[0].assign([1, 5, 2, 2, 5, 0, 2, 2, 0, 0, 0, 9, 0, 7, 8, 0])
    try pooled.forward()
    #expect(pooled.tops[0].array == [5, 2, 7, 9])
    #expect(pooled.tops[1].array == [1, 2, 5, 3])
    pooled.tops[0].gradient.update(from: [1, 2, 3, 4], count: 4)
    pooled.tops[1].gradient.update(repeating: 100, count: 4)
    pooled.backward()
    #expect(
      pooled.bottoms[0].gradientArray == [0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 3, 0, 0])
  }

  @Test("Windows outside the image give no gradient")
  func outside() throws {
    for (method, wanted) in [("MAX", -Float.greatestFiniteMagnitude), ("AVE", 0)] {
      let pooled = try lone("pool: \(method) kernel_size: 1 stride: 3", [1, 1, 5, 5])
      for index in 0..<25 { pooled.bottoms[0].values[index] = Float(index) }
      try pooled.forward()
      #expect(pooled.tops[0].array[2] == wanted)
      #expect(pooled.tops[0].array[4] == 18)
      pooled.tops[0].gradient.update(repeating: 1, count: 9)
      pooled.backward()
      #expect(pooled.bottoms[0].gradientArray.reduce(0, +) == 4)
    }
  }

  @Test("What is not asked for is left alone")
  func leavesAlone() throws {
    let pooled = try lone("kernel_size: 2", [1, 1, 3, 3])
    pooled.bottoms[0].gradient.update(repeating: 3, count: 9)
    try pooled.forward()
    pooled.backward([false])
    #expect(pooled.bottoms[0].gradientArray == [Float](repeating: 3, count: 9))
  }

  @Test("Stochastic pooling draws in proportion to the values, the same whatever the chunks")
  func draws() throws {
    let count = 4000
    let shape: Shape = [count, 1, 2, 2]
    let whole = try lone("pool: STOCHASTIC kernel_size: 2", shape)
    let pieces = try lone("pool: STOCHASTIC kernel_size: 2", shape)
    for sample in 0..<count {
      for index in 0..<4 { whole.bottoms[0].values[4 * sample + index] = Float(index) }
    }
    pieces.bottoms[0].assign(whole.bottoms[0].array)
    try whole.forward(chunk: count)
    try pieces.forward(chunk: 7)
    #expect(whole.tops[0].array == pieces.tops[0].array)
    let y = whole.tops[0].array
    for value in 0..<4 {
      // Five standard deviations are below 0.04.
      let share = Double(y.filter { $0 == Float(value) }.count) / Double(count)
      #expect(abs(share - Double(value) / 6) < 0.04)
    }
    whole.tops[0].gradient.update(repeating: 2, count: count)
    whole.backward()
    let dx = whole.bottoms[0].gradientArray
    #expect((0..<count).allSatisfy { dx[4 * $0 + Int(y[$0])] == 2 })
    #expect(dx.reduce(0, +) == Float(2 * count))
    try whole.forward()
    #expect(whole.tops[0].array != y)
    // The number of passes is all that a resumed run needs.
    pieces.layer.state = whole.layer.state
    pieces.layer.state.counters[0] -= 1
    try pieces.forward()
    #expect(pieces.tops[0].array == whole.tops[0].array)
  }

  @Test("Stochastic pooling takes the mean of the draws in TEST")
  func means() throws {
    let pooled = try lone("pool: STOCHASTIC kernel_size: 2 stride: 2", [1, 1, 2, 4], phase: .test)
    pooled.bottoms[0].assign([1, 2, 0, 0, 3, 4, 0, 0])
    try pooled.forward()
    #expect(pooled.tops[0].array == [3, 0])
    #expect(pooled.layer.state.isEmpty)
  }
}

@Suite("What is wrong with a pooling")
struct PoolingDiagnosticTests {
  private func expect(
    _ fields: String, shape: Shape = [1, 2, 4, 5], tops: Int = 1, _ messages: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expectProblems(
      "name: 'p' type: 'Pooling' pooling_param { \(fields) }", [shape], tops: tops,
      messages.map { "layer 'p' (Pooling): \($0)" }, sourceLocation: sourceLocation)
  }

  @Test("Windows that are missing, zero, half given or given twice")
  func kernels() {
    expect(
      "stride: 2",
      "kernel_size is missing"
        + " | add kernel_size: …, or global_pooling: true for one window over the image")
    expect(
      "stride: 1️⃣0 kernel_size: 2️⃣0", "stride is 0, but must be above 0",
      "kernel_size is 0, but must be above 0")
    expect(
      "kernel_h: 1️⃣3 pad: 1",
      "kernel_h is given without kernel_w | add kernel_w: …, or give kernel_size for both axes")
    expect(
      "kernel_size: 3 kernel_h: 1️⃣3 kernel_w: 3",
      "kernel_size and kernel_h are both given | kernel_size is here"
        + " | keep kernel_size, or kernel_h and kernel_w")
    expect(
      "kernel_size: 3 pad_w: 1️⃣1",
      "pad_w is given without pad_h | add pad_h: …, or give pad for both axes")
  }

  @Test("Padding as large as the kernel")
  func padding() {
    expect(
      "kernel_h: 3 kernel_w: 2 pad: 1️⃣2",
      "pad (2 × 2) must be smaller than the kernel (3 × 2)"
        + " | a window that lies whole in the padding would see nothing")
    expect(
      "pool: 1️⃣STOCHASTIC kernel_size: 3 pad: 1",
      "stochastic pooling takes no pad | remove the pad, or pool by MAX or AVE")
  }

  @Test("Global pooling with a window of its own")
  func global() {
    expect(
      "global_pooling: true kernel_size: 1️⃣3 stride: 2️⃣2 pad: 1",
      "kernel_size is given together with global_pooling"
        + " | remove it: the window of global_pooling is the whole image",
      "global_pooling allows no stride and no pad | remove stride, pad")
  }

  @Test("Images of other axes, too small ones, and a top too many")
  func shapes() {
    expect(
      "kernel_size: 3", shape: [2, 4, 5],
      "needs a bottom with 4 axes (batch, channels, height, width), not 2×4×5"
        + " | a Reshape layer can add axes of size 1")
    expect(
      "kernel_size: 1️⃣6", shape: [1, 2, 5, 7],
      "the output is empty: no window of 6 × 6 fits an image of 5 × 7"
        + " | use a smaller kernel, larger images, or global_pooling: true")
    expect(
      "kernel_size: 2 pool: AVE", tops: 2,
      "has two tops, but only MAX has a second one: where each maximum was"
        + " | remove the second top, or set pool: MAX")
  }
}
