import Compute

extension Convolution {
  static let samples = [
    sample("num_output: 3 kernel_size: 3", [2, 2, 5, 6]),
    sample("num_output: 4 kernel_size: 3 pad: 1 stride: 2 bias_term: false", [3, 3, 7, 5]),
    sample("num_output: 3 kernel_h: 2 kernel_w: 3 stride_h: 1 stride_w: 2 pad_h: 1", [2, 2, 5, 7]),
    sample("num_output: 2 kernel_size: 3 kernel_size: 2 dilation: 2 dilation: 3", [1, 2, 6, 7]),
    sample("num_output: 4 kernel_size: 3 pad: 1 group: 2", [2, 6, 4, 5]),
    sample("num_output: 4 kernel_size: 2 group: 4", [2, 4, 4, 3]),
    sample("num_output: 5 kernel_size: 1", [2, 3, 4, 4]),
    sample("num_output: 4 kernel_size: 1 stride: 2 group: 2", [2, 4, 5, 4]),
    sample("num_output: 4 kernel_h: 3 kernel_w: 4 group: 2", [5, 4, 3, 4]),
    sample("num_output: 3", [4, 5]),
    sample("num_output: 3 kernel_size: 3 stride: 2 pad: 1 dilation: 2", [2, 2, 9]),
    sample("num_output: 2 kernel_size: 2 stride: 1 pad: 1", [2, 2, 3, 2, 3]),
    sample("num_output: 4 kernel_size: 2 dilation: 2 group: 2 bias_term: false", [2, 2, 3, 3, 4]),
    sample("num_output: 3 kernel_size: 1", [2, 2, 2, 3, 2]),
    sample("num_output: 3 kernel_size: 2 axis: 2", [2, 2, 2, 3, 4]),
    sample("num_output: 2 kernel_size: 2 axis: -3 force_nd_im2col: true", [2, 3, 4, 3]),
    sample("num_output: 2 kernel_size: 2 axis: 0", [3, 4, 3]),
    sample("num_output: 3 kernel_size: 3 pad: 1", [2, 2, 4, 3], bottoms: 2),
    sample("num_output: 2 kernel_size: 2", [2, 2, 2, 3, 2], bottoms: 3),
    // Large enough for minimal filtering, with sums as small as those of the others.
    sample("num_output: 12 kernel_size: 3 pad: 1", [2, 12, 16, 16], deviation: 0.1),
  ]

  private static func sample(
    _ fields: String, _ shape: Shape, bottoms: Int = 1, deviation: Double = 0.4
  ) -> LayerSample {
    LayerSample(
      "convolution_param { \(fields) weight_filler { type: 'gaussian' std: \(deviation) }"
        + " bias_filler { type: 'uniform' min: -0.5 max: 0.5 } }",
      bottoms: Array(repeating: .uniform(shape), count: bottoms), tops: bottoms)
  }
}
