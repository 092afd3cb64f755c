import Compute
import Foundation
import Nets
import Prototxt
import Testing

/// Sizes that no machine has must end in a message, before memory is asked for.
@Suite("Shapes without measure")
struct HugeShapeTests {
  private func messages(_ text: String) -> [String] {
    do {
      _ = try Graph.net(text)
      return []
    } catch let error as Diagnostics {
      return error.all.map(told)
    } catch {
      return ["\(error)"]
    }
  }

  @Test(
    "Shapes beyond what a blob may have",
    arguments: [
      "dim: 2000000000 dim: 2000000000 dim: 2000000000 dim: 2000000000",
      "dim: 9223372036854775807", "dim: 9223372036854775807 dim: 9223372036854775807",
      "dim: 2147483648", "dim: 65536 dim: 65536", "dim: 4611686018427387904 dim: 2",
      "dim: 0 dim: 9223372036854775807 dim: 9223372036854775807",
    ])
  func inputs(_ shape: String) {
    for (type, field) in [("Input", "input_param"), ("DummyData", "dummy_data_param")] {
      let text = "layer { name: 'd' type: '\(type)' top: 'x' \(field) { shape { \(shape) } } }"
      let found = messages(text)
      #expect(found.count == 1, "\(text)")
      #expect(found.first?.contains("layer 'd' (\(type))") == true, "\(found)")
    }
  }

  @Test(
    "Layers that make much of little",
    arguments: [
      "type: 'InnerProduct' inner_product_param { num_output: 2147483647 }",
      "type: 'InnerProduct' inner_product_param { num_output: 4294967295 }",
      "type: 'Convolution' convolution_param { num_output: 2147483647 kernel_size: 1 }",
      "type: 'Convolution' convolution_param { num_output: 1 kernel_size: 1 pad: 2147483647 }",
      "type: 'Convolution' convolution_param { num_output: 1 kernel_size: 1 pad: 4294967295 }",
      "type: 'Convolution' convolution_param { num_output: 64 kernel_size: 1 pad: 30000 }",
      "type: 'Convolution' convolution_param { num_output: 1 kernel_size: 4294967295 }",
      "type: 'Convolution' convolution_param { num_output: 1 kernel_size: 3 dilation: 4294967295 }",
      "type: 'Convolution' convolution_param { num_output: 1 kernel_size: 1 stride: 4294967295 pad: 4294967295 }",
      "type: 'Pooling' pooling_param { kernel_size: 4294967295 pad: 4294967294 }",
      "type: 'Pooling' pooling_param { kernel_size: 60000 pad: 59999 }",
      "type: 'LRN' lrn_param { local_size: 4294967295 }",
    ])
  func layers(_ layer: String) {
    let text =
      "layer { name: 'd' type: 'Input' top: 'x' input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }\n"
      + "layer { name: 'l' bottom: 'x' top: 'y' \(layer) }"
    let found = messages(text)
    // Some of these are odd but possible; what counts is that nothing crashes.
    if layer.contains("LRN") || layer.contains("stride") { return }
    #expect(!found.isEmpty, "\(layer)")
    #expect(found.first?.contains("layer 'l'") == true, "\(found)")
  }

  @Test("Batches of records", arguments: ["4294967295", "2147483647", "10000000"])
  func batches(_ size: String) {
    let source = packageFolder.appending(path: "Tests/Goldens/solvers/digits_lmdb").path
    let found = messages(
      Graph.layer(
        "Data", "d", [], ["x", "l"],
        "data_param { source: '\(source)' backend: LMDB batch_size: \(size) }"))
    #expect(found.count == 1 && found[0].contains("layer 'd' (Data)"), "\(found)")
  }

  @Test("A blob that is larger than the machine's memory")
  func blob() throws {
    let rows = 20_000
    try #require(Memory.physicalFloats < 2_147_000_000 * 10)
    // Each alone could be had, all together could not.
    let count = Memory.physicalFloats / (rows * 50_000) + 1
    let tops = (0..<count).map { "top: 'x\($0)' " }.joined()
    let found = messages(
      "layer { name: 'd' type: 'Input' \(tops) input_param { shape { dim: \(rows) dim: 50000 } } }")
    #expect(found.count == 1)
    #expect(
      found.first?.hasPrefix(
        "layer 'd' (Input): the blobs of the net up to here would take ") == true, "\(found)")
    #expect(found.first?.hasSuffix("of memory | choose a smaller batch or smaller sizes") == true)
  }

  @Test("Values that fit, but not with their gradients")
  func gradients() throws {
    let floats = Memory.physicalFloats * 3 / 5
    let rows = 1_000_000
    let blobs = floats / (1000 * rows) + 1
    let size = floats / blobs / rows
    var text =
      "force_backward: true\n"
      + Graph.layer(
        "Input", "d", [], ["x0"], "input_param { shape { dim: \(rows) dim: \(size) } }")
    for number in 1..<blobs {
      text += Graph.layer("TanH", "t\(number)", ["x\(number - 1)"], ["x\(number)"])
    }
    let found = messages(text)
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("the net with its gradients would take ") == true, "\(found)")
  }

  @Test("A shape that an input is given later")
  func reshape() throws {
    let net = try Graph.net(
      "input: 'x' input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n"
        + Graph.layer(
          "Convolution", "conv", ["x"], ["y"],
          "convolution_param { num_output: 4096 kernel_size: 1 }"))
    net.inputs[0].reshape([1, 3, 2000, 2000])
    #expect(throws: Diagnostic.self) { try net.reshape() }
  }

  @Test("Sizes of memory in words")
  func words() {
    #expect(Memory.text(bytes: 1_540_000_000) == "1.5 GB")
    #expect(Memory.text(bytes: 999_000) == "999.0 kB")
    #expect(Memory.text(bytes: Int.max) == "9.2 EB")
    #expect(Memory.physicalBytes > 100_000_000)
  }
}
