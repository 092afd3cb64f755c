import Compute
import Foundation
import Layers
import Nets
import Schema
import Testing

@testable import Solvers

/// Update rules against plain loops in double precision.
@Suite("Update rules")
struct RuleTests {
  /// What one parameter value goes through, in the words of the papers.
  private struct Value {
    var weight: Double
    var first = 0.0
    var second = 0.0
  }

  private struct Rule: Sendable, CustomTestStringConvertible {
    let text: String
    /// Whether the decay acts on the weight itself, and is no part of the gradient.
    var isDecoupled = false
    /// Takes the value, the gradient with decay, the rate, and the iteration.
    let step: @Sendable (inout Value, Double, Double, Int) -> Void
    var testDescription: String { text }
  }

  private static let rules = [
    Rule(text: "type: 'SGD' momentum: 0.9") { value, g, rate, _ in
      value.first = 0.9 * value.first + rate * g
      value.weight -= value.first
    },
    Rule(text: "type: 'SGD'") { value, g, rate, _ in value.weight -= rate * g },
    Rule(text: "type: 'Nesterov' momentum: 0.8") { value, g, rate, _ in
      let before = value.first
      value.first = 0.8 * before + rate * g
      value.weight -= 1.8 * value.first - 0.8 * before
    },
    Rule(text: "type: 'AdaGrad' delta: 1e-3") { value, g, rate, _ in
      value.first += g * g
      value.weight -= rate * g / (value.first.squareRoot() + 1e-3)
    },
    Rule(text: "type: 'RMSProp' rms_decay: 0.7 delta: 1e-3") { value, g, rate, _ in
      value.first = 0.7 * value.first + 0.3 * g * g
      value.weight -= rate * g / (value.first.squareRoot() + 1e-3)
    },
    Rule(text: "type: 'AdaDelta' momentum: 0.6 delta: 1e-3") { value, g, rate, _ in
      value.first = 0.6 * value.first + 0.4 * g * g
      let update = g * ((value.second + 1e-3) / (value.first + 1e-3)).squareRoot()
      value.second = 0.6 * value.second + 0.4 * update * update
      value.weight -= rate * update
    },
    Rule(text: "type: 'Adam' momentum: 0.9 momentum2: 0.99 delta: 1e-4") { value, g, rate, t in
      value.first = 0.9 * value.first + 0.1 * g
      value.second = 0.99 * value.second + 0.01 * g * g
      let correction = (1 - pow(0.99, Double(t + 1))).squareRoot() / (1 - pow(0.9, Double(t + 1)))
      value.weight -= rate * correction * value.first / (value.second.squareRoot() + 1e-4)
    },
    Rule(text: "type: 'AdamW' momentum: 0.9 momentum2: 0.99 delta: 1e-3", isDecoupled: true) {
      value, g, rate, t in
      value.first = 0.9 * value.first + 0.1 * g
      value.second = 0.99 * value.second + 0.01 * g * g
      let mean = value.first / (1 - pow(0.9, Double(t + 1)))
      let square = value.second / (1 - pow(0.99, Double(t + 1)))
      value.weight -= rate * mean / (square.squareRoot() + 1e-3)
    },
  ]

  /// 60,006 weights, so that there are several pieces, and the rates of a bias.
  private static let net = """
    layer { name: 'in' type: 'Input' top: 'x' input_param { shape { dim: 1 dim: 20001 } } }
    layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y'
      param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0.5 } loss_weight: 1
      inner_product_param { num_output: 3 weight_filler { type: 'gaussian' std: 0.1 } } }
    """

  @Test("Every rule, with decay of both kinds, rates of parameters and iter_size", arguments: rules)
  private func rule(_ rule: Rule) throws {
    for decay in ["weight_decay: 0.1", "weight_decay: 0.05 regularization_type: 'L1'"] {
      let text = "base_lr: 0.1 lr_policy: 'fixed' max_iter: 9 iter_size: 2 \(rule.text) \(decay)"
      let solver = try Training.solver(text, net: Self.net, threads: 3)
      let isL1 = decay.contains("L1")
      var random = RandomStream(seed: 3, purpose: "gradients")
      var values = solver.trainNet.parameters.map { parameter in
        parameter.blob.array.map { Value(weight: Double($0)) }
      }
      for iteration in 0..<4 {
        for (number, parameter) in solver.trainNet.parameters.enumerated() {
          let strength = (isL1 ? 0.05 : 0.1) * Double(parameter.decay)
          for index in 0..<parameter.blob.count {
            let raw = Float(random.unit() - 0.5)
            parameter.blob.gradient[index] = raw
            let weight = values[number][index].weight
            let pull = isL1 ? (weight > 0 ? 1 : weight < 0 ? -1 : 0) : weight
            let rate = 0.1 * Double(parameter.rate)
            rule.step(
              &values[number][index],
              Double(raw) / 2 + (rule.isDecoupled ? 0 : strength * pull), rate, iteration)
            if rule.isDecoupled { values[number][index].weight -= rate * strength * pull }
          }
        }
        solver.updater.update(rate: 0.1, scale: 0.5, iteration: iteration)
      }
      for (number, parameter) in solver.trainNet.parameters.enumerated() {
        // L1 jumps where a weight crosses 0, which rounding may do for one and not the other.
        let far = zip(parameter.blob.array, values[number]).filter {
          abs(Double($0) - $1.weight) > 1e-5 * max(1, abs($1.weight))
        }
        #expect(far.count <= (isL1 ? 2 : 0), "\(rule.text) \(decay): \(far.prefix(3))")
      }
    }
  }

  @Test("The norm of all gradients, and what is not finite")
  func norm() throws {
    let solver = try Training.solver(
      "base_lr: 0.1 lr_policy: 'fixed' clip_gradients: 1e30 max_iter: 9", net: Self.net, threads: 2)
    var sum = 0.0
    for parameter in solver.trainNet.parameters {
      for index in 0..<parameter.blob.count {
        parameter.blob.gradient[index] = Float(index % 11) - 5
        sum += pow(Double(index % 11) - 5, 2)
      }
    }
    #expect(abs(Double(solver.updater.gradientNorm()) - sum.squareRoot()) < 1e-3)
    solver.trainNet.parameters[1].blob.gradient[2] = .nan
    #expect(!solver.updater.gradientNorm().isFinite)
  }

  @Test("Clipping scales the sum over iter_size to the limit, before decay")
  func clipping() throws {
    func weights(_ clip: String) throws -> (before: [Float], after: [Float], norm: Float) {
      let log = SolverLog()
      var norm: Float = 0
      log.onEvent = {
        if case .clipped(let found, let limit, let scale) = $0 {
          norm = found
          #expect(limit == 0.25 && abs(scale - 0.25 / found) < 1e-7)
        }
      }
      let text =
        "base_lr: 1 lr_policy: 'fixed' max_iter: 1 iter_size: 3 snapshot_after_train: false \(clip)"
      let solver = try Training.solver(text, log: log)
      let before = solver.trainNet.parameters.flatMap(\.blob.array)
      _ = try solver.solve()
      return (before, solver.trainNet.parameters.flatMap(\.blob.array), norm)
    }
    let plain = try weights("")
    let clipped = try weights("clip_gradients: 0.25")
    #expect(plain.before == clipped.before && plain.norm == 0)
    #expect(clipped.norm > 0.25)
    for index in plain.before.indices {
      let step = plain.after[index] - plain.before[index]
      let want = step * 0.25 / clipped.norm
      #expect(abs(clipped.after[index] - clipped.before[index] - want) < 1e-6)
    }
    let loose = try weights("clip_gradients: 1e6")
    #expect(loose.after == plain.after && loose.norm == 0)
  }

  @Test("A parameter with lr_mult 0 stays as it is")
  func frozen() throws {
    let net = Training.net.replacing(
      "param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }",
      with: "param { lr_mult: 0 } param { lr_mult: 0 }")
    for rule in Self.rules {
      let solver = try Training.solver(
        "base_lr: 0.1 lr_policy: 'fixed' max_iter: 3 weight_decay: 0.1 snapshot_after_train: false "
          + rule.text, net: net)
      let before = solver.trainNet.parameters.map(\.blob.array)
      _ = try solver.solve()
      let after = solver.trainNet.parameters.map(\.blob.array)
      #expect(after[0] == before[0] && after[1] == before[1], "\(rule.text)")
      #expect(after[2] != before[2])
    }
  }
}
