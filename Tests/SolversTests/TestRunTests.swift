import Compute
import Foundation
import Layers
import Nets
import Schema
import Solvers
import Testing

@Suite("One pass over the test data")
struct TestRunTests {
  private static let digits = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Goldens/solvers/digits_lmdb").path

  private func run(batch: Int) throws -> TestRun {
    let text = """
      layer { name: 'd' type: 'Data' top: 'x' top: 'l' transform_param { scale: 0.004 }
        data_param { source: '\(Self.digits)' batch_size: \(batch) backend: LMDB } }
      layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y'
        inner_product_param { num_output: 10 weight_filler { type: 'xavier' } } }
      layer { name: 'acc' type: 'Accuracy' bottom: 'y' bottom: 'l' top: 'accuracy' }
      layer { name: 'best' type: 'ArgMax' bottom: 'y' top: 'best' }
      """
    let net = try Net(
      TextFormat.parse(text, as: .net),
      options: Net.Options(
        state: NetState(phase: .test), context: LayerContext(workers: Workers(count: 1), seed: 7)))
    return try #require(try TestRun.run(net, iterations: nil))
  }

  @Test("every record counts once, also where outputs have a value for each record")
  func partialLastBatch() throws {
    let whole = try run(batch: 512)
    let parts = try run(batch: 100)
    #expect(parts.samples == 512 && parts.batches == 6)
    let accuracy = { (run: TestRun) in run.means.first { $0.name == "accuracy" }?.value }
    let want = try #require(accuracy(whole))
    let got = try #require(accuracy(parts))
    #expect(abs(want - got) < 1e-6)
    #expect(parts.means.filter { $0.name == "best" }.count == 100)
    #expect(whole.means.filter { $0.name == "best" }.count == 512)
  }
}

@Suite("Weights that no gradient reaches")
struct UnreachedWeightTests {
  @Test("they decay all the same, as in Caffe")
  func decay() throws {
    let net = """
      layer { name: 'data' type: 'DummyData' top: 'x' top: 'label'
        dummy_data_param { shape { dim: 4 dim: 3 } shape { dim: 4 }
          data_filler { type: 'gaussian' } data_filler { type: 'constant' value: 1 } } }
      layer { name: 'below' type: 'InnerProduct' bottom: 'x' top: 'y'
        inner_product_param { num_output: 5 weight_filler { type: 'constant' value: 1 } } }
      layer { name: 'above' type: 'InnerProduct' bottom: 'y' top: 'z' propagate_down: false
        inner_product_param { num_output: 2 weight_filler { type: 'xavier' } } }
      layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'z' bottom: 'label' top: 'loss' }
      """
    let solver = try Training.solver(
      """
      base_lr: 0.1 lr_policy: 'fixed' max_iter: 2 weight_decay: 0.5 snapshot_after_train: false
      """, net: net, in: Scratch())
    _ = try solver.solve()
    let weights = try #require(solver.trainNet.node("below")?.layer.parameters.first)
    #expect(weights.array.allSatisfy { abs($0 - 0.95 * 0.95) < 1e-6 })
  }
}
