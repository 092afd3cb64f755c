import Compute
import Foundation
import Layers
import Nets
import Schema
import Testing

/// LSTM and RNN against plain loops in double precision.
@Suite struct RecurrentValueTests {
  /// Time steps, sequences, values a step, static values, cells.
  static let sizes = [
    (1, 1, 1, 0, 1), (1, 3, 2, 4, 3), (5, 2, 3, 0, 4), (4, 3, 5, 2, 17), (7, 1, 2, 3, 8),
  ]
  private typealias Rows = [[Double]]

  private func net(_ type: String, _ size: (Int, Int, Int, Int, Int)) throws -> Net {
    let (steps, sequences, width, extra, cells) = size
    func input(_ name: String, _ sizes: [Int]) -> String {
      "layer { name: '\(name)' type: 'Input' top: '\(name)' input_param { shape { "
        + sizes.map { "dim: \($0) " }.joined() + "} } }\n"
    }
    let text =
      input("x", [steps, sequences, width]) + input("cont", [steps, sequences])
      + (extra > 0 ? input("s", [sequences, extra]) : "")
      + "layer { name: 'r' type: '\(type)' bottom: 'x' bottom: 'cont' "
      + (extra > 0 ? "bottom: 's' " : "") + "top: 'h' recurrent_param { num_output: \(cells) "
      + "weight_filler { type: 'uniform' min: -0.8 max: 0.8 } "
      + "bias_filler { type: 'uniform' min: -0.5 max: 0.5 } } }"
    let net = try Net(
      TextFormat.parse(text, as: .net),
      options: Net.Options(
        state: NetState(phase: .train), context: LayerContext(workers: Workers(count: 2))))
    for (index, blob) in net.inputs.enumerated() where blob.name != "cont" {
      blob.assign((0..<blob.count).map { sin(Float($0 * 7 + index) * 0.9) })
    }
    // Beginnings, goings on, and what lies between.
    net.blob("cont")?.assign((0..<steps * sequences).map { [0, 1, 1, 0.5, 1, 0][$0 % 6] })
    return net
  }

  private func rows(_ blob: Blob?, _ width: Int) -> Rows {
    let values = blob?.array.map(Double.init) ?? []
    return stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) }
  }

  private func product(_ matrix: Rows, _ x: [Double]) -> [Double] {
    matrix.map { row in zip(row, x).reduce(0) { $0 + $1.0 * $1.1 } }
  }

  /// Calls `cell` for two passes of all steps with the inputs' part of the gates, cont and the state.
  private func expected(
    _ net: Net, _ size: (Int, Int, Int, Int, Int), states: Int,
    _ cell: ([Double], Double, inout Rows) -> [Double]
  ) throws -> [Double] {
    let (steps, sequences, width, extra, cells) = size
    let parameters = try #require(net.node("r")).layer.parameters
    let (x, fixed) = (rows(net.blob("x"), width), rows(net.blob("s"), max(1, extra)))
    let cont = net.blob("cont")?.array ?? []
    var result: [Double] = []
    var state = (0..<sequences).map { _ in
      Rows(repeating: [Double](repeating: 0, count: cells), count: states)
    }
    for pass in 0..<2 {
      for row in 0..<steps * sequences {
        let n = row % sequences
        var gates = product(rows(parameters[0], width), x[row])
        for index in gates.indices { gates[index] += Double(parameters[1].values[index]) }
        if extra > 0 {
          gates = zip(gates, product(rows(parameters[2], extra), fixed[n])).map(+)
        }
        let h = cell(gates, Double(cont[row]), &state[n])
        if pass == 1 { result += h }
      }
    }
    return result
  }

  private func check(_ net: Net, _ wanted: [Double]) throws {
    for _ in 0..<2 { try net.forward() }
    let got = try #require(net.blob("h")).array
    #expect(got.count == wanted.count)
    #expect(zip(got, wanted).allSatisfy { abs(Double($0) - $1) < 2e-6 })
  }

  @Test("LSTM equals plain loops, with the state of the pass before", arguments: sizes)
  func lstm(_ size: (Int, Int, Int, Int, Int)) throws {
    let net = try net("LSTM", size)
    let cells = size.4
    let weights = rows(try #require(net.node("r")).layer.parameters.last, cells)
    func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    let wanted = try expected(net, size, states: 2) { gates, cont, state in
      let z = zip(gates, product(weights, state[0].map { cont * $0 })).map(+)
      for d in 0..<cells {
        state[1][d] =
          cont * logistic(z[cells + d]) * state[1][d] + logistic(z[d]) * tanh(z[3 * cells + d])
        state[0][d] = logistic(z[2 * cells + d]) * tanh(state[1][d])
      }
      return state[0]
    }
    try check(net, wanted)
  }

  @Test("RNN equals plain loops, with the state of the pass before", arguments: sizes)
  func rnn(_ size: (Int, Int, Int, Int, Int)) throws {
    let net = try net("RNN", size)
    let parameters = try #require(net.node("r")).layer.parameters
    let last = parameters.count - 1
    let (hidden, output) = (rows(parameters[last - 2], size.4), rows(parameters[last - 1], size.4))
    let bias = parameters[last].array
    let wanted = try expected(net, size, states: 1) { gates, cont, state in
      state[0] = zip(gates, product(hidden, state[0].map { cont * $0 })).map { tanh($0 + $1) }
      return zip(product(output, state[0]), bias).map { tanh($0 + Double($1)) }
    }
    try check(net, wanted)
  }
}
