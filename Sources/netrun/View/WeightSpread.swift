import Pictures
import Schema

/// The norm of a blob of weights, and how often its values occur.
struct WeightSpread {
  let layer: String
  let blob: Int
  let shape: [Int]
  /// The root of the sum of squares.
  let norm: Double
  /// How many values are no finite numbers; they count nothing.
  let notFinite: Int
  private let values: [Float]

  var count: Int { values.count }
  /// The root of the mean square.
  var typical: Double { values.isEmpty ? 0 : norm / Double(values.count).squareRoot() }

  /// All blobs of a file.
  static func all(in file: WeightFile) -> [WeightSpread] {
    file.layers.flatMap { layer in
      layer.blobs.enumerated().map { index, blob in
        let values = blob.floats()
        let sum = values.reduce(0.0) { $1.isFinite ? $0 + Double($1) * Double($1) : $0 }
        return WeightSpread(
          layer: layer.name, blob: index, shape: blob.shape, norm: sum.squareRoot(),
          notFinite: values.count { !$0.isFinite }, values: values)
      }
    }
  }

  static let columns: [Page.Column] = [
    .init("layer"), .init("blob", isNumber: true), .init("shape"), .init("norm", isNumber: true),
    .init("typical", isNumber: true), .init("not finite", isNumber: true),
  ]

  var cells: [String] {
    [
      layer, String(blob), WeightNumbers.shape(shape), Numbers.general(Float(norm)),
      Numbers.general(Float(typical)), Numbers.grouped(notFinite),
    ]
  }

  func histogram(bins: Int = 60) -> Histogram { Histogram(values, bins: bins) }

  func chart() -> SVG {
    BarChart(title: "\(layer), blob \(blob)", x: "value", histogram()).drawn()
  }

  var json: JSON {
    let histogram = histogram(bins: 40)
    return .members([
      "layer": .string(layer), "blob": .int(blob), "shape": .array(shape.map { .int($0) }),
      "norm": .double(norm), "rms": .double(typical),
      "not_finite": .int(notFinite),
      "histogram": .members([
        "low": .double(histogram.low), "high": .double(histogram.high),
        "counts": .array(histogram.counts.map { .int($0) }),
      ]),
    ])
  }
}
