import CKernels
import Compute
import Testing

/// Sizes of a product to test: around tiles, panels and blocks.
struct ProductCase: CustomTestStringConvertible {
  var m: Int
  var n: Int
  var k: Int
  var transposeA = false
  var transposeB = false

  var testDescription: String {
    "\(m)x\(n)x\(k)\(transposeA ? ", A transposed" : "")\(transposeB ? ", B transposed" : "")"
  }

  static let all = [
    (1, 1, 1), (6, 64, 5), (7, 65, 3), (13, 130, 400), (1100, 70, 9), (5, 700, 0), (256, 70, 390),
  ]
  .flatMap { m, n, k in
    [(false, false), (true, false), (false, true), (true, true)].map {
      ProductCase(m: m, n: n, k: k, transposeA: $0.0, transposeB: $0.1)
    }
  }
}

@Suite("Matrix products")
struct MatrixProductTests {
  @Test("a product equals the plain loops, at any number of threads", arguments: ProductCase.all)
  func product(testCase: ProductCase) {
    let (m, n, k) = (testCase.m, testCase.n, testCase.k)
    var values = TestValues(seed: 7)
    let a = values.array(max(1, m * k))
    let b = values.array(max(1, k * n))
    let bias = values.array(n)
    let before = values.array(m * n)
    // The reference wants B as it is.
    var plain = b
    if testCase.transposeB { nk_transpose_reference(&plain, n, b, k, n, k) }
    let (lda, ldb) = (testCase.transposeA ? m : k, testCase.transposeB ? k : n)
    let transposed: Int32 = testCase.transposeA ? 1 : 0
    var (wanted, withBias, added) = (before, before, before)
    nk_panel_product_reference(&wanted, n, nil, 0, a, lda, transposed, plain, n, m, n, k)
    nk_panel_product_reference(&withBias, n, bias, 0, a, lda, transposed, plain, n, m, n, k)
    nk_panel_product_reference(&added, n, before, n, a, lda, transposed, plain, n, m, n, k)
    let product = MatrixProduct(
      transposeA: testCase.transposeA, transposeB: testCase.transposeB, m: m, n: n, k: k)
    var results: [[[Float]]] = []
    for threads in [1, 3] {
      let workers = Workers(count: threads)
      workers.reserveScratch(product.scratchCount)
      var (c, biased, sum) = (before, before, before)
      let seen = Blob(shape: [m])
      product.run(workers, a, lda: lda, b, ldb: ldb, &c, ldc: n) { rows in
        for row in rows { seen.values[row] += 1 }
      }
      product.run(workers, a, lda: lda, b, ldb: ldb, start: bias, &biased, ldc: n)
      inPlace(&sum) {
        product.run(
          workers, a, lda: lda, b, ldb: ldb, start: UnsafePointer($0), startStride: n, $0, ldc: n)
      }
      #expect(seen.array == [Float](repeating: 1, count: m))
      results.append([c, biased, sum])
    }
    #expect(results[0] == results[1])
    for (got, wanted) in zip(results[0], [wanted, withBias, added]) {
      expectClose(got, wanted, relative: 1e-4, absolute: 1e-4)
    }
  }

  @Test("scratch is never more than the bound that layers reserve")
  func scratch() {
    for size in [1, 63, 383, 385, 640, 641, 1279, 10_000] {
      for depth in [1, 384, 385, 4096] {
        for rows in [1, 511, 1033, 2065, 10_000] {
          let product = MatrixProduct(transposeA: true, m: rows, n: size, k: depth)
          #expect(product.scratchCount <= MatrixProduct.mostScratch)
        }
      }
    }
  }

  @Test("softmax's loss from scores equals that from probabilities", arguments: awkwardSizes)
  func scores(classes: Int) {
    var values = TestValues(seed: UInt64(classes))
    let rows = 5
    let x = values.array(rows * classes, in: -20...20)
    let labels = (0..<rows).map { Float($0 % classes) }
    var ignored: Int32 = 1
    var (counted, wantedCounted, bad, wantedBad) = (0, 0, 0, 0)
    var p = x
    nk_softmax_forward_reference(&p, x, rows, classes, 1)
    let wanted = nk_softmax_loss_forward(
      p, labels, &ignored, rows, classes, 1, &wantedCounted, &wantedBad)
    var (tops, scales) = ([Float](repeating: 0, count: rows), [Float](repeating: 0, count: rows))
    let loss = nk_softmax_scores_forward(
      &tops, &scales, x, labels, &ignored, rows, classes, &counted, &bad)
    #expect(counted == wantedCounted && bad == wantedBad)
    #expect(abs(loss - wanted) <= 1e-4 * abs(wanted) + 1e-5)
    var (dx, wantedGradient) = (x, x)
    nk_softmax_loss_backward(&wantedGradient, p, labels, &ignored, 0.5, rows, classes, 1)
    inPlace(&dx) {
      nk_softmax_scores_backward(
        $0, UnsafePointer($0), tops, scales, labels, &ignored, 0.5, rows, classes)
    }
    expectClose(dx, wantedGradient, relative: 1e-4)
  }
}
