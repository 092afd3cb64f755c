import CKernels
import Testing

@Suite("Pointwise kernels")
struct KernelPointwiseTests {
  private let odd: [Float] = [
    0, -0, 1, -1, 0.5, -0.5, .infinity, -.infinity, .nan, 88, -88, 1e30, -1e30, 1e-30, -1e-30,
  ]

  @Test("smooth rectifiers agree with the plain loops", arguments: awkwardSizes)
  func smooth(count: Int) {
    var values = TestValues()
    let x = values.array(count, in: -20...20)
    var got = x
    var wanted = x
    inPlace(&got) { nk_elu_forward($0, $0, 1.3, count) }
    nk_elu_forward_reference(&wanted, x, 1.3, count)
    expectClose(got, wanted, relative: 3e-7, absolute: 2e-7, "ELU")
    got = x
    inPlace(&got) { nk_bnll_forward($0, $0, count) }
    nk_bnll_forward_reference(&wanted, x, count)
    expectClose(got, wanted, relative: 5e-7, absolute: 1e-30, "BNLL")
  }

  @Test("BNLL keeps its limits")
  func limits() {
    var got = odd
    var wanted = odd
    nk_bnll_forward(&got, odd, odd.count)
    nk_bnll_forward_reference(&wanted, odd, odd.count)
    expectClose(got, wanted, relative: 5e-7, absolute: 1e-37)
  }

  @Test(
    "powers agree with libm",
    arguments: [1, 2, 3, -1, -2, 0.5, 0, 0.37, -1.5, 4] as [Float], [1, 17, 511, 1025])
  func powers(power: Float, count: Int) {
    var values = TestValues(seed: 3)
    let x = values.array(count, in: 0.2...4)
    let dy = values.array(count)
    var got = x
    var wanted = x
    inPlace(&got) { nk_power_forward($0, $0, power, 0.7, 0.1, count) }
    nk_power_forward_reference(&wanted, x, power, 0.7, 0.1, count)
    expectClose(got, wanted, relative: 3e-6, "value")
    var gradient = dy
    inPlace(&gradient) { nk_power_backward($0, $0, x, power, 0.7, 0.1, count) }
    nk_power_backward_reference(&wanted, dy, x, power, 0.7, 0.1, count)
    expectClose(gradient, wanted, relative: 3e-6, "gradient")
  }

  @Test("powers keep libm's limits", arguments: [1, 2, 3, -1, -2, 0] as [Float])
  func powerLimits(power: Float) {
    var got = odd
    var wanted = odd
    nk_power_forward(&got, odd, power, 1, 0, odd.count)
    nk_power_forward_reference(&wanted, odd, power, 1, 0, odd.count)
    expectClose(got, wanted, relative: 3e-7)
  }

  @Test(
    "the slopes' gradient equals the plain loop",
    arguments: [(1, 1), (3, 1), (33, 1), (1, 17), (5, 129), (2, 2500)])
  func slopes(channels: Int, inner: Int) {
    var values = TestValues(seed: 4)
    let x = values.array(channels * inner)
    let dy = values.array(channels * inner)
    var got = values.array(channels)
    var wanted = got
    nk_prelu_slope_gradient(&got, dy, x, channels, inner)
    nk_prelu_slope_gradient_reference(&wanted, dy, x, channels, inner)
    expectClose(got, wanted, relative: 1e-5, absolute: 1e-5)
  }

  @Test("kinks and NaN are Caffe's")
  func kinks() {
    let x: [Float] = [-2, -0, 0, 3, .nan]
    let dy: [Float] = [1, 1, 1, 1, 1]
    var y = x
    nk_prelu_forward(&y, x, [0.5], 1, 5)
    expectClose(y, [-1, 0, 0, 3, .nan])
    nk_prelu_backward(&y, dy, x, [0.5], 1, 5)
    #expect(y == [0.5, 0.5, 0.5, 1, 0])
    nk_absolute_backward(&y, dy, x, 5)
    #expect(y == [-1, 0, 0, 1, 0])
    nk_threshold(&y, x, 0, 5)
    #expect(y == [0, 0, 0, 1, 0])
    nk_clip(&y, x, -1, 2, 5)
    #expect(y == [-1, 0, 0, 2, -1])
    nk_clip_backward(&y, dy, [-1, -1.5, 2, 2.5, .nan], -1, 2, 5)
    #expect(y == [1, 0, 1, 0, 0])
    nk_elu_backward(&y, dy, [-0.5, 0, 0, 3, .nan], x, 1, 5)
    #expect(y == [0.5, 1, 1, 1, 0])
  }
}

@Suite("Layout kernels")
struct KernelLayoutTests {
  /// The places of x from the largest to the smallest, the later first among equals, NaN last.
  private func order(_ x: [Float]) -> [Int32] {
    x.indices.sorted { i, j in
      let (a, b) = (x[i], x[j])
      if a.isNaN || b.isNaN { return a.isNaN == b.isNaN ? i > j : b.isNaN }
      return a > b || (a == b && i > j)
    }.map(Int32.init)
  }

  @Test("the largest values are those of a full sort", arguments: [1, 2, 3, 7, 16, 50])
  func largest(count: Int) {
    var values = TestValues(seed: 5)
    for distinct in [2, 5, 1000] {
      var x = values.array(count).map { ($0 * Float(distinct)).rounded() }
      if count > 5 { x[4] = .nan }
      let wanted = order(x)
      for k in 1...count {
        for stride in [1, 3] {
          var spread = [Float](repeating: 99, count: count * stride)
          for index in 0..<count { spread[index * stride] = x[index] }
          var best = [Float](repeating: 0, count: k)
          var places = [Int32](repeating: -1, count: k)
          nk_largest(&best, &places, k, spread, stride, count)
          #expect(places == Array(wanted[..<k]))
          expectClose(best, places.map { x[Int($0)] }, relative: 0, absolute: 0)
        }
      }
    }
  }

  @Test("repeats and their sums", arguments: [(1, 1, 3), (4, 1, 17), (3, 5, 2), (2, 9, 1)])
  func tile(outer: Int, inner: Int, tiles: Int) {
    var values = TestValues(seed: 6)
    let x = values.array(outer * inner)
    var y = [Float](repeating: 0, count: outer * inner * tiles)
    nk_tile(&y, x, outer, inner, tiles)
    for place in y.indices {
      #expect(y[place] == x[place / (inner * tiles) * inner + place % inner])
    }
    var dx = x
    nk_tile_backward(&dx, y, outer, inner, tiles)
    expectClose(dx, x.map { $0 * Float(tiles) })
  }

  @Test("a box is cut out and put back")
  func box() {
    let outer = [3, 4, 5]
    let inner = [2, 1, 3]
    let offset = [1, 3, 0]
    let x = (0..<60).map(Float.init)
    var y = [Float](repeating: -1, count: 6)
    var back = [Float](repeating: -1, count: 60)
    outer.withUnsafeBufferPointer { outer in
      inner.withUnsafeBufferPointer { inner in
        offset.withUnsafeBufferPointer { offset in
          guard let a = outer.baseAddress, let b = inner.baseAddress, let c = offset.baseAddress
          else { return }
          var box = nk_box(axes: 3, outer: a, inner: b, offset: c)
          nk_cut(&y, x, &box)
          nk_put_back(&back, y, &box)
        }
      }
    }
    #expect(y == [35, 36, 37, 55, 56, 57])
    #expect(back == x.map { y.contains($0) ? $0 : 0 })
  }
}
