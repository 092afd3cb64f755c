import Compute

extension Pooling {
  static let samples = [
    sample("kernel_size: 2 stride: 2", [2, 3, 4, 6]),
    sample("kernel_size: 3 stride: 2", [2, 2, 6, 7]),
    sample("kernel_size: 3", [1, 2, 5, 5]),
    sample("kernel_h: 2 kernel_w: 4 stride_h: 1 stride_w: 3 pad_h: 1 pad_w: 2", [2, 2, 5, 7]),
    sample("kernel_size: 3 stride: 2 pad: 1 round_mode: FLOOR", [2, 2, 6, 6]),
    sample("kernel_size: 2 stride: 2", [2, 2, 5, 4], tops: 2),
    sample("global_pooling: true", [2, 3, 4, 3]),
    sample("kernel_size: 1 stride: 3 round_mode: FLOOR", [1, 2, 5, 5]),
    sample("pool: AVE kernel_size: 2 stride: 2", [2, 3, 4, 6]),
    sample("pool: AVE kernel_size: 3 stride: 2 pad: 1", [2, 2, 6, 7]),
    sample("pool: AVE kernel_size: 3 round_mode: FLOOR", [1, 2, 5, 6]),
    sample(
      "pool: AVE kernel_h: 4 kernel_w: 2 stride_h: 2 stride_w: 3 pad_h: 2 pad_w: 0", [1, 2, 7, 8]),
    sample("pool: AVE global_pooling: true", [3, 2, 4, 5]),
    LayerSample(
      "pooling_param { pool: STOCHASTIC kernel_size: 3 stride: 2 }",
      bottoms: [.range([2, 2, 5, 6], 0...1)], hasGradient: false),
    LayerSample(
      "pooling_param { pool: STOCHASTIC kernel_size: 2 }",
      bottoms: [.range([2, 2, 4, 5], 0.2...1)], phase: .test),
  ]

  /// A sample whose values are all at least 0.05 apart, so that no small step changes a maximum.
  private static func sample(_ fields: String, _ shape: Shape, tops: Int = 1) -> LayerSample {
    let count = shape.count
    // Multiplying by a number without a common factor visits each place once.
    let step = [61, 53, 59].first { count % $0 != 0 } ?? 1
    let values = (0..<count).map { Float($0 * step % count - count / 2) * 0.05 }
    return LayerSample(
      "pooling_param { \(fields) }", bottoms: [.values(shape, values)], tops: tops)
  }
}
