import CKernels
import Compute
import Prototxt
import Schema

/// What RNN and LSTM have in common: their bottoms, and the part of the gates that the inputs give,
/// which is one matrix product over all time steps.
///
/// Values of a step are rows of a matrix: row t · N + n is sequence n at time t.
final class Recurrence {
  /// Cells of the hidden state.
  let outputs: Int
  /// Sums that each cell takes from the inputs: 1, or 4 gates.
  private let gates: Int
  /// Whether initial and final states are bottoms and tops.
  let exposesState: Bool
  let hasStatic: Bool
  private let spec: LayerSpec
  private let context: LayerContext
  private let stateNames: [String]
  private let weightFiller: Filler
  private let biasFiller: Filler
  /// The part of the gates that is the same at each step.
  private let constant = Blob("bias and static input")
  private let gradientSum = Blob("gradient of the gates over time")
  private(set) var steps = 0
  private(set) var sequences = 0
  private(set) var width = 0
  private(set) var staticWidth = 0
  private var isBuilt = false

  init(_ spec: LayerSpec, _ context: LayerContext, gates: Int, states: [String]) throws {
    let given = spec.parameters("recurrent_param")
    self.spec = spec
    self.context = context
    self.gates = gates
    stateNames = states
    outputs = try spec.positive(given, "num_output")
    exposesState = given.bool("expose_hidden")
    weightFiller = try spec.filler(given, "weight_filler")
    biasFiller = try spec.filler(given, "bias_filler")
    let least = exposesState ? 2 + states.count : 2
    let tops = exposesState ? 1 + states.count : 1
    hasStatic = spec.bottoms.count > least
    func place(_ field: String, _ index: Int) -> SourceRange? {
      given.has("expose_hidden")
        ? given.location("expose_hidden") : spec.message.location(field, index)
    }
    let why = exposesState ? "with" : "without"
    let what = exposesState ? ", cont, perhaps a static input, and \(states.count)" : ", cont, and"
    guard (least...least + 1).contains(spec.bottoms.count) else {
      throw spec.error(
        "has \(spec.bottoms.count) bottoms, but \(why) expose_hidden takes \(least) or \(least + 1)",
        at: place("bottom", least + 1),
        help: "they are the sequences\(what) "
          + (exposesState ? "initial states" : "perhaps a static input"))
    }
    guard spec.tops.count == tops else {
      throw spec.error(
        "has \(spec.tops.count) tops, but \(why) expose_hidden makes \(tops)",
        at: place("top", tops))
    }
  }

  /// Where the bottoms with initial states begin.
  var firstState: Int { hasStatic ? 3 : 2 }
  /// Rows over all steps.
  var rows: Int { steps * sequences }
  /// Values of a state.
  var stateCount: Int { sequences * outputs }
  /// Values of a row of gates.
  var gateCount: Int { gates * outputs }

  /// The gradient of an initial state is never computed, as in Caffe, and cont has none.
  func takesGradient(bottom: Int) -> Bool { bottom == 0 || bottom == 2 && hasStatic }

  // MARK: Shapes

  /// Checks the bottoms, and returns the tops' shapes.
  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let x = bottoms[0]
    guard x.axes >= 3 else {
      throw spec.error(
        "'\(spec.bottoms[0])' is \(x.display), but needs three axes or more: time, sequences, and "
          + "the values of a step", at: spec.message.location("bottom", 0))
    }
    try check(bottoms, 1, [x[0], x[1]], "one value for each step and sequence")
    if hasStatic {
      guard bottoms[2].axes >= 2, bottoms[2][0] == x[1] else {
        throw spec.error(
          "the static input '\(spec.bottoms[2])' is \(bottoms[2].display), but must have the "
            + "\(x[1]) sequences of '\(spec.bottoms[0])' (\(x.display)), then their values",
          at: spec.message.location("bottom", 2))
      }
    }
    if exposesState {
      for index in stateNames.indices {
        try check(
          bottoms, firstState + index, [1, x[1], outputs],
          "the initial \(stateNames[index]): 1, sequences, num_output")
      }
    }
    try fix(x[0], x.count(from: 2), hasStatic ? bottoms[2].count(from: 1) : 0)
    let place = spec.parameters("recurrent_param").location("num_output")
    try spec.checkCount([x[0], x[1], gateCount], "the gates", at: place)
    try spec.checkCount([gateCount, max(width, staticWidth, outputs)], "weights", at: place)
    sequences = x[1]
    if hasStatic {
      constant.reshape([sequences, gateCount])
      gradientSum.reshape([sequences, gateCount])
    }
    context.workers.reserveScratch(MatrixProduct.mostScratch)
    let states = exposesState ? stateNames.count : 0
    return [[steps, sequences, outputs]]
      + Array(repeating: [1, sequences, outputs], count: states)
  }

  private func check(_ bottoms: [Shape], _ index: Int, _ wanted: Shape, _ what: String) throws {
    guard bottoms[index] != wanted else { return }
    throw spec.error(
      "'\(spec.bottoms[index])' is \(bottoms[index].display), but '\(spec.bottoms[0])' is "
        + "\(bottoms[0].display), so it must be \(wanted.display)",
      at: spec.message.location("bottom", index), help: "it holds \(what)")
  }

  /// What cannot change after the first call.
  private func fix(_ newSteps: Int, _ newWidth: Int, _ newStaticWidth: Int) throws {
    if !isBuilt { (steps, width, staticWidth) = (newSteps, newWidth, newStaticWidth) }
    isBuilt = true
    for (old, new, what) in [
      (steps, newSteps, "time steps"), (width, newWidth, "values a step"),
      (staticWidth, newStaticWidth, "static values"),
    ] where old != new {
      throw spec.error(
        "was built for \(old) \(what), but the bottoms now have \(new)",
        help: "only the number of sequences can change after the net is built")
    }
  }

  // MARK: Parameters

  /// The parameters that the inputs are multiplied by.
  func inputParameters() throws -> [Blob] {
    var made = [try weights("input weights", width, rows: gateCount)]
    made.append(try bias("bias", gateCount))
    if hasStatic { made.append(try weights("static weights", staticWidth, rows: gateCount)) }
    return made
  }

  func weights(_ title: String, _ columns: Int, rows: Int) throws -> Blob {
    try spec.parameter(title, [rows, columns], weightFiller, context)
  }

  func bias(_ title: String, _ count: Int) throws -> Blob {
    try spec.parameter(title, [count], biasFiller, context)
  }

  // MARK: Computing

  /// What the inputs and the bias give to the gates of all steps.
  func inputs(_ y: UnsafeMutablePointer<Float>, _ bottom: [Blob], _ parameters: [Blob]) {
    var start = UnsafePointer(parameters[1].values)
    if hasStatic {
      let same = constant.values
      for row in 0..<sequences { nk_copy(same + row * gateCount, start, gateCount) }
      BLAS.multiply(
        workers: context.workers, transposeB: true, m: sequences, n: gateCount, k: staticWidth,
        bottom[2].values, lda: staticWidth, parameters[2].values, ldb: staticWidth, beta: 1, same,
        ldc: gateCount)
      for step in 0..<steps {
        nk_copy(y + step * sequences * gateCount, same, sequences * gateCount)
      }
      start = UnsafePointer(y)
    }
    let product = MatrixProduct(transposeB: true, m: rows, n: gateCount, k: width)
    product.run(
      context.workers, bottom[0].values, lda: width, parameters[0].values, ldb: width, start: start,
      startStride: hasStatic ? gateCount : 0, y, ldc: gateCount)
  }

  /// The gradients of the inputs, and of the parameters that they are multiplied by.
  func inputGradients(
    _ dy: UnsafePointer<Float>, _ bottom: [Blob], _ parameters: [Blob], pass: BackwardPass
  ) {
    weightGradient(
      pass.gradients[0], dy, gateCount, bottom[0].values, width, rows: rows,
      bias: pass.gradients[1])
    if pass.propagate[0] {
      multiply(bottom[0].gradient, dy, gateCount, by: parameters[0].values, width, rows: rows)
    }
    guard hasStatic, pass.gradients[2] != nil || pass.propagate[2] else { return }
    let sum = gradientSum.values
    let count = sequences * gateCount
    nk_fill(sum, 0, count)
    for step in 0..<steps { nk_add(sum, sum, dy + step * count, count) }
    weightGradient(
      pass.gradients[2], sum, gateCount, bottom[2].values, staticWidth, rows: sequences)
    if pass.propagate[2] {
      multiply(
        bottom[2].gradient, sum, gateCount, by: parameters[2].values, staticWidth,
        rows: sequences)
    }
  }

  /// dw += dyᵀ · x and db += Σ dy over some rows, if they are wanted.
  func weightGradient(
    _ dw: UnsafeMutablePointer<Float>?, _ dy: UnsafePointer<Float>, _ count: Int,
    _ x: UnsafePointer<Float>, _ width: Int, rows: Int, bias: UnsafeMutablePointer<Float>? = nil
  ) {
    func sumBias(_ range: Range<Int>) {
      guard let bias else { return }
      let part = bias + range.lowerBound
      for row in 0..<rows { nk_add(part, part, dy + row * count + range.lowerBound, range.count) }
    }
    guard let dw else { return sumBias(0..<count) }
    MatrixProduct(transposeA: true, m: count, n: width, k: rows).run(
      context.workers, dy, lda: count, x, ldb: width, start: dw, startStride: width, dw, ldc: width,
      perRows: sumBias)
  }

  /// Rows from which on a matrix is worth laying out for one product.
  private static let manyRows = 256

  /// dx = dy · w over some rows.
  func multiply(
    _ dx: UnsafeMutablePointer<Float>, _ dy: UnsafePointer<Float>, _ count: Int,
    by w: UnsafePointer<Float>, _ width: Int, rows: Int
  ) {
    guard rows >= Recurrence.manyRows else {
      return BLAS.multiply(
        workers: context.workers, m: rows, n: width, k: count, dy, lda: count, w, ldb: width,
        beta: 0, dx, ldc: width)
    }
    MatrixProduct(m: rows, n: width, k: count).run(
      context.workers, dy, lda: count, w, ldb: width, dx, ldc: width)
  }

  /// y += x · wᵀ over some rows.
  func add(
    to y: UnsafeMutablePointer<Float>, _ count: Int, _ x: UnsafePointer<Float>, _ width: Int,
    times w: UnsafePointer<Float>, rows: Int
  ) {
    BLAS.multiply(
      workers: context.workers, transposeB: true, m: rows, n: count, k: width, x, lda: width, w,
      ldb: width, beta: 1, y, ldc: count)
  }

  /// A state where sequences go on: y[n] = cont[n] · x[n].
  func carry(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ cont: UnsafePointer<Float>,
    _ rows: Range<Int>
  ) {
    for row in rows { nk_scale(y + row * outputs, cont[row], x + row * outputs, outputs) }
  }

  /// Sequences that a thread takes through all steps alone; `nil` where there are too few for that, so
  /// that threads must share each step.
  var sequencesPerBlock: Int? { sequences < 64 ? nil : sequences < 128 ? 16 : 32 }

  /// Calls `body` for each block of sequences.
  func forEachBlock(of size: Int, _ body: (Range<Int>) -> Void) {
    context.workers.forEachRange(of: sequences, grain: size) { part, _ in body(part) }
  }

  /// Calls `body` for each sequence of a step, on several threads where that is worth their while.
  func forEachSequence(_ body: (Int) -> Void) {
    context.workers.forEachRange(of: sequences, grain: max(1, 8192 / outputs)) { part, _ in
      for row in part { body(row) }
    }
  }
}
