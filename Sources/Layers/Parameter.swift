import Compute
import Schema

/// A learned blob as a top, for other layers to read.
///
///     y = w          dw = dy
///
/// Shapes: `w` and `y` as given. `w` begins as zeros.
///
/// As in Caffe, the gradient is written over, not added to what is there: with iter_size above 1 that
/// of the last pass counts.
final class Parameter: BatchLayer {
  static let reference = LayerReference(
    "Parameter", .utility,
    summary: "A learned blob as a top, for other layers to read.",
    formula: "y = w", shapes: "w, y: as given",
    notes:
      "w begins as zeros. As in Caffe, its gradient is written over rather than added up: with "
      + "iter_size above 1 that of the last pass counts.",
    arity: Arity(0...0, 1...1),
    parameters: [ParameterTable("parameter_param", ["shape": "The shape; without it a scalar."])])
  static let samples = [
    LayerSample("parameter_param { shape { dim: 2 dim: 3 } }", bottoms: []),
    LayerSample("", bottoms: []),
  ]

  private let shape: Shape
  let parameters: [Blob]

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("parameter_param")
    shape = try spec.shape(given.message("shape"), at: given.location("shape"))
    try spec.checkCount(shape.dimensions, "a blob", at: given.location("shape"))
    parameters = [Blob("\(spec.name)/values", shape: shape)]
  }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] { [shape] }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    top[0].values.update(from: parameters[0].values, count: shape.count)
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    pass.gradients[0]?.update(from: top[0].gradient, count: shape.count)
  }
}
