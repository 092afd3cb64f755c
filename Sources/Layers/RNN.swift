import CKernels
import Compute
import Schema

/// The simple recurrent layer: a hidden state that each step mixes with the input.
///
///     h_t = tanh(W_x · x_t + b + W_s · static + W_h · (cont_t · h_{t−1}))          o_t = tanh(W_o · h_t + b_o)
///
/// Shapes: `x` is T time steps × N sequences × D values, `cont` T × N, `static` N × S, `o` T × N × H with H =
/// num_output. Parameters: W_x H × D, b H, W_s H × S if there is a static input, W_h H × H, W_o H × H, b_o H.
///
/// cont is 0 where a sequence begins, and 1 where it goes on. State is carried from pass to pass; with
/// expose_hidden it comes from a bottom h₀ and goes to a top h_T, each 1 × N × H.
///
/// Gradient: through all T steps, to x, static and parameters. None leaves the pass: not to the
/// initial state, and that of the final state is ignored.
final class RNN: BatchLayer {
  static let reference = LayerReference(
    "RNN", .recurrent,
    summary: "The simple recurrent layer: a hidden state that each step mixes with the input.",
    formula: "h_t = tanh(W_x · x_t + b + W_s · static + W_h · (cont_t · h_{t−1}))\n"
      + "o_t = tanh(W_o · h_t + b_o)",
    shapes: "x: T × N × D; cont: T × N; static: N × S; o: T × N × H, H = num_output; state: "
      + "1 × N × H. W_x: H × D; b: H; W_s: H × S; W_h, W_o: H × H; b_o: H",
    notes: "Bottoms: x, cont, then the static input if there is one, then with expose_hidden h₀. "
      + "Tops: o, then with expose_hidden h_T. cont is 0 at the first step of a sequence and 1 at "
      + "the others. Without expose_hidden the state is carried from one forward pass to the "
      + "next, zero at first. A state from outside gets no gradient, and that of the final state "
      + "is ignored, as in Caffe. T cannot change after the net is built.",
    arity: Arity(2...4, 1...2),
    parameters: [
      ParameterTable(
        "recurrent_param",
        [
          "num_output": "H, the size of state and output; must be given.",
          "weight_filler": "How the weights are filled; the default leaves them at zero.",
          "bias_filler": "How b and b_o are filled.",
          "debug_info": "Accepted, without effect.",
          "expose_hidden": "Whether the initial state is a bottom and the final state a top.",
        ])
    ])
  static let samples = [
    sample("num_output: 3", .uniform([3, 2, 4]), cont([3, 2])),
    sample("num_output: 2", .uniform([4, 3, 2, 2]), cont([4, 3]), .uniform([3, 5])),
    sample("num_output: 3", .uniform([1, 2, 3]), cont([1, 2])),
    sample("num_output: 2", .uniform([2, 1, 3]), .constants([2, 1], [0.5, 1])),
    LayerSample(
      "recurrent_param { num_output: 2 expose_hidden: true \(filled) }",
      bottoms: [.uniform([3, 2, 3]), cont([3, 2]), .uniform([2, 3]), .uniform([1, 2, 2])],
      tops: 2, hasGradient: false),
  ]

  private static let filled =
    "weight_filler { type: 'uniform' min: -0.7 max: 0.7 }"
    + " bias_filler { type: 'uniform' min: -0.5 max: 0.5 }"

  private static func sample(_ fields: String, _ bottoms: LayerSample.Input...) -> LayerSample {
    LayerSample("recurrent_param { \(fields) \(filled) }", bottoms: bottoms)
  }

  /// Sequences that begin at the first step, and some later.
  private static func cont(_ shape: Shape) -> LayerSample.Input {
    .constants(shape, (0..<shape.count).map { $0 < shape[1] || $0 % 5 == 4 ? 0 : 1 })
  }

  private let recurrence: Recurrence
  private let workers: Workers
  private(set) var parameters: [Blob] = []
  /// h of all steps; the gradients are those before the tanh.
  private let states = Blob("hidden states")
  /// o of all steps, kept since a layer behind may change the top; gradients before the tanh.
  private let outputs = Blob("outputs")
  /// What W_h is multiplied by.
  private let carried = Blob("carried state")
  private let hidden = Blob("hidden state")
  private let carriedGradient = Blob("gradient of the carried state")

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    workers = context.workers
    recurrence = try Recurrence(spec, context, gates: 1, states: ["hidden state"])
  }

  func takesGradient(bottom: Int) -> Bool { recurrence.takesGradient(bottom: bottom) }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let tops = try recurrence.reshape(bottoms)
    let size = recurrence.outputs
    if parameters.isEmpty {
      parameters =
        try recurrence.inputParameters() + [
          recurrence.weights("hidden weights", size, rows: size),
          recurrence.weights("output weights", size, rows: size),
          recurrence.bias("output bias", size),
        ]
    }
    for blob in [states, outputs, carried] { blob.reshape([recurrence.rows, size]) }
    let state: Shape = [recurrence.sequences, size]
    carriedGradient.reshape(state)
    // State of other sequences means nothing.
    if hidden.shape != state {
      hidden.reshape(state)
      nk_fill(hidden.values, 0, hidden.count)
    }
    return tops
  }

  var operations: Int {
    let products = 2 * (recurrence.width + 2 * recurrence.outputs)
    return recurrence.rows * recurrence.outputs * (products + 2)
      + 2 * recurrence.sequences * recurrence.staticWidth * recurrence.outputs
  }

  var multiplyAdds: Int {
    recurrence.outputs
      * (recurrence.rows * (recurrence.width + 2 * recurrence.outputs)
        + recurrence.sequences * recurrence.staticWidth)
  }

  var state: LayerState {
    get {
      recurrence.exposesState || parameters.isEmpty
        ? LayerState() : LayerState(values: [hidden.array])
    }
    set {
      guard newValue.values.map(\.count) == [hidden.count] else { return }
      hidden.assign(newValue.values[0])
    }
  }

  /// The place of W_h; W_o and b_o follow.
  private var hiddenWeights: Int { parameters.count - 3 }

  // MARK: Forward

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    let size = recurrence.outputs
    let count = recurrence.stateCount
    let exposes = recurrence.exposesState
    let h = states.values
    recurrence.inputs(h, bottom, parameters)
    var before = exposes ? bottom[recurrence.firstState].values : hidden.values
    for step in 0..<recurrence.steps {
      let part = carried.values + step * count
      let now = h + step * count
      recurrence.carry(
        part, before, bottom[1].values + step * recurrence.sequences, 0..<recurrence.sequences)
      recurrence.add(
        to: now, size, part, size, times: parameters[hiddenWeights].values,
        rows: recurrence.sequences)
      nk_tanh_forward(now, now, count)
      before = now
    }
    nk_copy(exposes ? top[1].values : hidden.values, before, count)
    output(top[0].values)
  }

  /// o of all steps.
  private func output(_ y: UnsafeMutablePointer<Float>) {
    let size = recurrence.outputs
    let o = outputs.values
    let bias = parameters[hiddenWeights + 2].values
    for row in 0..<recurrence.rows { nk_copy(o + row * size, bias, size) }
    recurrence.add(
      to: o, size, states.values, size, times: parameters[hiddenWeights + 1].values,
      rows: recurrence.rows)
    workers.forEachRange(of: outputs.count, grain: 16 * 1024) { part, _ in
      nk_tanh_forward(o + part.lowerBound, o + part.lowerBound, part.count)
      nk_copy(y + part.lowerBound, o + part.lowerBound, part.count)
    }
  }

  // MARK: Backward

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    let size = recurrence.outputs
    let count = recurrence.stateCount
    let (dO, dH) = (outputs.gradient, states.gradient)
    let dy = top[0].gradient
    let o = outputs.values
    workers.forEachRange(of: outputs.count, grain: 16 * 1024) { part, _ in
      let start = part.lowerBound
      nk_tanh_backward(dO + start, dy + start, o + start, part.count)
    }
    let (weights, last) = (hiddenWeights, hiddenWeights + 1)
    recurrence.weightGradient(
      pass.gradients[last], dO, size, states.values, size, rows: recurrence.rows,
      bias: pass.gradients[last + 1])
    recurrence.multiply(dH, dO, size, by: parameters[last].values, size, rows: recurrence.rows)
    let dCarried = carriedGradient.values
    for step in (0..<recurrence.steps).reversed() {
      let now = dH + step * count
      if step < recurrence.steps - 1 { nk_add(now, now, dCarried, count) }
      nk_tanh_backward(now, now, states.values + step * count, count)
      guard step > 0 else { break }
      recurrence.multiply(
        dCarried, now, size, by: parameters[weights].values, size, rows: recurrence.sequences)
      recurrence.carry(
        dCarried, dCarried, bottom[1].values + step * recurrence.sequences,
        0..<recurrence.sequences)
    }
    recurrence.weightGradient(
      pass.gradients[weights], dH, size, carried.values, size, rows: recurrence.rows)
    recurrence.inputGradients(dH, bottom, parameters, pass: pass)
  }
}
