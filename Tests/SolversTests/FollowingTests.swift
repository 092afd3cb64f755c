import Compute
import Foundation
import Nets
import Testing

@testable import Solvers

/// Parameters that move during the backward pass, against a run whose parameters all move after it.
@Suite("Parameters that follow their gradients")
struct FollowingTests {
  /// Inner products of several blocks in each direction, that neither blocks nor vectors divide.
  private static func layers(_ batch: Int, shared: Bool = false) -> String {
    let name = shared ? "param { name: 'w' }" : ""
    let sizes = shared ? (300, 300) : (331, 277)
    return """
      layer { name: 'data' type: 'DummyData' top: 'x' top: 'label'
        dummy_data_param { shape { dim: \(batch) dim: 300 } shape { dim: \(batch) }
          data_filler { type: 'gaussian' } data_filler { type: 'uniform' min: 0 max: 9.99 } } }
      layer { name: 'ip1' type: 'InnerProduct' bottom: 'x' top: 'y' \(name)
        inner_product_param { num_output: \(sizes.0) weight_filler { type: 'xavier' } } }
      layer { name: 'relu1' type: 'ReLU' bottom: 'y' top: 'y' }
      layer { name: 'ip2' type: 'InnerProduct' bottom: 'y' top: 'z' \(name)
        \(shared ? "" : "param { lr_mult: 0.5 decay_mult: 2 } param { lr_mult: 2 decay_mult: 0 }")
        inner_product_param { num_output: \(sizes.1) weight_filler { type: 'xavier' } } }
      layer { name: 'sigmoid' type: 'Sigmoid' bottom: 'z' top: 'z' }
      layer { name: 'ip3' type: 'InnerProduct' bottom: 'z' top: 's'
        inner_product_param { num_output: 10 weight_filler { type: 'xavier' } } }
      layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 's' bottom: 'label' top: 'loss' }
      """
  }

  private static let base =
    "base_lr: 0.01 lr_policy: 'inv' gamma: 0.1 power: 0.75 max_iter: 4 snapshot_after_train: false "

  /// Never reached, but it needs all gradients together.
  private static let plain = "clip_gradients: 1e30 "

  private func run(_ text: String, net: String = layers(20), threads: Int = 1) throws -> Solver {
    let solver = try Training.solver(Self.base + text, net: net, threads: threads)
    #expect(try solver.solve() == .finished)
    return solver
  }

  /// Weights and what the rule remembers, as bits.
  private func bits(_ solver: Solver) -> [[UInt32]] {
    (solver.trainNet.parameters.map(\.blob) + solver.updater.history).map { blob in
      blob.array.map(\.bitPattern)
    }
  }

  private static let everyRule = [
    "momentum: 0.9 weight_decay: 0.01", "type: 'SGD'",
    "momentum: 0.9 weight_decay: 0.001 regularization_type: 'L1'",
    "type: 'Nesterov' momentum: 0.9 weight_decay: 0.01", "type: 'AdaGrad' weight_decay: 0.01",
    "type: 'RMSProp' rms_decay: 0.9", "type: 'AdaDelta' momentum: 0.9 weight_decay: 0.01",
    "type: 'Adam' momentum: 0.9 weight_decay: 0.01",
    "type: 'AdamW' momentum: 0.9 weight_decay: 0.01",
  ]

  @Test(
    "Every rule gives the same bits as after the pass, with 1, 2 and 3 threads",
    arguments: everyRule)
  func rules(_ rule: String) throws {
    let plain = try run(rule + " " + Self.plain)
    #expect(!plain.updater.follows)
    let wanted = bits(plain)
    for threads in 1...3 {
      let solver = try run(rule, threads: threads)
      let followed = solver.trainNet.parameters.indices.filter(solver.trainNet.isFollowed)
      #expect(followed.map { solver.trainNet.parameters[$0].title } == ["ip1[0]", "ip2[0]"])
      #expect(followed.allSatisfy { !solver.trainNet.parameters[$0].blob.hasGradient })
      #expect(bits(solver) == wanted, "\(threads) threads")
    }
  }

  @Test("Batches of all kinds give the same bits", arguments: [1, 3, 11, 12, 64, 70])
  func batches(_ batch: Int) throws {
    let net = Self.layers(batch)
    let rule = "momentum: 0.9 weight_decay: 0.01 "
    let wanted = try bits(run(rule + Self.plain, net: net))
    #expect(try bits(run(rule, net: net)) == wanted)
    #expect(try bits(run(rule, net: net, threads: 2)) == wanted)
  }

  @Test(
    "What needs gradients as they are, or all together, gets them",
    arguments: ["iter_size: 2", "snapshot_diff: true", "debug_info: true", "clip_gradients: 35"])
  func needed(_ text: String) throws {
    let solver = try run(text)
    #expect(!solver.updater.follows)
    let gradients = solver.trainNet.parameters.map(\.blob)
    #expect(gradients.allSatisfy { $0.hasGradient && $0.gradientArray.contains { $0 != 0 } })
  }

  @Test("A parameter of two layers waits for the gradients of both")
  func shared() throws {
    let net = Self.layers(20, shared: true)
    let solver = try run("momentum: 0.9", net: net)
    #expect(!solver.updater.follows)
    #expect(try bits(solver) == bits(run("momentum: 0.9 " + Self.plain, net: net)))
  }

  @Test("Parameters that do not learn stay, and decay where Caffe's do")
  func resting() throws {
    let net = Self.layers(20).replacing(
      "top: 'y' \n", with: "top: 'y' param { lr_mult: 0 } param { lr_mult: 0 }\n")
    let rule = "momentum: 0.9 weight_decay: 0.01 "
    let solver = try run(rule, net: net)
    #expect(solver.trainNet.isFollowed(2))
    #expect(try bits(solver) == bits(run(rule + Self.plain, net: net)))
  }

  @Test("A backward pass that nobody follows stores all gradients and moves nothing")
  func unfollowed() throws {
    let solver = try run("momentum: 0.9")
    let net = solver.trainNet
    let before = bits(solver)
    try net.forward()
    net.backward()
    #expect(bits(solver) == before)
    #expect(!net.isFollowed(0))
    #expect(net.parameters[0].blob.gradientArray.contains { $0 != 0 })
    net.backward(following: true)
    #expect(net.isFollowed(0) && !net.parameters[0].blob.hasGradient)
    #expect(bits(solver) != before)
  }

  @Test("A gradient that is not finite is found, though it is not stored")
  func nonFinite() throws {
    let net = """
      layer { name: 'x' type: 'DummyData' top: 'x'
        dummy_data_param { shape { dim: 4 dim: 200 } data_filler { value: 1e20 } } }
      layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' loss_weight: 1e25
        inner_product_param { num_output: 100 } }
      """
    let found = Training.refused {
      _ = try Training.solver(Self.base, net: net, threads: 2).solve()
    }
    #expect(found.count == 1)
    #expect(
      found.first?.hasPrefix(
        "a gradient is not finite in iteration 0: the first gradient that is not finite is in blob "
          + "'param 0' of layer 'ip'") == true, "\(found)")
  }

  @Test("Where numbers may be other than finite, parameters move by them all the same")
  func allowed() throws {
    let net = """
      layer { name: 'x' type: 'DummyData' top: 'x'
        dummy_data_param { shape { dim: 4 dim: 200 } data_filler { value: 1e20 } } }
      layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' loss_weight: 1e25
        inner_product_param { num_output: 100 } }
      """
    for text in ["", Self.plain] {
      let solver = try Training.solver(Self.base + text, net: net) { $0.allowsNonFinite = true }
      #expect(solver.updater.follows == text.isEmpty)
      #expect(try solver.solve() == .finished)
      #expect(solver.trainNet.parameters[0].blob.array.allSatisfy { !$0.isFinite })
    }
  }
}
