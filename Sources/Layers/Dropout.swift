import CKernels
import Compute
import Schema

/// Drops values at random while training, so that units cannot rely on each other.
///
///     TRAIN: y = x / (1 − ratio) or, with probability ratio, 0          TEST: y = x
///
/// Shapes: `y` as `x`. Gradient: dx = dy / (1 − ratio) or 0, as the value was kept or dropped.
///
/// What is dropped depends on the seed, the layer's name, the number of the pass and the value's place
/// alone, so a resumed run and any number of threads drop the same. May run in place.
final class Dropout: SampleLayer {
  static let reference = LayerReference(
    "Dropout", .common,
    summary: "Drops values at random while training, so that units cannot rely on each other.",
    formula:
      "TRAIN: y = x / (1 − dropout_ratio) or, with probability dropout_ratio, 0\nTEST: y = x",
    shapes: "y: as x",
    notes: "The same seed drops the same values, at any number of threads and after a resume.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "dropout_param",
        ["dropout_ratio": "The probability that a value is dropped; 0 or more and below 1."])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([3, 4, 2])]),
    LayerSample("dropout_param { dropout_ratio: 0.25 }", bottoms: [.uniform([5, 7])]),
    LayerSample("", bottoms: [.uniform([3, 4])], phase: .test),
  ]
  static var runsInPlace: Bool { true }

  private let ratio: Float
  private let drops: Bool
  private let seed: UInt64
  /// The number of the last pass; the first is 1.
  private var pass: UInt64 = 0
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("dropout_param")
    ratio = given.float("dropout_ratio")
    drops = spec.phase == .train
    seed = context.random(spec, "mask").key
    guard ratio >= 0, ratio < 1 else {
      throw spec.error(
        "dropout_ratio is \(ratio), but must be 0 or more and below 1",
        at: given.location("dropout_ratio"))
    }
  }

  var state: LayerState {
    get { drops ? LayerState(counters: [pass]) : LayerState() }
    set { pass = newValue.counters.first ?? 0 }
  }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = bottoms[0].leadingCount
    operations = drops ? bottoms[0].count : 0
    return bottoms
  }

  func beginForward(_ bottom: [Blob], _ top: [Blob]) throws {
    if drops { pass &+= 1 }
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    drop(top[0].values, bottom[0].values, bottom[0].part(samples, of: sampleCount))
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    drop(bottom[0].gradient, top[0].gradient, bottom[0].part(samples, of: sampleCount))
  }

  private func drop(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafeMutablePointer<Float>, _ part: Range<Int>
  ) {
    let start = part.lowerBound
    if drops {
      nk_dropout(y + start, x + start, ratio, seed, pass, UInt64(start), part.count)
    } else {
      nk_copy(y + start, x + start, part.count)
    }
  }
}
