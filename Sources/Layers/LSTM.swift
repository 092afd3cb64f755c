import CKernels
import Compute
import Schema

/// Long short-term memory: a recurrent layer whose cells keep, forget and show what they hold.
///
///     i, f, o, g = W_x · x_t + b + W_s · static + W_h · (cont_t · h_{t−1})
///     c_t = cont_t · σ(f) · c_{t−1} + σ(i) · tanh g          h_t = σ(o) · tanh c_t
///
/// Shapes: `x` is T time steps × N sequences × D values, `cont` T × N, `static` N × S, `h` T × N × H with H =
/// num_output. Parameters: W_x 4H × D, b 4H, W_s 4H × S if there is a static input, W_h 4H × H, the rows
/// in the order i, f, o, g.
///
/// cont is 0 where a sequence begins, and 1 where it goes on. State is carried from pass to pass; with
/// expose_hidden it comes from bottoms h₀ and c₀ and goes to tops h_T and c_T, each 1 × N × H.
///
/// Gradient: through all T steps, to x, static and parameters. None leaves the pass: not to the
/// initial state, and that of the final state is ignored.
final class LSTM: BatchLayer {
  static let reference = LayerReference(
    "LSTM", .recurrent,
    summary: "Long short-term memory: cells that keep, forget and show what they hold.",
    formula: "i, f, o, g = W_x · x_t + b + W_s · static + W_h · (cont_t · h_{t−1})\n"
      + "c_t = cont_t · σ(f) · c_{t−1} + σ(i) · tanh g\nh_t = σ(o) · tanh c_t",
    shapes: "x: T × N × D; cont: T × N; static: N × S; h: T × N × H, H = num_output; states: "
      + "1 × N × H. W_x: 4H × D; b: 4H; W_s: 4H × S; W_h: 4H × H",
    notes: "Bottoms: x, cont, then the static input if there is one, then with expose_hidden h₀ "
      + "and c₀. Tops: h, then with expose_hidden h_T and c_T. cont is 0 at the first step of a "
      + "sequence and 1 at the others. Without expose_hidden the state is carried from one "
      + "forward pass to the next, zero at first. States from outside get no gradient, and that "
      + "of the final state is ignored, as in Caffe. T cannot change after the net is built.",
    arity: Arity(2...5, 1...3),
    parameters: [
      ParameterTable(
        "recurrent_param",
        [
          "num_output": "H, the number of cells; must be given.",
          "weight_filler": "How the weights are filled; the default leaves them at zero.",
          "bias_filler": "How b is filled.",
          "debug_info": "Accepted, without effect.",
          "expose_hidden": "Whether initial states are bottoms and final states tops.",
        ])
    ])
  static let samples = [
    sample("num_output: 3", .uniform([3, 2, 4]), cont([3, 2])),
    sample("num_output: 2", .uniform([4, 3, 2, 2]), cont([4, 3]), .uniform([3, 5])),
    sample("num_output: 3", .uniform([1, 2, 3]), cont([1, 2])),
    sample("num_output: 2", .uniform([2, 1, 3]), .constants([2, 1], [0.5, 1])),
    // Sequences enough to be shared in blocks.
    sample("num_output: 2", .uniform([3, 66, 1]), cont([3, 66])),
    LayerSample(
      "recurrent_param { num_output: 2 expose_hidden: true \(filled) }",
      bottoms: [
        .uniform([3, 2, 3]), cont([3, 2]), .uniform([2, 3]), .uniform([1, 2, 2]),
        .uniform([1, 2, 2]),
      ], tops: 3, hasGradient: false),
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
  private(set) var parameters: [Blob] = []
  /// T × N rows of i, f, o and g, after σ and tanh; their gradients are those before.
  private let gates = Blob("gates")
  /// c₀, then those of all steps.
  private let cells = Blob("cells")
  /// What W_h is multiplied by.
  private let carried = Blob("carried state")
  private let hidden = Blob("hidden state")
  private let cell = Blob("cell state")
  private let hiddenGradient = Blob("gradient of the hidden state")
  private let carriedGradient = Blob("gradient of the carried state")
  private let cellGradient = Blob("gradient of the cell state")
  /// W_h, or its transpose, laid out for the products of a pass.
  private let panels = Buffer<Float>()

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    recurrence = try Recurrence(spec, context, gates: 4, states: ["hidden state", "cell state"])
  }

  func takesGradient(bottom: Int) -> Bool { recurrence.takesGradient(bottom: bottom) }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let tops = try recurrence.reshape(bottoms)
    let outputs = recurrence.outputs
    if parameters.isEmpty {
      parameters =
        try recurrence.inputParameters()
        + [recurrence.weights("hidden weights", outputs, rows: 4 * outputs)]
    }
    let state: Shape = [recurrence.sequences, outputs]
    gates.reshape([recurrence.rows, 4 * outputs])
    carried.reshape([recurrence.rows, outputs])
    cells.reshape([recurrence.steps + 1, recurrence.sequences, outputs])
    for blob in [hiddenGradient, carriedGradient, cellGradient] { blob.reshape(state) }
    if recurrence.sequencesPerBlock != nil {
      let width = nk_panel_width()
      func padded(_ count: Int) -> Int { (count + width - 1) / width * width }
      panels.reserve(max(padded(4 * outputs) * outputs, padded(outputs) * 4 * outputs))
    }
    // State of other sequences means nothing.
    for blob in [hidden, cell] where blob.shape != state {
      blob.reshape(state)
      nk_fill(blob.values, 0, blob.count)
    }
    return tops
  }

  var operations: Int {
    let products = 2 * (recurrence.width + recurrence.outputs)
    return recurrence.rows * recurrence.gateCount * (products + 1)
      + 2 * recurrence.sequences * recurrence.staticWidth * recurrence.gateCount
  }

  var multiplyAdds: Int {
    recurrence.gateCount
      * (recurrence.rows * (recurrence.width + recurrence.outputs)
        + recurrence.sequences * recurrence.staticWidth)
  }

  var state: LayerState {
    get {
      recurrence.exposesState || parameters.isEmpty
        ? LayerState() : LayerState(values: [hidden.array, cell.array])
    }
    set {
      guard newValue.values.map(\.count) == [hidden.count, cell.count] else { return }
      hidden.assign(newValue.values[0])
      cell.assign(newValue.values[1])
    }
  }

  // MARK: Forward

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    let count = recurrence.stateCount
    let (h, c) = (top[0].values, cells.values)
    let first = recurrence.firstState
    let initial = recurrence.exposesState ? bottom[first].values : hidden.values
    nk_copy(c, recurrence.exposesState ? bottom[first + 1].values : cell.values, count)
    recurrence.inputs(gates.values, bottom, parameters)
    if let size = recurrence.sequencesPerBlock {
      let outputs = recurrence.outputs
      nk_pack_panels(
        panels.pointer, outputs * nk_panel_width(), hiddenWeights, outputs, 1, outputs, 4 * outputs)
      recurrence.forEachBlock(of: size) { block in
        forEachStep(h, c, initial) { self.step($0, $1, $2, bottom[1].values, $3, block) }
      }
    } else {
      forEachStep(h, c, initial) { self.step($0, $1, $2, bottom[1].values, $3) }
    }
    guard recurrence.steps > 0 else { return }
    let last = recurrence.steps * count
    nk_copy(recurrence.exposesState ? top[1].values : hidden.values, h + last - count, count)
    nk_copy(recurrence.exposesState ? top[2].values : cell.values, c + last, count)
  }

  /// Calls `body` with each step's h, its c before, and the h before.
  private func forEachStep(
    _ h: UnsafeMutablePointer<Float>, _ c: UnsafeMutablePointer<Float>,
    _ initial: UnsafePointer<Float>,
    _ body: (
      UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, UnsafePointer<Float>, Int
    ) -> Void
  ) {
    let count = recurrence.stateCount
    for step in 0..<recurrence.steps {
      let before = step == 0 ? initial : UnsafePointer(h + (step - 1) * count)
      body(h + step * count, c + step * count, before, step)
    }
  }

  /// One step, from c before it to c behind it.
  private func step(
    _ h: UnsafeMutablePointer<Float>, _ c: UnsafeMutablePointer<Float>,
    _ before: UnsafePointer<Float>, _ cont: UnsafePointer<Float>, _ step: Int
  ) {
    let outputs = recurrence.outputs
    let row = step * recurrence.sequences
    let carried = carried.values + row * outputs
    let gates = gates.values + row * 4 * outputs
    recurrence.carry(carried, before, cont + row, 0..<recurrence.sequences)
    recurrence.add(
      to: gates, 4 * outputs, carried, outputs, times: hiddenWeights, rows: recurrence.sequences)
    recurrence.forEachSequence { self.gate(h, c, gates, cont[row + $0], $0) }
  }

  /// One step of some sequences, on the thread that calls.
  private func step(
    _ h: UnsafeMutablePointer<Float>, _ c: UnsafeMutablePointer<Float>,
    _ before: UnsafePointer<Float>, _ cont: UnsafePointer<Float>, _ step: Int, _ block: Range<Int>
  ) {
    let outputs = recurrence.outputs
    let row = step * recurrence.sequences
    let carried = carried.values + row * outputs
    let gates = gates.values + row * 4 * outputs
    recurrence.carry(carried, before, cont + row, block)
    let sums = gates + block.lowerBound * 4 * outputs
    nk_panel_product(
      sums, 4 * outputs, sums, 4 * outputs, carried + block.lowerBound * outputs, outputs, 0,
      panels.pointer, outputs * nk_panel_width(), block.count, 4 * outputs, outputs, nil)
    for n in block { gate(h, c, gates, cont[row + n], n) }
  }

  /// The gates of one sequence at a step.
  private func gate(
    _ h: UnsafeMutablePointer<Float>, _ c: UnsafeMutablePointer<Float>,
    _ gates: UnsafeMutablePointer<Float>, _ cont: Float, _ n: Int
  ) {
    let outputs = recurrence.outputs
    let after = c + recurrence.stateCount
    let gates = gates + n * 4 * outputs
    nk_lstm_step_forward(
      after + n * outputs, h + n * outputs, gates, gates, c + n * outputs, cont, outputs)
  }

  private var hiddenWeights: UnsafeMutablePointer<Float> {
    parameters[parameters.count - 1].values
  }

  // MARK: Backward

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    let outputs = recurrence.outputs
    nk_fill(cellGradient.values, 0, recurrence.stateCount)
    nk_fill(carriedGradient.values, 0, recurrence.stateCount)
    // Taken here, since a gradient's memory comes at first use, which must not be on several threads.
    let (dy, dGates, cont) = (top[0].gradient, gates.gradient, bottom[1].values)
    if let size = recurrence.sequencesPerBlock {
      nk_pack_panels(
        panels.pointer, 4 * outputs * nk_panel_width(), hiddenWeights, outputs, 0, 4 * outputs,
        outputs)
      recurrence.forEachBlock(of: size) { block in
        for step in (0..<recurrence.steps).reversed() { stepBack(dy, dGates, cont, step, block) }
      }
    } else {
      for step in (0..<recurrence.steps).reversed() { stepBack(dy, dGates, cont, step) }
    }
    recurrence.weightGradient(
      pass.gradients[parameters.count - 1], dGates, 4 * outputs, carried.values, outputs,
      rows: recurrence.rows)
    recurrence.inputGradients(dGates, bottom, parameters, pass: pass)
  }

  /// One step back, by all threads.
  private func stepBack(
    _ dy: UnsafePointer<Float>, _ dGates: UnsafeMutablePointer<Float>,
    _ cont: UnsafePointer<Float>, _ step: Int
  ) {
    let outputs = recurrence.outputs
    let row = step * recurrence.sequences
    let dCarried = carriedGradient.values
    recurrence.forEachSequence { self.gateGradient(dy, dGates, step, $0) }
    guard step > 0 else { return }
    recurrence.multiply(
      dCarried, dGates + row * 4 * outputs, 4 * outputs, by: hiddenWeights, outputs,
      rows: recurrence.sequences)
    recurrence.carry(dCarried, dCarried, cont + row, 0..<recurrence.sequences)
  }

  /// One step back for some sequences, on the thread that calls.
  private func stepBack(
    _ dy: UnsafePointer<Float>, _ dGates: UnsafeMutablePointer<Float>,
    _ cont: UnsafePointer<Float>, _ step: Int, _ block: Range<Int>
  ) {
    let outputs = recurrence.outputs
    let row = step * recurrence.sequences
    for n in block { gateGradient(dy, dGates, step, n) }
    guard step > 0 else { return }
    nk_panel_product(
      carriedGradient.values + block.lowerBound * outputs, outputs, nil, 0,
      dGates + (row + block.lowerBound) * 4 * outputs, 4 * outputs, 0, panels.pointer,
      4 * outputs * nk_panel_width(), block.count, outputs, 4 * outputs, nil)
    recurrence.carry(carriedGradient.values, carriedGradient.values, cont + row, block)
  }

  /// The gradient of the gates of one sequence at a step, and of the cells before it.
  private func gateGradient(
    _ dy: UnsafePointer<Float>, _ dGates: UnsafeMutablePointer<Float>, _ step: Int, _ n: Int
  ) {
    let outputs = recurrence.outputs
    let place = (step * recurrence.sequences + n) * outputs
    let before = cells.values + place
    let (dh, dc) = (hiddenGradient.values + n * outputs, cellGradient.values + n * outputs)
    nk_add(dh, dy + place, carriedGradient.values + n * outputs, outputs)
    nk_lstm_step_backward(
      dc, dGates + 4 * place, dc, dh, before + recurrence.stateCount, before,
      gates.values + 4 * place, outputs)
  }
}
