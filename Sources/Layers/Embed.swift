import CKernels
import Compute
import Prototxt
import Schema

/// Looks rows up in a learned table: a vector for each word, say.
///
///     y[i] = W[x[i]] + b
///
/// Shapes: `x` is indices of any shape, `y` the same axes and then num_output; `W` is input_dim × num_output,
/// `b` is num_output.
///
/// Gradient: dW[x[i]] += dy[i] for the rows that were looked up, in the order of the indices; db += Σ dy. None
/// for `x`.
final class Embed: BatchLayer {
  static let reference = LayerReference(
    "Embed", .common,
    summary: "Looks rows up in a learned table: a vector for each word, say.",
    formula: "y[i] = W[x[i]] + b",
    shapes: "x: any shape; y: the axes of x, then num_output; W: input_dim × num_output; "
      + "b: num_output",
    notes: "Indices are cut to whole numbers; one that names no row is an error.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "embed_param",
        [
          "num_output": "The length of a row; must be given.",
          "input_dim": "The number of rows: one more than the largest index; must be given.",
          "bias_term": "Whether b is added.",
          "weight_filler": "How W is filled; the default leaves it at zero.",
          "bias_filler": "How b is filled.",
        ])
    ])
  static let samples = [
    LayerSample(
      "embed_param { num_output: 4 input_dim: 5 weight_filler { type: 'uniform' min: -1 } "
        + "bias_filler { type: 'uniform' } }", bottoms: [.constants([6], [0, 3, 3, 4, 0, 3])]),
    LayerSample(
      "embed_param { num_output: 3 input_dim: 7 bias_term: false weight_filler { type: 'xavier' } }",
      bottoms: [.labels([3, 2], classes: 7)]),
  ]

  private let spec: LayerSpec
  private let context: LayerContext
  private let outputs: Int
  private let rows: Int
  private let hasBias: Bool
  private let weightFiller: Filler
  private let biasFiller: Filler
  private let indices = RowIndices()
  private var count = 0
  private(set) var parameters: [Blob] = []

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("embed_param")
    self.spec = spec
    self.context = context
    hasBias = given.bool("bias_term")
    var problems = Diagnostics()
    let outputs = try problems.keeping { try spec.positive(given, "num_output") }
    let rows = try problems.keeping { try spec.positive(given, "input_dim") }
    let weightFiller = try problems.keeping { try spec.filler(given, "weight_filler") }
    let biasFiller = try problems.keeping { try spec.filler(given, "bias_filler") }
    guard let outputs, let rows, let weightFiller, let biasFiller else { throw problems }
    try spec.checkCount([rows, outputs], "weights", at: given.location("input_dim"))
    (self.outputs, self.rows) = (outputs, rows)
    (self.weightFiller, self.biasFiller) = (weightFiller, biasFiller)
  }

  func takesGradient(bottom: Int) -> Bool { false }

  var operations: Int { hasBias ? count * outputs : 0 }

  var backwardReads: BackwardReads { .bottoms }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let top = bottoms[0].dimensions + [outputs]
    guard top.count <= Shape.maximumAxes else {
      throw spec.error("a blob may have up to \(Shape.maximumAxes) axes")
    }
    try spec.checkCount(top, "a top", at: spec.parameters("embed_param").location("num_output"))
    if parameters.isEmpty {
      var made = [try spec.parameter("weights", [rows, outputs], weightFiller, context)]
      if hasBias { made.append(try spec.parameter("bias", [outputs], biasFiller, context)) }
      parameters = made
    }
    count = bottoms[0].count
    indices.reserve(count)
    return [Shape(top)]
  }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    try indices.read(
      bottom[0], bottom: 0, rows: rows, of: "rows of input_dim",
      help: "input_dim must be above the largest index, and indices count from 0")
    let weights = parameters[0].values
    let bias = hasBias ? parameters[1].values : nil
    let y = top[0].values
    context.workers.forEachRange(of: count, grain: grain(outputs)) { places, _ in
      for place in places {
        let row = weights + indices[place] * outputs
        if let bias {
          nk_add(y + place * outputs, row, bias, outputs)
        } else {
          nk_copy(y + place * outputs, row, outputs)
        }
      }
    }
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    let dy = top[0].gradient
    let weights = pass.gradients[0]
    let bias = hasBias ? pass.gradients[1] : nil
    guard weights != nil || bias != nil else { return }
    // Columns are shared among threads, so that every sum is added in the order of the indices.
    context.workers.forEachRange(of: outputs, grain: max(16, grain(count))) { columns, _ in
      let (first, width) = (columns.lowerBound, columns.count)
      for place in 0..<count {
        let source = dy + place * outputs + first
        if let weights {
          let row = weights + indices[place] * outputs + first
          nk_add(row, row, source, width)
        }
        if let bias { nk_add(bias + first, bias + first, source, width) }
      }
    }
  }

  /// How many pieces of some width make up work that is worth a thread's while.
  private func grain(_ width: Int) -> Int { max(1, (1 << 15) / max(1, width)) }
}
