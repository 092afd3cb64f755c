import CKernels
import Testing

@Suite("Kernels")
struct KernelTests {
  @Test("transcendental functions agree with libm", arguments: awkwardSizes)
  func transcendental(count: Int) {
    var values = TestValues()
    let x = values.array(count, in: -20...20)
    typealias Function = (UnsafeMutablePointer<Float>, UnsafePointer<Float>, Int) -> Void
    func check(_ fast: Function, _ slow: Function, _ x: [Float], _ name: String) {
      var got = x
      var wanted = x
      inPlace(&got) { fast($0, $0, count) }
      slow(&wanted, x, count)
      expectClose(got, wanted, relative: 3e-7, absolute: 1e-30, name)
    }
    check(nk_tanh_forward, nk_tanh_forward_reference, x, "tanh")
    check(nk_exp, nk_exp_reference, x.map { $0 * 4 }, "exp")
    check(nk_log, nk_log_reference, x.map { abs($0) }, "log")
    var got = x
    var wanted = x
    nk_sigmoid_forward(&got, x, count)
    nk_sigmoid_forward_reference(&wanted, x, count)
    expectClose(got, wanted, relative: 2e-7, absolute: 1.2e-7, "sigmoid")
  }

  @Test("transcendental functions keep libm's limits")
  func limits() {
    let x: [Float] = [0, -0, .infinity, -.infinity, .nan, 89, -89, -100, -104, 88.7, 1e-30, 0.625]
    var y = x
    nk_tanh_forward(&y, x, x.count)
    expectClose(y, [0, 0, 1, -1, .nan, 1, -1, -1, -1, 1, 1e-30, 0.55459972], relative: 2e-7)
    nk_exp(&y, x, x.count)
    var wanted = x
    nk_exp_reference(&wanted, x, x.count)
    expectClose(y, wanted, relative: 2e-7, absolute: .leastNonzeroMagnitude, "exp")
    let z: [Float] = [
      0, -0, .infinity, -1, .nan, 1, Float(bitPattern: 9999), .leastNormalMagnitude,
    ]
    var logs = z
    var wantedLogs = z
    nk_log(&logs, z, z.count)
    nk_log_reference(&wantedLogs, z, z.count)
    expectClose(logs, wantedLogs, relative: 2e-7, "log")
  }

  @Test("sums equal the plain loops", arguments: awkwardSizes)
  func sums(count: Int) {
    var values = TestValues(seed: 2)
    let x = values.array(count)
    let y = values.array(count)
    let pairs: [(Double, Double)] = [
      (nk_sum(x, count), nk_sum_reference(x, count)),
      (nk_dot(x, y, count), nk_dot_reference(x, y, count)),
      (nk_sum_of_squares(x, count), nk_sum_of_squares_reference(x, count)),
      (nk_sum_of_magnitudes(x, count), nk_sum_of_magnitudes_reference(x, count)),
      (
        nk_sum_of_squared_differences(x, y, count),
        nk_sum_of_squared_differences_reference(x, y, count)
      ),
      (
        nk_sum_of_squares_about(x, 0.5, count),
        nk_sum_of_squares_about_reference(x, 0.5, count)
      ),
    ]
    for (got, wanted) in pairs {
      #expect(abs(got - wanted) < 1e-6 * Double(count) + 1e-6)
    }
  }

  @Test("ReLU follows Caffe at 0, at NaN and in place")
  func relu() {
    let x: [Float] = [-2, -0, 0, 3, .nan, .infinity]
    var y = x
    nk_relu_forward(&y, x, 0.5, x.count)
    expectClose(y, [-1, 0, 0, 3, .nan, .infinity])
    var dx = [Float](repeating: 1, count: x.count)
    let dy = dx
    nk_relu_backward(&dx, dy, x, 0.5, x.count)
    #expect(dx == [0.5, 0.5, 0.5, 1, 0, 1])
  }

  @Test("the maximum of bottoms breaks ties as Caffe does")
  func maximum() {
    let a: [Float] = [1, 2, 3]
    let b: [Float] = [1, 3, 2]
    let c: [Float] = [1, 4, 1]
    var y = a
    var mask = [Int32](repeating: -1, count: 3)
    nk_maximum_first(&y, &mask, a, b, 3)
    #expect(mask == [1, 1, 0])
    nk_maximum_next(&y, &mask, c, 2, 3)
    #expect(mask == [1, 2, 0])
    #expect(y == [1, 4, 3])
  }

  @Test("dropout draws the same for any cut of the range, and at the asked rate")
  func dropout() {
    let count = 100_000
    let ones = [Float](repeating: 1, count: count)
    var whole = ones
    nk_dropout(&whole, ones, 0.3, 7, 5, 0, count)
    var parts = ones
    inPlace(&parts) { base in
      for start in stride(from: 0, to: count, by: 999) {
        let length = min(999, count - start)
        nk_dropout(base + start, base + start, 0.3, 7, 5, UInt64(start), length)
      }
    }
    #expect(whole == parts)
    let kept = whole.filter { $0 != 0 }.count
    #expect(abs(Double(kept) / Double(count) - 0.7) < 0.01)
    #expect(Set(whole) == [0, 1 / 0.7])
    var other = ones
    nk_dropout(&other, ones, 0.3, 7, 6, 0, count)
    let agreeing = zip(whole, other).filter { $0 == $1 }.count
    #expect(abs(Double(agreeing) / Double(count) - 0.58) < 0.01)
  }

  @Test(
    "softmax equals the plain loop",
    arguments: [(1, 10, 1), (3, 1000, 1), (2, 7, 1), (2, 21, 200), (1, 3, 129), (2, 5, 2)])
  func softmax(outer: Int, channels: Int, inner: Int) {
    var values = TestValues(seed: 3)
    let count = outer * channels * inner
    let x = values.array(count, in: -8...8)
    let dy = values.array(count)
    var y = x
    var wanted = x
    nk_softmax_forward(&y, x, outer, channels, inner)
    nk_softmax_forward_reference(&wanted, x, outer, channels, inner)
    expectClose(y, wanted, relative: 2e-6, absolute: 0)
    var dx = x
    var wantedGradient = x
    nk_softmax_backward(&dx, dy, wanted, outer, channels, inner)
    nk_softmax_backward_reference(&wantedGradient, dy, wanted, outer, channels, inner)
    expectClose(dx, wantedGradient)
  }

  @Test("the softmax loss counts labels, skips ignored ones and reports bad ones")
  func softmaxLoss() {
    let y: [Float] = [0.25, 0.75, 0, 1, 0.5, 0.5]
    var counted = 0
    var bad = 0
    var ignored: Int32 = 1
    let loss = nk_softmax_loss_forward(y, [0, 0, 1], &ignored, 3, 2, 1, &counted, &bad)
    #expect(counted == 2)
    #expect(bad == -1)
    #expect(abs(loss - (1.3862944 + 87.336545)) < 1e-4)
    _ = nk_softmax_loss_forward(y, [0, 2, -1], nil, 3, 2, 1, &counted, &bad)
    #expect(bad == 1)
    var dx = y
    nk_softmax_loss_backward(&dx, y, [0, 0, 1], &ignored, 2, 3, 2, 1)
    expectClose(dx, [-1.5, 1.5, -2, 2, 0, 0])
  }
}
