import CKernels
import Testing

/// A pooling to test, with Caffe's output size.
struct PoolCase: CustomTestStringConvertible {
  var pool: nk_pool

  init(_ height: Int, _ width: Int, kernel: Int, stride: Int, pad: Int = 0) {
    func out(_ size: Int) -> Int {
      let steps = (size + 2 * pad - kernel + stride - 1) / stride + 1
      return pad > 0 && (steps - 1) * stride >= size + pad ? steps - 1 : steps
    }
    pool = nk_pool(
      height: height, width: width, kernel_h: kernel, kernel_w: kernel, stride_h: stride,
      stride_w: stride, pad_h: pad, pad_w: pad, out_h: out(height), out_w: out(width))
  }

  var testDescription: String {
    "\(pool.height)x\(pool.width) by \(pool.kernel_h), stride \(pool.stride_h), pad \(pool.pad_h)"
  }

  static let all = [
    PoolCase(24, 24, kernel: 2, stride: 2), PoolCase(8, 8, kernel: 2, stride: 2),
    PoolCase(7, 9, kernel: 2, stride: 2), PoolCase(55, 55, kernel: 3, stride: 2),
    PoolCase(13, 13, kernel: 3, stride: 2), PoolCase(17, 35, kernel: 3, stride: 1, pad: 1),
    PoolCase(6, 6, kernel: 3, stride: 2, pad: 1), PoolCase(7, 7, kernel: 7, stride: 1),
    PoolCase(12, 5, kernel: 5, stride: 3, pad: 2), PoolCase(4, 40, kernel: 2, stride: 1),
    PoolCase(3, 3, kernel: 3, stride: 2), PoolCase(34, 34, kernel: 3, stride: 2, pad: 1),
    PoolCase(32, 32, kernel: 2, stride: 2, pad: 1),
  ]
}

@Suite("Kernels over planes")
struct KernelShapeTests {
  @Test("pooling equals the plain loops", arguments: PoolCase.all)
  func pooling(testCase: PoolCase) {
    var values = TestValues(seed: 4)
    var pool = testCase.pool
    let planes = 3
    let input = planes * pool.height * pool.width
    let output = planes * pool.out_h * pool.out_w
    // Few different values, so that windows have ties.
    var x = values.array(input).map { ($0 * 4).rounded() }
    x[0] = .nan
    x[input - 1] = -.infinity
    let dy = values.array(output)
    var y = dy
    var wanted = dy
    var mask = [Int32](repeating: 7, count: output)
    var wantedMask = mask
    nk_max_pool_forward(&y, &mask, x, &pool, planes)
    nk_max_pool_forward_reference(&wanted, &wantedMask, x, &pool, planes)
    #expect(mask == wantedMask)
    #expect(y == wanted)
    nk_max_pool_forward(&y, nil, x, &pool, planes)
    #expect(y == wanted)
    var dx = x
    var wantedGradient = x
    nk_max_pool_backward(&dx, dy, mask, &pool, planes)
    nk_max_pool_backward_reference(&wantedGradient, dy, mask, &pool, planes)
    #expect(dx == wantedGradient)

    x = values.array(input)
    nk_average_pool_forward(&y, x, &pool, planes)
    nk_average_pool_forward_reference(&wanted, x, &pool, planes)
    expectClose(y, wanted)
    nk_average_pool_backward(&dx, dy, &pool, planes)
    nk_average_pool_backward_reference(&wantedGradient, dy, &pool, planes)
    expectClose(dx, wantedGradient)
  }

  @Test("a window of NaN gives the lowest number and no index")
  func poolingNaN() {
    var pool = PoolCase(2, 2, kernel: 2, stride: 2).pool
    let x = [Float](repeating: .nan, count: 4)
    var y: [Float] = [0]
    var mask: [Int32] = [0]
    nk_max_pool_forward(&y, &mask, x, &pool, 1)
    #expect(y == [-.greatestFiniteMagnitude])
    #expect(mask == [-1])
    var dx = x
    nk_max_pool_backward(&dx, [5], mask, &pool, 1)
    #expect(dx == [0, 0, 0, 0])
  }

  @Test(
    "local response normalisation equals the plain loop",
    arguments: [
      (3, 5, 5, 0.75), (20, 129, 5, 0.75), (1, 64, 3, 0.5), (7, 17, 9, 1.0), (4, 9, 3, 0.6),
    ])
  func responseNormalisation(channels: Int, spatial: Int, size: Int, beta: Double) {
    var values = TestValues(seed: 5)
    var lrn = nk_lrn(
      channels: channels, spatial: spatial, size: size, alpha: 0.5, beta: Float(beta), k: 1.5)
    let count = channels * spatial
    let x = values.array(count, in: -3...3)
    let dy = values.array(count)
    var (y, scale, dx) = (x, x, x)
    var (wantedY, wantedScale, wantedGradient) = (x, x, x)
    nk_lrn_across_forward(&y, &scale, x, &lrn)
    nk_lrn_across_forward_reference(&wantedY, &wantedScale, x, &lrn)
    expectClose(y, wantedY)
    expectClose(scale, wantedScale)
    var scratch = [Float](repeating: .nan, count: nk_lrn_scratch(channels))
    nk_lrn_across_backward(&dx, dy, y, scale, x, &lrn, &scratch)
    nk_lrn_across_backward_reference(&wantedGradient, dy, y, scale, x, &lrn)
    expectClose(dx, wantedGradient, absolute: 3e-6)
  }

  @Test("normalisation within a channel has the gradient of its values")
  func normalisationWithin() {
    let (height, width) = (5, 6)
    let count = height * width
    var values = TestValues(seed: 6)
    var lrn = nk_lrn(channels: 1, spatial: 1, size: 3, alpha: 2, beta: 0.75, k: 9)
    var x = values.array(count, in: -2...2)
    let dy = values.array(count)
    var scratch = [Float](repeating: 0, count: 3 * count)
    var (y, scale, dx) = (x, x, x)
    nk_lrn_within_forward(&y, &scale, x, &lrn, height, width, &scratch)
    let corner = x[0] * x[0] + x[1] * x[1] + x[6] * x[6] + x[7] * x[7]
    expectClose([scale[0]], [1 + 2 * corner / 9])
    nk_lrn_within_backward(&dx, dy, y, scale, x, &lrn, height, width, &scratch)
    var probe = scale
    for index in [0, 7, count - 1] {
      func loss(_ step: Float) -> Double {
        x[index] += step
        defer { x[index] -= step }
        nk_lrn_within_forward(&y, &probe, x, &lrn, height, width, &scratch)
        return nk_dot_reference(y, dy, count)
      }
      let slope = (loss(0.01) - loss(-0.01)) / 0.02
      #expect(abs(slope - Double(dx[index])) < 1e-3)
    }
  }

  @Test("patches equal the plain gather, for any cut of the positions")
  func patches() {
    for (height, width, kernel, stride, pad, dilation) in [
      (7, 9, 3, 1, 1, 1), (12, 12, 5, 1, 0, 1), (11, 17, 3, 2, 1, 2), (5, 4, 3, 3, 2, 1),
      (3, 3, 1, 1, 0, 1), (4, 4, 4, 5, 6, 1),
    ] {
      func out(_ size: Int) -> Int { (size + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1 }
      var window = nk_window(
        channels: 2, height: height, width: width, kernel_h: kernel, kernel_w: kernel,
        stride_h: stride, stride_w: stride, pad_h: pad, pad_w: pad, dilation_h: dilation,
        dilation_w: dilation, out_h: out(height), out_w: out(width))
      let positions = out(height) * out(width)
      let rows = 2 * kernel * kernel
      var values = TestValues(seed: 7)
      let x = values.array(2 * height * width)
      var whole = values.array(rows * positions)
      nk_im2col_reference(&whole, positions, x, &window, 0, positions)
      var (dx, wanted) = (x, x)
      nk_col2im_add_reference(&wanted, whole, positions, &window, 0, positions)
      for cut in [1, 5, positions] {
        dx = x
        for start in Swift.stride(from: 0, to: positions, by: cut) {
          let end = min(start + cut, positions)
          var tile = [Float](repeating: .nan, count: rows * cut)
          nk_im2col(&tile, cut, x, &window, start, end)
          for row in 0..<rows {
            let got = tile[row * cut..<row * cut + end - start]
            #expect(got == whole[row * positions + start..<row * positions + end])
          }
          nk_col2im_add(&dx, tile, cut, &window, start, end)
        }
        expectClose(dx, wanted)
      }
    }
  }

  @Test("patches of any number of axes equal the two-dimensional ones")
  func patchesND() {
    var window = nk_window(
      channels: 2, height: 5, width: 6, kernel_h: 3, kernel_w: 2, stride_h: 2, stride_w: 1,
      pad_h: 1, pad_w: 0, dilation_h: 1, dilation_w: 2, out_h: 3, out_w: 4)
    var values = TestValues(seed: 8)
    let x = values.array(60)
    var (got, wanted) = (values.array(144), values.array(144))
    nk_im2col_reference(&wanted, 12, x, &window, 0, 12)
    var (dx, wantedImage) = (x, x)
    nk_col2im_add_reference(&wantedImage, wanted, 12, &window, 0, 12)
    // Shape, kernel, stride, pad, dilation, output.
    let sizes = [5, 6, 3, 2, 2, 1, 1, 0, 1, 2, 3, 4]
    sizes.withUnsafeBufferPointer { buffer in
      guard let p = buffer.baseAddress else { return }
      var any = nk_window_nd(
        channels: 2, axes: 2, shape: p, kernel: p + 2, stride: p + 4, pad: p + 6, dilation: p + 8,
        out: p + 10)
      nk_im2col_nd(&got, x, &any)
      nk_col2im_nd_add(&dx, got, &any)
    }
    #expect(got == wanted)
    expectClose(dx, wantedImage)
  }

  @Test("pixels are cropped, mirrored, centred and scaled")
  func transform() {
    let x = (0..<60).map { UInt8($0 * 4) }
    let means: [Float] = [1, 2]
    let image = (0..<60).map { Float($0) }
    for mirror: Int32 in [0, 1] {
      for useImage in [false, true] {
        means.withUnsafeBufferPointer { means in
          image.withUnsafeBufferPointer { image in
            var transform = nk_transform(
              channels: 2, height: 5, width: 6, crop_y: 1, crop_x: 2, crop_height: 3, crop_width: 3,
              scale: 0.5, mirror: mirror, mean_count: 2, mean_values: means.baseAddress,
              mean_image: useImage ? image.baseAddress : nil)
            var got = [Float](repeating: 0, count: 18)
            var (wanted, floats) = (got, got)
            nk_transform_bytes(&got, x, &transform)
            nk_transform_bytes_reference(&wanted, x, &transform)
            nk_transform_floats(&floats, x.map(Float.init), &transform)
            #expect(got == wanted)
            #expect(floats == wanted)
          }
        }
      }
    }
  }

  @Test("solver updates follow their formulas", arguments: awkwardSizes)
  func solverUpdates(count: Int) {
    var values = TestValues(seed: 9)
    let w = values.array(count)
    let g = values.array(count)
    let h = values.array(count, in: 0...1)
    let k = values.array(count, in: 0...1)
    var update = nk_update(
      gradient_scale: 0.5, l2: 0.1, l1: 0.01, rate: 0.2, momentum: 0.9, momentum2: 0.99,
      delta: 1e-3, rms_decay: 0.98, correction: 0.7)
    typealias Rule = (_ w: Float, _ g: Float, _ h: Float, _ k: Float) -> (Float, Float, Float)
    typealias Run = (inout [Float], inout [Float], inout [Float]) -> Void
    func check(_ name: String, _ rule: Rule, _ run: Run) {
      var (newW, newH, newK) = (w, h, k)
      run(&newW, &newH, &newK)
      let wanted = (0..<count).map { i in
        rule(w[i], 0.5 * g[i] + 0.1 * w[i] + 0.01 * (w[i] > 0 ? 1 : -1), h[i], k[i])
      }
      expectClose(newW, zip(w, wanted).map { $0 - $1.0 }, name)
      expectClose(newH, wanted.map(\.1), name)
      expectClose(newK, wanted.map(\.2), name)
    }
    check("SGD", { _, g, h, k in (0.9 * h + 0.2 * g, 0.9 * h + 0.2 * g, k) }) { w, h, _ in
      nk_sgd_update(&w, &h, g, &update, count)
    }
    check("Nesterov") { _, g, h, k in
      let new = 0.9 * h + 0.2 * g
      return (1.9 * new - 0.9 * h, new, k)
    } _: { w, h, _ in
      nk_nesterov_update(&w, &h, g, &update, count)
    }
    check("AdaGrad") { _, g, h, k in
      (0.2 * g / ((h + g * g).squareRoot() + 1e-3), h + g * g, k)
    } _: { w, h, _ in
      nk_adagrad_update(&w, &h, g, &update, count)
    }
    check("RMSProp") { _, g, h, k in
      let mean = 0.98 * h + 0.02 * g * g
      return (0.2 * g / (mean.squareRoot() + 1e-3), mean, k)
    } _: { w, h, _ in
      nk_rmsprop_update(&w, &h, g, &update, count)
    }
    check("AdaDelta") { _, g, h, k in
      let squares = 0.9 * h + 0.1 * g * g
      let step = g * ((k + 1e-3) / (squares + 1e-3)).squareRoot()
      return (0.2 * step, squares, 0.9 * k + 0.1 * step * step)
    } _: { w, h, k in
      nk_adadelta_update(&w, &h, &k, g, &update, count)
    }
    check("Adam") { _, g, h, k in
      let first = 0.9 * h + 0.1 * g
      let second = 0.99 * k + 0.01 * g * g
      return (0.2 * 0.7 * first / (second.squareRoot() + 1e-3), first, second)
    } _: { w, h, k in
      nk_adam_update(&w, &h, &k, g, &update, count)
    }
  }
}
