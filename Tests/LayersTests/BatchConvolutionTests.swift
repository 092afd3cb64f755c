import CKernels
import Compute
import Testing

@testable import Layers

@Suite("Convolution of a whole batch")
struct BatchConvolutionTests {
  enum Way: CaseIterable {
    case filtering, bands, planar, product, pieces

    func make(_ shape: BatchConvolutionShape) -> any BatchConvolution {
      switch self {
      case .filtering: BatchFiltering(shape)
      case .bands: BatchBands(shape)
      case .planar: BatchPlanar(shape)
      case .product: BatchProduct(shape)
      // Less room than an image needs, so that it is taken some places at a time.
      case .pieces: BatchProduct(shape, room: 1000)
      }
    }
  }

  private static func naive(
    samples: Int, groups: Int = 1, channels: Int, outputs: Int, input: [Int], kernel: Int,
    stride: Int = 1, pad: Int = 0, dilation: Int = 1
  ) -> NaiveConvolution {
    var naive = NaiveConvolution(seed: 0)
    (naive.samples, naive.groups) = (samples, groups)
    (naive.channels, naive.outputs, naive.input) = (channels, outputs, input)
    (naive.kernel, naive.stride) = ([kernel, kernel], [stride, stride])
    (naive.pad, naive.dilation) = ([pad, pad], [dilation, dilation])
    return naive
  }

  /// Tiles that do not divide the image, several blocks of samples, several bands, groups, strides.
  private static let filtered = [
    naive(samples: 3, channels: 5, outputs: 7, input: [15, 13], kernel: 3, pad: 1),
    naive(samples: 9, groups: 2, channels: 6, outputs: 8, input: [7, 9], kernel: 3, pad: 2),
    naive(samples: 1, channels: 2, outputs: 5, input: [41, 50], kernel: 3),
    naive(samples: 2, channels: 3, outputs: 5, input: [11, 10], kernel: 5, pad: 2),
  ]
  private static let others = [
    naive(samples: 2, channels: 19, outputs: 53, input: [7, 7], kernel: 1),
    naive(samples: 3, groups: 2, channels: 20, outputs: 52, input: [9, 7], kernel: 1, stride: 2),
    naive(samples: 1, groups: 30, channels: 30, outputs: 30, input: [9, 9], kernel: 3, pad: 1),
    naive(
      samples: 2, groups: 3, channels: 9, outputs: 24, input: [12, 11], kernel: 4, stride: 3,
      pad: 2, dilation: 2),
  ]

  @Test("Each way equals plain loops", arguments: Way.allCases)
  func equalsPlainLoops(way: Way) throws {
    let cases = Self.filtered + (way == .filtering || way == .bands ? [] : Self.others)
    for naive in cases { try compare(naive, way, Workers(count: 3)) }
  }

  private func values(_ count: Int, _ seed: UInt64) -> [Float] {
    var random = RandomStream(seed: seed, purpose: "values")
    return (0..<count).map { _ in Float(2 * random.unit() - 1) }
  }

  private func compare(_ naive: NaiveConvolution, _ way: Way, _ workers: Workers) throws {
    let places = naive.output.reduce(1, *)
    let (yCount, xCount) = (naive.samples * naive.outputs * places, xCount(naive))
    let taps = naive.kernel.reduce(1, *)
    let wCount = naive.outputs * naive.channels / naive.groups * taps
    let (x, w, dy) = (values(xCount, 1), values(wCount, 2), values(yCount, 3))
    let bias = values(naive.outputs, 4)

    let batch = way.make(shape(naive))
    workers.reserveWorkspace(max(batch.forwardWorkspace, batch.backwardWorkspace))
    workers.reserveScratch(batch.scratchCount)
    let (y, dx, dw) = (Blob(shape: [yCount]), Blob(shape: [xCount]), Blob(shape: [wCount]))
    // What was there is written over, but for the weights' gradient, which adds up.
    y.assign(dy)
    dx.assign(x)
    dw.assign([Float](repeating: 0.5, count: wCount))
    let packed = Blob(shape: [batch.packedCount])
    if batch.packedCount > 0 { batch.pack(packed.values, w, workers: workers) }
    batch.forward(
      y.values, x, weights: w, packed: batch.packedCount > 0 ? packed.reading : nil, bias: bias,
      slope: 0.25, workers: workers)
    batch.backward(dx.values, dw.values, dy, x, weights: w, workers: workers)

    var wantedY = (0..<yCount).map { Double(bias[$0 / places % naive.outputs]) }
    var wantedX = [Double](repeating: 0, count: xCount)
    var wantedW = [Double](repeating: 0.5, count: wCount)
    naive.forEachProduct { yAt, xAt, wAt in
      wantedY[yAt] += Double(x[xAt]) * Double(w[wAt])
      wantedX[xAt] += Double(dy[yAt]) * Double(w[wAt])
      wantedW[wAt] += Double(dy[yAt]) * Double(x[xAt])
    }
    expectClose(y.array, wantedY.map { $0 < 0 ? 0.25 * $0 : $0 }, "\(way): y of \(naive)")
    expectClose(dx.array, wantedX, "\(way): dx of \(naive)")
    expectClose(dw.array, wantedW, "\(way): dw of \(naive)")
  }

  private func xCount(_ naive: NaiveConvolution) -> Int {
    naive.samples * naive.channels * naive.input.reduce(1, *)
  }

  private func shape(_ naive: NaiveConvolution) -> BatchConvolutionShape {
    var window = nk_window()
    window.channels = naive.channels / naive.groups
    (window.height, window.width) = (naive.input[0], naive.input[1])
    (window.out_h, window.out_w) = (naive.output[0], naive.output[1])
    (window.kernel_h, window.kernel_w) = (naive.kernel[0], naive.kernel[1])
    (window.stride_h, window.stride_w) = (naive.stride[0], naive.stride[1])
    (window.pad_h, window.pad_w) = (naive.pad[0], naive.pad[1])
    (window.dilation_h, window.dilation_w) = (naive.dilation[0], naive.dilation[1])
    return BatchConvolutionShape(
      plan: nk_conv2d_plan(&window, naive.outputs / naive.groups), groups: naive.groups,
      samples: naive.samples)
  }

  private func expectClose(_ got: [Float], _ want: [Double], _ what: String) {
    let limit = 2e-5 * max(0.05, want.map(abs).max() ?? 0)
    let worst = zip(got, want).map { abs(Double($0) - $1) }.max() ?? 0
    #expect(worst <= limit, "\(what): \(worst)")
  }
}
