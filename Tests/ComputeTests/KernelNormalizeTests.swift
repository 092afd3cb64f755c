import CKernels
import Testing

/// The kernels of normalisation: each equals its plain loop.
@Suite("Kernels of normalisation")
struct KernelNormalizeTests {
  /// Samples, channels, channels of the part, values of a channel.
  static let shapes = [
    (1, 1, 1, 1), (3, 5, 2, 1), (4, 70, 33, 1), (2, 3, 3, 7), (3, 4, 2, 16), (2, 2, 1, 1025),
    (1, 3, 2, 2050), (6, 17, 17, 3),
  ]

  @Test("sums over a batch equal the plain loops", arguments: shapes)
  func sums(samples: Int, channels: Int, part: Int, inner: Int) {
    var values = TestValues(seed: 3)
    let x = values.array(samples * channels * inner)
    let y = values.array(samples * channels * inner)
    let mean = values.array(part)
    var batch = nk_batch(
      samples: samples, stride: channels * inner, channels: part, inner: inner)
    var (got, wanted) = ([Double](repeating: 9, count: part), [Double](repeating: 7, count: part))
    func check(_ name: String) {
      for (a, b) in zip(got, wanted) {
        #expect(abs(a - b) < 1e-6 * Double(samples * inner) + 1e-6, "\(name): \(a), not \(b)")
      }
    }
    nk_batch_sum(&got, x, &batch)
    nk_batch_sum_reference(&wanted, x, &batch)
    check("sum")
    nk_batch_sum_of_squares_about(&got, x, mean, &batch)
    nk_batch_sum_of_squares_about_reference(&wanted, x, mean, &batch)
    check("squares")
    nk_batch_dot_about(&got, y, x, mean, &batch)
    nk_batch_dot_about_reference(&wanted, y, x, mean, &batch)
    check("dot")
  }

  @Test("normalising a part of the channels leaves the others alone", arguments: shapes)
  func parts(samples: Int, channels: Int, part: Int, inner: Int) {
    var values = TestValues(seed: 4)
    let count = samples * channels * inner
    let (x, dy) = (values.array(count), values.array(count))
    let (mean, factor) = (values.array(part), values.array(part))
    let (shift, slope) = (values.array(part), values.array(part))
    var batch = nk_batch(
      samples: samples, stride: channels * inner, channels: part, inner: inner)
    var (y, dx) = (x, dy)
    nk_batch_normalize(&y, x, mean, factor, shift, 0.25, &batch)
    inPlace(&dx) {
      nk_batch_normalize_backward($0, $0, x, mean, factor, shift, slope, &batch)
    }
    var (wantedY, wantedDx) = (x, dy)
    for index in 0..<count {
      let c = index / inner % channels
      guard c < part else { continue }
      let y = (x[index] - mean[c]) * factor[c] + shift[c]
      wantedY[index] = y < 0 ? 0.25 * y : y
      wantedDx[index] = (dy[index] - shift[c] - (x[index] - mean[c]) * slope[c]) * factor[c]
    }
    expectClose(y, wantedY, "y")
    expectClose(dx, wantedDx, "dx")
  }

  @Test("rows of zero mean and unit deviation equal the plain loops", arguments: awkwardSizes)
  func rows(size: Int) {
    var values = TestValues(seed: 5)
    let (x, dy) = (values.array(3 * size), values.array(3 * size))
    var y = x
    var (wanted, deviation, wantedDeviation) = (x, [Float](x[..<3]), [Float](x[..<3]))
    if size == 1 { wanted = x }
    inPlace(&y) { nk_mvn_forward($0, &deviation, $0, 0.01, 3, size) }
    nk_mvn_forward_reference(&wanted, &wantedDeviation, x, 0.01, 3, size)
    expectClose(y, wanted, absolute: 2e-5, "y")
    expectClose(deviation, wantedDeviation, "deviation")
    var (dx, wantedDx) = (dy, dy)
    inPlace(&dx) { nk_mvn_backward($0, $0, y, deviation, 3, size) }
    nk_mvn_backward_reference(&wantedDx, dy, y, deviation, 3, size)
    expectClose(dx, wantedDx, absolute: 2e-4, "dx")
    nk_mvn_forward(&y, nil, x, 0.01, 3, size)
    nk_mvn_forward_reference(&wanted, nil, x, 0.01, 3, size)
    expectClose(y, wanted, "y without deviation")
    nk_mvn_backward(&dx, dy, y, nil, 3, size)
    nk_mvn_backward_reference(&wantedDx, dy, y, nil, 3, size)
    expectClose(dx, wantedDx, "dx without deviation")
  }

  @Test("a row of equal values becomes zeros, not noise")
  func equalValues() {
    let x = [Float](repeating: 0.1, count: 1000)
    var (y, deviation) = (x, [Float](repeating: 0, count: 1))
    nk_mvn_forward(&y, &deviation, x, 1e-9, 1, x.count)
    #expect(y.allSatisfy { $0 == 0 })
  }
}
