import CKernels
import Compute
import Schema

/// Gives each image zero mean and unit deviation, by itself.
///
///     y = (x − mean) / (deviation + eps)          y = x − mean without normalize_variance
///
/// Shapes: `x` has one to four axes, `y` four, with ones behind. Mean and deviation are those of each
/// channel of each sample, or with across_channels of each sample.
///
/// Gradient: dx = (dy − mean dy − y · mean(dy · y)) / (deviation + eps), as if eps were part of the
/// deviation; dx = dy − mean dy without normalize_variance.
///
/// May run in place: the gradient needs nothing but `y`.
final class MVN: SampleLayer {
  static let reference = LayerReference(
    "MVN", .common,
    summary: "Gives each image zero mean and unit deviation, by itself.",
    formula: "y = (x − mean) / (deviation + eps)    (x − mean without normalize_variance)",
    shapes: "x: one to four axes; y: four, with ones behind",
    notes: "eps is added to the deviation, not to the variance, and the gradient treats it as if "
      + "it were part of the deviation, as Caffe does. May run in place; a blob of fewer than "
      + "four axes then keeps them.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "mvn_param",
        [
          "normalize_variance": "Whether to divide by the deviation.",
          "across_channels": "Whether the channels of a sample are normalised together.",
          "eps": "What keeps the divisor from zero.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([2, 3, 4, 2])]),
    LayerSample("mvn_param { across_channels: true }", bottoms: [.uniform([3, 2, 3, 2])]),
    LayerSample("mvn_param { normalize_variance: false }", bottoms: [.uniform([2, 3, 5])]),
    LayerSample(
      "mvn_param { normalize_variance: false across_channels: true }",
      bottoms: [.uniform([4, 5])]),
    LayerSample("mvn_param { eps: 0.0001 across_channels: true }", bottoms: [.uniform([3, 7])]),
  ]
  static var runsInPlace: Bool { true }

  private let spec: LayerSpec
  private let dividesByDeviation: Bool
  private let isAcross: Bool
  private let epsilon: Float
  private let deviations = Blob("deviations")
  private var rowsPerSample = 1
  private var rowSize = 1
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("mvn_param")
    self.spec = spec
    dividesByDeviation = given.bool("normalize_variance")
    isAcross = given.bool("across_channels")
    epsilon = given.float("eps")
    guard epsilon >= 0 else {
      throw spec.error("eps is \(epsilon), but must be 0 or more", at: given.location("eps"))
    }
  }

  var backwardReads: BackwardReads { .tops }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let bottom = bottoms[0]
    guard (1...4).contains(bottom.axes) else {
      throw spec.error(
        "takes one to four axes, but the bottom has \(bottom.axes) (\(bottom.display))",
        at: spec.message.location("bottom"), help: "bring them into four with Reshape before")
    }
    let top = bottom.dimensions + Array(repeating: 1, count: 4 - bottom.axes)
    sampleCount = top[0]
    rowsPerSample = isAcross ? 1 : top[1]
    rowSize = (isAcross ? top[1] : 1) * top[2] * top[3]
    deviations.reshape([sampleCount, rowsPerSample])
    operations = (dividesByDeviation ? 5 : 2) * bottom.count
    return [Shape(top)]
  }

  private func deviations(_ samples: Range<Int>) -> UnsafeMutablePointer<Float>? {
    dividesByDeviation ? deviations.values + samples.lowerBound * rowsPerSample : nil
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let start = samples.lowerBound * rowsPerSample * rowSize
    nk_mvn_forward(
      top[0].values + start, deviations(samples), bottom[0].values + start, epsilon,
      samples.count * rowsPerSample, rowSize)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let start = samples.lowerBound * rowsPerSample * rowSize
    nk_mvn_backward(
      bottom[0].gradient + start, top[0].gradient + start, top[0].values + start,
      deviations(samples), samples.count * rowsPerSample, rowSize)
  }
}
