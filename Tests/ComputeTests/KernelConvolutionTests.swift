import CKernels
import Testing

/// A convolution to test.
struct ConvolutionCase: CustomTestStringConvertible {
  var window: nk_window
  var outputs: Int

  init(
    _ channels: Int, _ height: Int, _ width: Int, outputs: Int, kernel: (Int, Int),
    stride: (Int, Int) = (1, 1), pad: (Int, Int) = (0, 0), dilation: (Int, Int) = (1, 1)
  ) {
    func out(_ size: Int, _ kernel: Int, _ stride: Int, _ pad: Int, _ dilation: Int) -> Int {
      (size + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1
    }
    self.outputs = outputs
    window = nk_window(
      channels: channels, height: height, width: width, kernel_h: kernel.0, kernel_w: kernel.1,
      stride_h: stride.0, stride_w: stride.1, pad_h: pad.0, pad_w: pad.1, dilation_h: dilation.0,
      dilation_w: dilation.1, out_h: out(height, kernel.0, stride.0, pad.0, dilation.0),
      out_w: out(width, kernel.1, stride.1, pad.1, dilation.1))
  }

  var testDescription: String {
    let w = window
    return "\(w.channels)x\(w.height)x\(w.width) to \(outputs) by \(w.kernel_h)x\(w.kernel_w), "
      + "stride \(w.stride_h) \(w.stride_w), pad \(w.pad_h) \(w.pad_w), "
      + "dilation \(w.dilation_h) \(w.dilation_w)"
  }

  static let all = [
    ConvolutionCase(1, 28, 28, outputs: 20, kernel: (5, 5)),
    ConvolutionCase(20, 12, 12, outputs: 50, kernel: (5, 5)),
    ConvolutionCase(4, 14, 14, outputs: 7, kernel: (5, 5), pad: (2, 2)),
    ConvolutionCase(3, 23, 23, outputs: 9, kernel: (11, 11), stride: (4, 4)),
    ConvolutionCase(5, 13, 13, outputs: 64, kernel: (3, 3), pad: (1, 1)),
    ConvolutionCase(70, 7, 7, outputs: 65, kernel: (3, 3), pad: (1, 1)),
    ConvolutionCase(3, 15, 16, outputs: 13, kernel: (7, 7), stride: (2, 2), pad: (3, 3)),
    ConvolutionCase(17, 9, 9, outputs: 33, kernel: (1, 1)),
    ConvolutionCase(600, 4, 4, outputs: 16, kernel: (1, 1)),
    ConvolutionCase(6, 8, 9, outputs: 5, kernel: (1, 1), stride: (2, 2)),
    ConvolutionCase(2, 12, 17, outputs: 3, kernel: (3, 2), stride: (1, 2), pad: (0, 1)),
    ConvolutionCase(2, 16, 11, outputs: 3, kernel: (2, 3), stride: (3, 1), pad: (1, 0)),
    ConvolutionCase(3, 19, 18, outputs: 6, kernel: (3, 3), pad: (2, 3), dilation: (2, 3)),
    ConvolutionCase(2, 20, 20, outputs: 4, kernel: (3, 3), stride: (2, 3), dilation: (3, 2)),
    ConvolutionCase(1, 3, 3, outputs: 1, kernel: (3, 3)),
    ConvolutionCase(1, 1, 1, outputs: 2, kernel: (3, 3), pad: (1, 1)),
    ConvolutionCase(2, 2, 40, outputs: 3, kernel: (1, 5), pad: (3, 6)),
    ConvolutionCase(300, 40, 40, outputs: 2, kernel: (3, 3), pad: (1, 1)),
    ConvolutionCase(30, 6, 400, outputs: 2, kernel: (5, 5), pad: (2, 2)),
  ]
}

@Suite("Kernels of convolution")
struct KernelConvolutionTests {
  @Test("forward equals the plain loop", arguments: ConvolutionCase.all)
  func forward(testCase: ConvolutionCase) {
    var w = testCase.window
    let (weights, x) = sample(testCase)
    var plan = nk_conv2d_plan(&w, testCase.outputs)
    let count = testCase.outputs * w.out_h * w.out_w
    var packed = [Float](repeating: .nan, count: nk_conv2d_packed_size(&plan))
    nk_conv2d_pack(&packed, weights, &plan)
    var scratch = [Float](repeating: .nan, count: nk_conv2d_scratch(&plan))
    var values = TestValues(seed: 12)
    let bias = values.array(testCase.outputs)
    let tolerance = 1e-6 * Float(weights.count / testCase.outputs).squareRoot()
    for (bias, slope) in [(nil, 1), (bias, 0), (bias, 0.25)] as [([Float]?, Float)] {
      var y = [Float](repeating: .nan, count: count + 1)
      var wanted = y
      nk_conv2d_forward(&y, x, packed, bias, slope, &plan, &scratch)
      nk_conv2d_forward_reference(&wanted, x, weights, bias, slope, &plan)
      expectClose(y, wanted, relative: 1e-5, absolute: tolerance)
    }
  }

  @Test("the data gradient equals the plain loop", arguments: ConvolutionCase.all)
  func dataGradient(testCase: ConvolutionCase) {
    var w = testCase.window
    let (weights, x) = sample(testCase)
    var plan = nk_conv2d_plan(&w, testCase.outputs)
    var values = TestValues(seed: 13)
    let dy = values.array(testCase.outputs * w.out_h * w.out_w)
    var packed = [Float](repeating: .nan, count: nk_conv2d_packed_size(&plan))
    nk_conv2d_pack_backward(&packed, weights, &plan)
    var scratch = [Float](repeating: .nan, count: nk_conv2d_data_gradient_scratch(&plan))
    var dx = [Float](repeating: .nan, count: x.count + 1)
    var wanted = dx
    nk_conv2d_data_gradient(&dx, dy, packed, &plan, &scratch)
    nk_conv2d_data_gradient_reference(&wanted, dy, weights, &plan)
    expectClose(dx, wanted, relative: 1e-5, absolute: 3e-5)
  }

  @Test("the weight gradient equals the plain loop and adds", arguments: ConvolutionCase.all)
  func weightGradient(testCase: ConvolutionCase) {
    var w = testCase.window
    let (weights, _) = sample(testCase)
    var plan = nk_conv2d_plan(&w, testCase.outputs)
    var values = TestValues(seed: 14)
    for samples in [1, 3] {
      let inputs = w.channels * w.height * w.width + 3
      let outputs = testCase.outputs * w.out_h * w.out_w + 5
      let x = values.array(samples * inputs)
      let dy = values.array(samples * outputs)
      let need = nk_conv2d_weight_gradient_scratch(&plan, samples)
      var scratch = [Float](repeating: .nan, count: need)
      var dw = weights
      var wanted = weights
      nk_conv2d_weight_gradient(&dw, dy, x, &plan, samples, outputs, inputs, &scratch)
      nk_conv2d_weight_gradient_reference(&wanted, dy, x, &plan, samples, outputs, inputs)
      let tolerance = 1e-6 * Float(samples * outputs).squareRoot()
      expectClose(dw, wanted, relative: 1e-5, absolute: tolerance)
    }
  }

  /// Weights and an image of a case.
  private func sample(_ testCase: ConvolutionCase) -> ([Float], [Float]) {
    let w = testCase.window
    var values = TestValues(seed: 11)
    let weights = values.array(testCase.outputs * w.channels * w.kernel_h * w.kernel_w)
    return (weights, values.array(w.channels * w.height * w.width))
  }

  @Test("transposition equals the plain loop")
  func transposition() {
    for (rows, columns) in [(1, 1), (16, 16), (17, 33), (50, 64), (8, 129), (3, 5)] {
      var values = TestValues(seed: 15)
      let x = values.array(rows * (columns + 2))
      var y = [Float](repeating: 0, count: columns * (rows + 3))
      var wanted = y
      nk_transpose(&y, rows + 3, x, columns + 2, rows, columns)
      nk_transpose_reference(&wanted, rows + 3, x, columns + 2, rows, columns)
      #expect(y == wanted)
    }
  }
}
