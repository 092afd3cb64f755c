import Compute
import Layers
import Nets
import Prototxt
import Schema

// Recurrent layers: ONNX's own know no cont, so that the steps are written one by one.

extension ONNXExport {
  /// What the steps of a recurrent layer have in common.
  private struct Steps {
    let sequences: Int
    let cells: Int
    /// For each step what the inputs give to the gates.
    let gates: [String]
    /// For each step a number for each sequence: 0 where one begins.
    let conts: [String]
    /// The first of the bottoms that hold states; `nil` if states begin at zero.
    let firstState: Int?
    let hiddenWeights: Int
  }

  private mutating func steps(_ node: Node, gates count: Int) throws(Diagnostic) -> Steps {
    let shape = node.bottoms[0].shape
    let (length, sequences) = (shape[0], shape[1])
    guard length <= 512 else {
      throw node.spec.error(
        "\(length) steps make too large a graph: 512 are translated",
        help: "make the net for use with fewer steps")
    }
    let given = node.spec.parameters("recurrent_param")
    let cells = given.int("num_output")
    let states = given.bool("expose_hidden") ? (count == 4 ? 2 : 1) : 0
    let hasStatic = node.bottoms.count > 2 + states
    let width = shape.count(from: 2)
    let rows = reshaped(node, bottom(node), [length * sequences, width])
    let inputs = [rows, parameter(node, 0), parameter(node, 1)]
    var sums = step(node, "Gemm", inputs, ["transB": .int(1)])
    if hasStatic {
      let values = reshaped(
        node, bottom(node, 2), [sequences, node.bottoms[2].shape.count(from: 1)])
      let product = step(
        node, "Gemm", [values, parameter(node, 2)], ["transB": .int(1)])
      let parted = reshaped(node, sums, [length, sequences, count * cells])
      let added = step(node, "Add", [parted, product])
      sums = reshaped(node, added, [length * sequences, count * cells])
    }
    let conts = reshaped(node, bottom(node, 1), [length * sequences, 1])
    return Steps(
      sequences: sequences, cells: cells,
      gates: parts(node, sums, Array(repeating: sequences, count: length), axis: 0),
      conts: parts(node, conts, Array(repeating: sequences, count: length), axis: 0),
      firstState: states > 0 ? node.bottoms.count - states : nil,
      hiddenWeights: hasStatic ? 3 : 2)
  }

  /// The pieces of a value along an axis.
  private mutating func parts(
    _ node: Node, _ value: String, _ sizes: [Int], axis: Int
  ) -> [String] {
    guard sizes.count > 1 else { return [value] }
    let names = sizes.map { _ in graph.free("\(node.name)/part") }
    let given = graph.integers("\(node.name)/sizes", sizes)
    graph.node("Split", [value, given], names, ["axis": .int(axis)])
    return names
  }

  /// A state before the first step.
  private mutating func state(_ node: Node, _ steps: Steps, _ index: Int) -> String {
    let shape = [steps.sequences, steps.cells]
    if let first = steps.firstState { return reshaped(node, bottom(node, first + index), shape) }
    let zeros = [Float](repeating: 0, count: steps.sequences * steps.cells)
    return graph.constant("\(node.name)/zeros", shape, zeros)
  }

  /// Puts what the steps gave one behind the other.
  private mutating func joined(_ node: Node, _ values: [String]) -> String {
    values.count == 1 ? values[0] : step(node, "Concat", values, ["axis": .int(0)])
  }

  private mutating func put(_ node: Node, _ index: Int, _ value: String) {
    let sizes = graph.integers("\(node.name)/shape", node.tops[index].shape.dimensions)
    graph.node("Reshape", [value, sizes], [top(node, index)])
  }

  mutating func lstm(_ node: Node) throws(Diagnostic) {
    let steps = try steps(node, gates: 4)
    let weights = parameter(node, steps.hiddenWeights)
    var hidden = state(node, steps, 0)
    var cell = state(node, steps, 1)
    var outputs: [String] = []
    for (gates, cont) in zip(steps.gates, steps.conts) {
      let kept = step(node, "Mul", [hidden, cont])
      let sums = step(node, "Gemm", [kept, weights, gates], ["transB": .int(1)])
      let pieces = parts(node, sums, Array(repeating: steps.cells, count: 4), axis: 1)
      let input = step(node, "Sigmoid", [pieces[0]])
      let forget = step(node, "Sigmoid", [pieces[1]])
      let output = step(node, "Sigmoid", [pieces[2]])
      let value = step(node, "Tanh", [pieces[3]])
      let old = step(node, "Mul", [step(node, "Mul", [forget, cont]), cell])
      cell = step(node, "Add", [old, step(node, "Mul", [input, value])])
      hidden = step(node, "Mul", [output, step(node, "Tanh", [cell])])
      outputs.append(hidden)
    }
    put(node, 0, joined(node, outputs))
    if node.tops.count > 2 {
      put(node, 1, hidden)
      put(node, 2, cell)
    }
  }

  mutating func rnn(_ node: Node) throws(Diagnostic) {
    let steps = try steps(node, gates: 1)
    let weights = parameter(node, steps.hiddenWeights)
    var hidden = state(node, steps, 0)
    var states: [String] = []
    for (gates, cont) in zip(steps.gates, steps.conts) {
      let kept = step(node, "Mul", [hidden, cont])
      let sums = step(node, "Gemm", [kept, weights, gates], ["transB": .int(1)])
      hidden = step(node, "Tanh", [sums])
      states.append(hidden)
    }
    let inputs = [
      joined(node, states), parameter(node, steps.hiddenWeights + 1),
      parameter(node, steps.hiddenWeights + 2),
    ]
    let outputs = step(node, "Gemm", inputs, ["transB": .int(1)])
    put(node, 0, step(node, "Tanh", [outputs]))
    if node.tops.count > 1 { put(node, 1, hidden) }
  }
}
