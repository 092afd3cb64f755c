import Compute
import Foundation
import Layers
import Nets
import Prototxt
import Schema
import Testing

@testable import netrun

@Suite("netrun export and netrun import")
struct ExportCommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let net = """
    name: "Small"
    layer { name: "data" type: "Input" top: "data"
      input_param { shape { dim: 2 dim: 3 dim: 8 dim: 9 } } }
    layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
      convolution_param { num_output: 4 kernel_size: 3 group: 1
        weight_filler { type: "gaussian" } bias_filler { type: "uniform" } } }
    layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
    layer { name: "norm" type: "BatchNorm" bottom: "conv" top: "norm" }
    layer { name: "pool" type: "Pooling" bottom: "norm" top: "pool"
      pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 } }
    layer { name: "drop" type: "Dropout" bottom: "pool" top: "pool" }
    layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc"
      inner_product_param { num_output: 5 weight_filler { type: "gaussian" } } }
    layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
    """

  private func run(_ arguments: String) throws -> Program.Result {
    try Program.run(arguments, in: folder.url)
  }

  private func data(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: folder.url.appending(path: name)))
  }

  @Test(
    "A net becomes a graph of ONNX's operators, its weights constants, its blobs values once each")
  func onnx() throws {
    try folder.write(Self.net, "net.txt")
    let result = try run("export net.txt --untrained -o net.onnx --sample sample.npz")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.out.contains("net.onnx: data 2×3×8×9 → prob 2×5, "))
    let model = try WireFields(data("net.onnx"))
    #expect(model.numbers(1) == [7] && model.text(2) == ["netrun"])
    #expect(model.messages(8).first?.numbers(2) == [13])
    let graph = try #require(model.messages(7).first)
    let nodes = graph.messages(1)
    #expect(
      nodes.flatMap { $0.text(4) } == [
        "Conv", "Relu", "BatchNormalization", "AveragePool", "Mul", "Reshape", "Gemm", "Softmax",
      ])
    let made = nodes.flatMap { $0.text(2) }
    #expect(Set(made).count == made.count && made.last == "prob")
    let constants = graph.messages(5)
    let known = Set(made + constants.flatMap { $0.text(8) } + ["data"])
    #expect(nodes.allSatisfy { $0.text(1).allSatisfy(known.contains) })
    // 6×7, windows of 3 in steps of 2 with a margin of 1: 4 rows and 4 columns of them.
    let pads = nodes[3].messages(5).first { $0.text(1) == ["pads"] }
    #expect(pads?.numbers(8) == [1, 1, 2, 1])
    let sample = try data("sample.npz")
    #expect(sample.starts(with: [0x50, 0x4b, 3, 4]))
    #expect(String(decoding: sample, as: UTF8.self).contains("output:prob.npy"))
  }

  @Test("What is made of an input in place is another value than the input")
  func inPlaceOnInput() throws {
    try folder.write(
      """
      layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
      layer { name: "r" type: "ReLU" bottom: "x" top: "x" }
      layer { name: "a" type: "AbsVal" bottom: "x" top: "y" }
      layer { name: "e" type: "Eltwise" bottom: "x" bottom: "y" top: "e" }
      """, "net.txt")
    let result = try run("export net.txt --untrained -o net.onnx")
    #expect(result.status == 0, "\(result.errors)")
    let graph = try #require(WireFields(data("net.onnx")).messages(7).first)
    let nodes = graph.messages(1)
    #expect(nodes.flatMap { $0.text(2) } == ["x@r", "y", "e"])
    #expect(nodes.map { $0.text(1) } == [["x"], ["x@r"], ["x@r", "y"]])
    #expect(graph.messages(12).map { $0.text(1) } == [["e"]])
  }

  @Test("Caffe divides a mean by what lies within the margin, and so does the graph")
  func meanCorrection() throws {
    try folder.write(Self.net, "net.txt")
    #expect(try run("export net.txt --untrained -o net.onnx").status == 0)
    let graph = try #require(WireFields(data("net.onnx")).messages(7).first)
    let counts = graph.messages(5).first { $0.text(8) == ["pool/counts"] }
    let bytes = try #require(counts?.bytes(9).first)
    let values = stride(from: 0, to: bytes.count, by: 4).map { start in
      bytes[(bytes.startIndex + start)..<(bytes.startIndex + start + 4)].reversed()
        .reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }.map { Float(bitPattern: $0) }
    // The last window of rows begins at row 5 and ends behind the margin at row 7.
    #expect(values == [Float](repeating: 1, count: 12) + [Float](repeating: 1.5, count: 4))
  }

  @Test("Layers without a counterpart are all told, and nothing is written")
  func unsupported() throws {
    try folder.write(
      Self.net + """

        layer { name: "s" type: "SPP" bottom: "norm" top: "s" spp_param { pyramid_height: 2 } }
        layer { name: "i" type: "Im2col" bottom: "norm" top: "i"
          convolution_param { kernel_size: 3 } }
        """, "net.txt")
    let result = try run("export net.txt --untrained -o net.onnx")
    #expect(result.status == 65 && !folder.exists("net.onnx"))
    #expect(
      result.errors.contains("layer 's' (SPP)") && result.errors.contains("layer 'i' (Im2col)"))
  }

  @Test("Weights come back from .safetensors as they were")
  func roundTrip() throws {
    try folder.write(Self.net, "net.txt")
    #expect(try run("export net.txt --untrained -o a.safetensors").status == 0)
    let made = try run("import a.safetensors net.txt -o a.caffemodel")
    #expect(made.status == 0, "\(made.errors)")
    #expect(try run("export net.txt --weights a.caffemodel -o b.safetensors").status == 0)
    #expect(try data("a.safetensors") == data("b.safetensors"))
    let tensors = try Safetensors(path: folder.url.appending(path: "a.safetensors").path)
    #expect(tensors.entries["conv/0"]?.shape == [4, 3, 3, 3] && tensors.entries.count == 7)
  }

  @Test("A map names arrays of other programs; all that does not fit is told at once")
  func map() throws {
    try folder.write(
      """
      layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 } } }
      layer { name: "fc" type: "InnerProduct" bottom: "x" top: "fc"
        inner_product_param { num_output: 2 } }
      """, "net.txt")
    let header = """
      {"w": {"dtype": "BF16", "shape": [3, 2], "data_offsets": [0, 12]}, \
      "b": {"dtype":"F16","shape":[2],"data_offsets":[12,16]}}
      """
    var file = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    file += Data(header.utf8)
    for value: Float in [1, 2, 3, 4, 5, 6] {
      withUnsafeBytes(of: UInt16(value.bitPattern >> 16).littleEndian) { file += $0 }
    }
    file += Data([0x00, 0x38, 0x00, 0xc0])
    try file.write(to: folder.url.appending(path: "w.safetensors"))
    try folder.write("# names\nw fc 0 transpose\nb fc 1\n", "map.txt")
    let result = try run("import w.safetensors net.txt --map map.txt -o w.caffemodel")
    #expect(result.status == 0, "\(result.errors)")
    let weights = try WeightFile(path: folder.url.appending(path: "w.caffemodel").path)
    let layer = try #require(weights.layers.first { $0.name == "fc" })
    #expect(layer.blobs[0].floats() == [1, 3, 5, 2, 4, 6] && layer.blobs[1].floats() == [0.5, -2])
    try folder.write("w fc 0\nb fc 7\nc fd 1\n", "map.txt")
    let bad = try run("import w.safetensors net.txt --map map.txt -o x.caffemodel")
    #expect(bad.status == 65 && !folder.exists("x.caffemodel"))
    #expect(bad.errors.contains("map.txt:2") && bad.errors.contains("did you mean 'fc'?"))
  }

  @Test("Damaged .safetensors files are refused with a reason")
  func damaged() throws {
    let path = folder.url.appending(path: "w.safetensors")
    for text in [
      "", "{", "{\"a\": 1}",
      "{\"a\": {\"dtype\": \"F32\", \"shape\": [9], \"data_offsets\": [0, 8]}}",
      "{\"a\": {\"dtype\": \"F32\", \"shape\": [4294967296, 4294967296], \"data_offsets\": [0, 0]}}",
    ] {
      var file = withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { Data($0) }
      file += Data(text.utf8)
      try file.write(to: path)
      #expect(throws: Diagnostic.self) { try Safetensors(path: path.path) }
    }
    try Data([255, 255, 255, 255, 255, 255, 255, 255, 1]).write(to: path)
    #expect(throws: Diagnostic.self) { try Safetensors(path: path.path) }
  }
}

/// The fields of a protobuf message, of whatever schema.
private struct WireFields {
  private var varints: [Int: [Int]] = [:]
  private var pieces: [Int: [ArraySlice<UInt8>]] = [:]

  init(_ bytes: [UInt8]) throws { try self.init(bytes[...]) }

  init(_ bytes: ArraySlice<UInt8>) throws {
    var rest = bytes
    func varint() throws -> UInt64 {
      var (value, shift) = (UInt64(0), UInt64(0))
      while let byte = rest.popFirst() {
        value |= UInt64(byte & 0x7f) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      throw CocoaError(.fileReadCorruptFile)
    }
    while !rest.isEmpty {
      let tag = Int(try varint())
      switch tag & 7 {
      case 0: varints[tag >> 3, default: []].append(Int(truncatingIfNeeded: try varint()))
      case 1: rest = rest.dropFirst(8)
      case 5: rest = rest.dropFirst(4)
      default:
        let count = Int(try varint())
        pieces[tag >> 3, default: []].append(rest.prefix(count))
        rest = rest.dropFirst(count)
      }
    }
  }

  func numbers(_ field: Int) -> [Int] { varints[field] ?? [] }
  func bytes(_ field: Int) -> [ArraySlice<UInt8>] { pieces[field] ?? [] }
  func text(_ field: Int) -> [String] { bytes(field).map { String(decoding: $0, as: UTF8.self) } }
  func messages(_ field: Int) -> [WireFields] { bytes(field).compactMap { try? WireFields($0) } }
}
