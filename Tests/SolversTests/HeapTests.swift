import CAllocations
import Foundation
import Schema
import Testing

@testable import Solvers

@Suite("Memory of a run")
struct HeapTests {
  private static let lenet = """
    layer { name: 'data' type: 'DummyData' top: 'data' top: 'label'
      dummy_data_param { shape { dim: 4 dim: 1 dim: 16 dim: 16 } shape { dim: 4 }
        data_filler { type: 'gaussian' } data_filler { type: 'uniform' min: 0 max: 9.99 } } }
    layer { name: 'conv1' type: 'Convolution' bottom: 'data' top: 'conv1'
      convolution_param { num_output: 4 kernel_size: 5 weight_filler { type: 'xavier' } } }
    layer { name: 'pool1' type: 'Pooling' bottom: 'conv1' top: 'pool1'
      pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
    layer { name: 'conv2' type: 'Convolution' bottom: 'pool1' top: 'conv2'
      convolution_param { num_output: 6 kernel_size: 3 weight_filler { type: 'xavier' } } }
    layer { name: 'pool2' type: 'Pooling' bottom: 'conv2' top: 'pool2'
      pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
    layer { name: 'ip1' type: 'InnerProduct' bottom: 'pool2' top: 'ip1'
      inner_product_param { num_output: 20 weight_filler { type: 'xavier' } } }
    layer { name: 'relu1' type: 'ReLU' bottom: 'ip1' top: 'ip1' }
    layer { name: 'drop1' type: 'Dropout' bottom: 'ip1' top: 'ip1' }
    layer { name: 'ip2' type: 'InnerProduct' bottom: 'ip1' top: 'ip2'
      inner_product_param { num_output: 10 weight_filler { type: 'xavier' } } }
    layer { name: 'accuracy' type: 'Accuracy' bottom: 'ip2' bottom: 'label' top: 'accuracy' }
    layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip2' bottom: 'label' top: 'loss' }
    """

  /// Runs in a process of its own, where no other test takes memory.
  @Test(
    "1,000 iterations leave the heap as it was", .enabled(if: allocations_can_be_counted() != 0))
  func heap() async {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      let grown = try HeapTests.growth()
      guard grown < 4096 else {
        FileHandle.standardError.write(Data("the heap grew by \(grown) bytes".utf8))
        exit(EXIT_FAILURE)
      }
    }
    let told = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(!told.contains("the heap grew"), "\(told)")
  }

  /// The bytes that the process has in use at iteration 1,000 more than at iteration 10.
  private static func growth() throws -> Int {
    var options = Solver.Options()
    options.threads = 2
    var early = 0
    var late = 0
    options.observe = { event in
      guard case .step(let report) = event else { return }
      if report.iteration == 10 { early = Int(heap_bytes_in_use()) }
      if report.iteration == 1000 { late = Int(heap_bytes_in_use()) }
    }
    let text =
      "base_lr: 0.01 lr_policy: 'inv' gamma: 0.0001 power: 0.75 momentum: 0.9 max_iter: 1001 "
      + "average_loss: 20 display: 100 test_interval: 500 test_iter: 2 snapshot_after_train: false "
      + "net_param {\n\(lenet)\n}"
    _ = try Solver(try Training.message(text), path: nil, options: options).solve()
    return late - early
  }

  @Test(
    "An iteration takes no buffer from the heap",
    .enabled(if: allocations_can_be_counted() != 0))
  func iteration() throws {
    var options = Solver.Options()
    options.threads = 1
    var count = allocation_count()
    options.observe = { event in
      guard case .step(let report) = event else { return }
      if report.iteration == 30 { allocations_begin() }
      if report.iteration == 80 { count = allocations_end() }
    }
    let text =
      "base_lr: 0.01 lr_policy: 'inv' gamma: 0.0001 power: 0.75 momentum: 0.9 max_iter: 82 "
      + "average_loss: 20 snapshot_after_train: false net_param {\n\(Self.lenet)\n}"
    _ = try Solver(try Training.message(text), path: nil, options: options).solve()
    #expect(count.growth == 0, "the heap grew by \(count.growth) bytes")
    #expect(count.largest <= 256, "took up to \(count.largest) bytes, in \(count.calls) pieces")
  }
}
