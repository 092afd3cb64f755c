import Compute
import Schema

/// Holds blobs that are set from outside: the inputs of a net.
///
/// Each top takes its shape from `input_param`; one shape serves all tops. The tops' shapes may be
/// changed later, and the values stay as they were set.
final class Input: InputLayer {
  static let reference = LayerReference(
    "Input", .data,
    summary: "Holds blobs that are set from outside: the inputs of a net.",
    formula: "top = what was set", shapes: "tops: as `shape` says",
    arity: Arity(0...0, 1...Arity.unlimited),
    parameters: [
      ParameterTable(
        "input_param",
        ["shape": "The shape of each top, or one for all; without any, it is set from outside."])
    ])
  static let samples = [
    LayerSample("input_param { shape { dim: 2 dim: 3 } }", bottoms: [], hasGradient: false)
  ]

  private let shapes: [Shape]

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let parameters = spec.parameters("input_param")
    let count = spec.tops.count
    let given = parameters.messages("shape")
    guard [0, 1, count].contains(given.count) else {
      throw spec.error(
        "has \(count) tops but \(given.count) shapes", at: parameters.location("shape"),
        help: "give one shape for all tops or one for each")
    }
    let read = try given.enumerated().map {
      try spec.shape($1, at: parameters.location("shape", $0))
    }
    shapes = (0..<count).map { index in
      context.assumedShapes[spec.tops[index]]
        ?? (read.isEmpty ? [0] : read.count == 1 ? read[0] : read[index])
    }
  }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] { shapes }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {}

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {}
}
