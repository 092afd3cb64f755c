import CKernels
import Testing

@Suite("Kernels of minimal filtering")
struct KernelWinogradTests {
  /// Borders that tiles of 2 × 2 and 4 × 4 do not divide, pads, single channels, and more tiles than
  /// a block holds.
  static let all: [ConvolutionCase] =
    [3, 5].flatMap { taps in
      (0...2).flatMap { pad in
        (5...11).map { size in
          ConvolutionCase(
            3, size, 14 - size, outputs: 7, kernel: (taps, taps), pad: (pad, 2 - pad))
        }
      }
    }
    .filter { $0.window.out_h > 0 && $0.window.out_w > 0 } + [
      ConvolutionCase(1, 5, 5, outputs: 1, kernel: (5, 5)),
      ConvolutionCase(1, 1, 1, outputs: 2, kernel: (3, 3), pad: (1, 1)),
      ConvolutionCase(1, 28, 28, outputs: 20, kernel: (5, 5)),
      ConvolutionCase(20, 12, 12, outputs: 50, kernel: (5, 5)),
      ConvolutionCase(4, 14, 14, outputs: 13, kernel: (5, 5), pad: (2, 2)),
      ConvolutionCase(70, 7, 7, outputs: 65, kernel: (3, 3), pad: (1, 1)),
      ConvolutionCase(300, 6, 6, outputs: 2, kernel: (3, 3), pad: (1, 1)),
      ConvolutionCase(2, 9, 600, outputs: 3, kernel: (5, 5), pad: (2, 2)),
      ConvolutionCase(3, 50, 41, outputs: 14, kernel: (3, 3), pad: (4, 3)),
    ]

  /// What rounding may do to a sum of `terms` products of values in -1...1.
  private func tolerance(_ terms: Int) -> Float { 3e-6 * Float(terms).squareRoot() }

  @Test("which windows it takes")
  func fits() {
    func fits(_ kernel: (Int, Int), _ stride: (Int, Int), _ dilation: (Int, Int)) -> Bool {
      var w = ConvolutionCase(
        1, 20, 20, outputs: 1, kernel: kernel, stride: stride, dilation: dilation
      ).window
      return nk_winograd_fits(&w) != 0
    }
    #expect(fits((3, 3), (1, 1), (1, 1)))
    #expect(fits((5, 5), (1, 1), (1, 1)))
    #expect(!fits((3, 5), (1, 1), (1, 1)))
    #expect(!fits((4, 4), (1, 1), (1, 1)))
    #expect(!fits((3, 3), (1, 2), (1, 1)))
    #expect(!fits((5, 5), (1, 1), (2, 1)))
  }

  @Test("forward equals the plain loop, for any number of samples", arguments: all)
  func forward(testCase: ConvolutionCase) {
    let work = WinogradWork(testCase)
    var plan = work.plan
    for count in 1...work.samples {
      var scratch = work.scratch
      for (bias, slope) in [(nil, 1), (work.bias, 0), (work.bias, 0.25)] as [([Float]?, Float)] {
        var y = [Float](repeating: 7, count: work.dy.count)
        var wanted = y
        nk_winograd_forward(
          &y, work.x, work.packed, bias, slope, &plan, count, work.yStride, work.xStride,
          &scratch)
        for sample in 0..<count {
          work.x.withUnsafeBufferPointer { x in
            wanted.withUnsafeMutableBufferPointer { wanted in
              guard let x = x.baseAddress, let wanted = wanted.baseAddress else { return }
              nk_conv2d_forward_reference(
                wanted + sample * work.yStride, x + sample * work.xStride, work.weights, bias,
                slope, &plan)
            }
          }
        }
        expectClose(y, wanted, relative: 1e-5, absolute: tolerance(work.depth))
      }
      #expect(scratch.last == 77)
    }
  }

  @Test("both gradients equal the plain loops, together and alone", arguments: all)
  func backward(testCase: ConvolutionCase) {
    let work = WinogradWork(testCase)
    var plan = work.plan
    for count in [1, work.samples] {
      var (dx, dw) = ([Float](repeating: 7, count: work.x.count), work.weights)
      var (wantedX, wantedW) = (dx, dw)
      for sample in 0..<count {
        work.dy.withUnsafeBufferPointer { dy in
          wantedX.withUnsafeMutableBufferPointer { wanted in
            guard let dy = dy.baseAddress, let wanted = wanted.baseAddress else { return }
            nk_conv2d_data_gradient_reference(
              wanted + sample * work.xStride, dy + sample * work.yStride, work.weights, &plan)
          }
        }
      }
      nk_conv2d_weight_gradient_reference(
        &wantedW, work.dy, work.x, &plan, count, work.yStride, work.xStride)
      var scratch = work.scratch
      nk_winograd_backward(
        &dx, &dw, work.dy, work.x, work.packedBackward, &plan, count, work.yStride, work.xStride,
        &scratch)
      let taps = testCase.window.kernel_h * testCase.window.kernel_w
      let places = count * testCase.window.out_h * testCase.window.out_w
      expectClose(
        dx, wantedX, relative: 1e-5, absolute: tolerance(taps * testCase.outputs), "dx")
      expectClose(dw, wantedW, relative: 1e-5, absolute: tolerance(places), "dw")
      #expect(scratch.last == 77)

      var alone = [Float](repeating: 7, count: work.x.count)
      nk_winograd_backward(
        &alone, nil, work.dy, nil, work.packedBackward, &plan, count, work.yStride, work.xStride,
        &scratch)
      #expect(alone == dx)
      alone = work.weights
      nk_winograd_backward(
        nil, &alone, work.dy, work.x, nil, &plan, count, work.yStride, work.xStride, &scratch)
      #expect(alone == dw)
    }
  }

  @Test("the error stays near that of plain single precision")
  func accuracy() {
    for (channels, taps) in [(20, 5), (64, 3), (512, 3)] {
      let work = WinogradWork(
        ConvolutionCase(channels, 8, 8, outputs: 4, kernel: (taps, taps)), samples: 1)
      var plan = work.plan
      var scratch = work.scratch
      var y = [Float](repeating: 0, count: work.dy.count)
      nk_winograd_forward(
        &y, work.x, work.packed, nil, 1, &plan, 1, work.yStride, work.xStride, &scratch)
      let out = 9 - taps
      var (worst, largest) = (0.0, 0.0)
      for at in 0..<4 * out * out {
        var sum = 0.0
        for k in 0..<work.depth {
          let (c, ky, kx) = (k / (taps * taps), k / taps % taps, k % taps)
          let pixel = (c * 8 + at / out % out + ky) * 8 + at % out + kx
          sum += Double(work.weights[at / (out * out) * work.depth + k]) * Double(work.x[pixel])
        }
        worst = max(worst, abs(sum - Double(y[at])))
        largest = max(largest, abs(sum))
      }
      #expect(worst < 2.5e-6 * largest, "\(channels) channels: \(worst / largest)")
    }
  }
}

/// The values and memory of one test.
private struct WinogradWork {
  let plan: nk_conv2d
  let samples: Int
  let xStride: Int
  let yStride: Int
  let depth: Int
  let weights: [Float]
  let bias: [Float]
  let x: [Float]
  let dy: [Float]
  let packed: [Float]
  let packedBackward: [Float]
  /// Not a number, to show what is read before it is written, and a last value to be left alone.
  let scratch: [Float]

  init(_ testCase: ConvolutionCase, samples: Int = 3) {
    var w = testCase.window
    var plan = nk_conv2d_plan(&w, testCase.outputs)
    self.samples = samples
    xStride = w.channels * w.height * w.width + 3
    yStride = testCase.outputs * w.out_h * w.out_w + 5
    depth = w.channels * w.kernel_h * w.kernel_w
    var values = TestValues(seed: 31)
    weights = values.array(testCase.outputs * depth)
    bias = values.array(testCase.outputs)
    x = values.array(samples * xStride)
    dy = values.array(samples * yStride)
    var packed = [Float](repeating: .nan, count: nk_winograd_packed_size(&plan))
    nk_winograd_pack(&packed, weights, &plan)
    self.packed = packed
    nk_winograd_pack_backward(&packed, weights, &plan)
    packedBackward = packed
    scratch = Array(repeating: .nan, count: nk_winograd_scratch(&plan, samples)) + [77]
    self.plan = plan
  }
}
