import CKernels
import Compute
import Prototxt
import Schema

/// The sum of magnitudes of differences, of FlowNet.
///
///     loss = Σ |a − b| / N          with l2_per_location     Σ √(Σ_c (a − b)² + epsilon) / N
///
/// Values that are NaN, in FlowNet places whose flow is not known, count nothing and get no gradient.
/// Differences below `plateau` count nothing either.
///
/// Shapes: `a` and `b` are alike, N × C × any axes; `b` may be left out and is 0 then; `loss` is a scalar.
/// Gradient: da = loss weight / N · sign(a − b), or (a − b) / √…; db = −da.
final class L1Loss: SampleLayer {
  static let reference = LayerReference(
    "L1Loss", .loss,
    summary: "The sum of magnitudes of differences.",
    formula: "loss = Σ |a − b| / N\nl2_per_location: loss = Σ √(Σ_c (a − b)² + epsilon) / N",
    shapes: "a, b: alike, N × C × any axes; loss: scalar",
    notes: "Of FlowNet. The second bottom may be left out and is 0 then. Differences that are NaN "
      + "count nothing and get no gradient. The gradient at 0 is 0; FlowNet's is −1 there.",
    arity: Arity(1...2, 1...1, automaticTop: true),
    parameters: [
      ParameterTable(
        "l1_loss_param",
        [
          "l2_per_location": "Whether the length of the difference over the channels is summed.",
          "l2_prescale_by_channels": "Whether the sum of squares is divided by the channels.",
          "normalize_by_num_entries": "Whether the loss is divided by the number of values that "
            + "are not NaN over the channels, instead of by N.",
          "epsilon": "Added below the root.",
          "plateau": "Differences, or lengths, below it count nothing.",
        ])
    ], isExtension: true)
  static let samples = [
    LayerSample("", bottoms: [.range([4, 3], 0.1...1), .range([4, 3], -1...0)]),
    LayerSample("loss_weight: 2", bottoms: [.uniform([3, 2, 2])], kinks: [0]),
    LayerSample(
      "l1_loss_param { l2_per_location: true epsilon: 0.1 }",
      bottoms: [.uniform([2, 3, 2, 2]), .uniform([2, 3, 2, 2])]),
    LayerSample(
      "l1_loss_param { l2_per_location: true l2_prescale_by_channels: true plateau: 0.2 "
        + "normalize_by_num_entries: true epsilon: 0.01 }",
      bottoms: [.range([2, 2, 3], 0.6...1.5), .range([2, 2, 3], -1...0)]),
    LayerSample(
      "l1_loss_param { plateau: 0.3 normalize_by_num_entries: true }",
      bottoms: [.values([2, 3], [0.1, -0.2, 0.5, -0.6, 1, -2])]),
  ]

  private let spec: LayerSpec
  private let isLength: Bool
  private let isPrescaled: Bool
  private let countsEntries: Bool
  private let epsilon: Float
  private let plateau: Float
  private let sums = LossSums()
  private var channels = 1
  private var inner = 1
  private var divisor = 1.0
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("l1_loss_param")
    self.spec = spec
    isLength = given.bool("l2_per_location")
    isPrescaled = given.bool("l2_prescale_by_channels")
    countsEntries = given.bool("normalize_by_num_entries")
    epsilon = given.float("epsilon")
    plateau = given.float("plateau")
    for field in ["epsilon", "plateau"] where !(given.float(field) >= 0) {
      throw spec.error(
        "\(field) is \(given.float(field)), but must be 0 or more", at: given.location(field))
    }
  }

  var backwardReads: BackwardReads { .bottoms }

  var touchesWholeBatch: Bool { true }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let shape = bottoms[0]
    if bottoms.count > 1 { try spec.requireEqual(bottoms, 1, to: 0) }
    guard shape.axes > 0 else {
      throw spec.error("needs a bottom with samples along its first axis")
    }
    sampleCount = shape[0]
    channels = shape.axes > 1 ? shape[1] : 1
    inner = shape.axes > 1 ? shape.count(from: 2) : 1
    sums.reserve(sampleCount)
    return [.scalar]
  }

  var operations: Int { 4 * sampleCount * channels * inner }

  private var factor: Float { isPrescaled ? 1 / Float(max(1, channels)) : 1 }

  private func target(_ bottom: [Blob], _ start: Int) -> UnsafePointer<Float>? {
    bottom.count > 1 ? UnsafePointer(bottom[1].values + start) : nil
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    for sample in samples {
      let start = sample * channels * inner
      let x = bottom[0].values + start
      var counted = 0
      let loss =
        isLength
        ? nk_l2_loss_forward(
          x, target(bottom, start), factor, epsilon, plateau, channels, inner, &counted)
        : nk_l1_loss_forward(x, target(bottom, start), plateau, channels * inner, &counted)
      sums[sample] = .init(loss: loss, counted: counted, badLabel: -1)
    }
  }

  func endForward(_ bottom: [Blob], _ top: [Blob]) throws {
    let total = sums.total
    let entries = Double(total.counted) / Double(max(1, channels))
    divisor = countsEntries ? (entries > 0 ? entries : 1) : Double(max(1, sampleCount))
    top[0].values[0] = Float(total.loss / divisor)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let weight = Float(Double(top[0].gradient[0]) / divisor)
    for index in bottom.indices where pass.propagate[index] {
      let scale = index == 0 ? weight : -weight
      for sample in samples {
        let start = sample * channels * inner
        let (dx, x) = (bottom[index].gradient + start, bottom[0].values + start)
        if isLength {
          nk_l2_loss_backward(
            dx, x, target(bottom, start), factor, epsilon, plateau, scale, channels, inner)
        } else {
          nk_l1_loss_backward(
            dx, x, target(bottom, start), plateau, scale, channels * inner)
        }
      }
    }
  }
}
