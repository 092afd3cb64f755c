import CAllocations
import Foundation
import Nets
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
  func heap() async throws {
    let result = try await #require(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      let grown = try HeapTests.growth()
      FileHandle.standardError.write(Data("\ngrown: \(grown)\n".utf8))
    }
    let told = String(decoding: result.standardErrorContent, as: UTF8.self)
    let line = try #require(told.split(separator: "\n").last { $0.hasPrefix("grown: ") })
    let grown = try #require(Int(line.dropFirst("grown: ".count)))
    #expect(grown < 4096)
  }

  /// The bytes that the process has in use in the last iterations more than after the first 200, when
  /// all threads have begun; the least of 100 iterations, since threads come and go.
  private static func growth() throws -> Int {
    var options = Solver.Options()
    options.threads = 2
    options.keeps = .only([])
    var early = Int.max
    var late = Int.max
    options.observe = { event in
      guard case .step(let report) = event else { return }
      let bytes = Int(heap_bytes_in_use())
      if (200..<300).contains(report.iteration) { early = min(early, bytes) }
      if report.iteration >= 900 { late = min(late, bytes) }
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
    options.keeps = .only([])
    // What an iteration takes shows every time; what Swift's runtime takes once for itself does not.
    var counts: [allocation_count] = []
    options.observe = { event in
      guard case .step(let report) = event else { return }
      if report.iteration >= 80, report.iteration % 50 == 30 { counts.append(allocations_end()) }
      if report.iteration % 50 == 30 { allocations_begin() }
    }
    let text =
      "base_lr: 0.01 lr_policy: 'inv' gamma: 0.0001 power: 0.75 momentum: 0.9 max_iter: 182 "
      + "average_loss: 20 snapshot_after_train: false net_param {\n\(Self.lenet)\n}"
    _ = try Solver(try Training.message(text), path: nil, options: options).solve()
    let count = try #require(counts.min { ($0.growth, $0.largest) < ($1.growth, $1.largest) })
    #expect(count.growth <= 0, "the heap grew by \(count.growth) bytes")
    #expect(count.largest <= 256, "took up to \(count.largest) bytes, in \(count.calls) pieces")
  }
}
