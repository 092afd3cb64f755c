import Foundation
import Nets
import Testing

@testable import Solvers

@Suite("Runs whose blobs share memory") struct SharedMemoryRunTests {
  private static let net = """
    layer { name: 'data' type: 'DummyData' top: 'x' top: 'label'
      dummy_data_param { shape { dim: 9 dim: 2 dim: 10 dim: 10 } shape { dim: 9 }
        data_filler { type: 'gaussian' } data_filler { type: 'uniform' min: 0 max: 2.99 } } }
    layer { name: 'conv' type: 'Convolution' bottom: 'x' top: 'conv'
      convolution_param { num_output: 6 kernel_size: 3 pad: 1 weight_filler { type: 'xavier' } } }
    layer { name: 'norm' type: 'BatchNorm' bottom: 'conv' top: 'norm' }
    layer { name: 'scale' type: 'Scale' bottom: 'norm' top: 'norm' scale_param { bias_term: true } }
    layer { name: 'relu' type: 'ReLU' bottom: 'norm' top: 'norm' }
    layer { name: 'more' type: 'Convolution' bottom: 'norm' top: 'more'
      convolution_param { num_output: 6 kernel_size: 3 pad: 1 weight_filler { type: 'xavier' } } }
    layer { name: 'sum' type: 'Eltwise' bottom: 'norm' bottom: 'more' top: 'sum' }
    layer { name: 'pool' type: 'Pooling' bottom: 'sum' top: 'pool'
      pooling_param { kernel_size: 2 stride: 2 } }
    layer { name: 'drop' type: 'Dropout' bottom: 'pool' top: 'pool' }
    layer { name: 'ip' type: 'InnerProduct' bottom: 'pool' top: 'z'
      inner_product_param { num_output: 3 weight_filler { type: 'xavier' } } }
    layer { name: 'accuracy' type: 'Accuracy' bottom: 'z' bottom: 'label' top: 'accuracy' }
    layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'z' bottom: 'label' top: 'loss' }
    """

  private struct Trace: Equatable {
    let weights: Data
    let losses: [Float]
    let scores: [String: [Float]]
  }

  /// Trains with tests in between; stopped and taken up again in the middle if asked.
  private func run(
    _ keeps: Net.Keeping, threads: Int, stops: Bool = false, more: String = ""
  ) throws -> Trace {
    let scratch = try Scratch()
    let log = SolverLog()
    let text =
      "base_lr: 0.05 lr_policy: 'fixed' momentum: 0.9 max_iter: 8 iter_size: 2 test_interval: 3 "
      + "test_iter: 2 \(more)"
    for attempt in 0..<(stops ? 2 : 1) {
      let requests = StopRequests()
      log.onEvent = { event in
        if stops, attempt == 0, case .step(let report) = event, report.iteration == 4 {
          requests.requestStop(signal: 2)
        }
      }
      let solver = try Training.solver(
        text, net: Self.net, in: scratch, threads: threads, log: log
      ) {
        $0.keeps = keeps
        $0.requests = requests
        if attempt > 0 { $0.snapshot = .automatic }
      }
      _ = try solver.solve()
    }
    return Trace(
      weights: try scratch.data("snap_iter_8.caffemodel"), losses: log.losses, scores: log.scores)
  }

  @Test("end with the same bits, with any number of threads, in one go or in two")
  func sameBits() throws {
    let want = try run(.all, threads: 1)
    #expect(want.losses.count >= 8 && !want.scores.isEmpty)
    for threads in [1, 2] {
      #expect(try run(.only([]), threads: threads) == want)
      #expect(try run(.only(["norm"]), threads: threads) == want)
      #expect(try run(.only([]), threads: threads, stops: true).weights == want.weights)
    }
    let debug = "debug_info: true display: 2"
    #expect(
      try run(.only([]), threads: 2, more: debug).losses
        == run(.all, threads: 1, more: debug).losses)
  }
}
