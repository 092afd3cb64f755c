import Compute
import Foundation
import Layers
import Nets
import Prototxt
import Schema
import Testing

@testable import Datasets

@Suite("Data layers against Caffe's values")
struct DataGoldenTests {
  /// The cases whose layers there are all.
  static let cases: [String] = folderNames(DataSupport.data)
    .filter { $0.hasPrefix("data_") && $0.hasSuffix(".prototxt") && $0 != "data_leveldb.prototxt" }
    .filter { name in
      let net = try? NetDescription.load("\(DataSupport.data)/\(name)").net
      return net?.messages("layer").allSatisfy {
        LayerCatalog.type(named: $0.string("type")) != nil
      } == true
    }

  /// A value of a line such as `# phase: TEST`.
  private func value(_ name: String, _ text: String) -> String? {
    text.split(separator: "\n").first { $0.hasPrefix("# \(name): ") }
      .map { String($0.dropFirst(name.count + 4)) }
  }

  @Test("The values are Caffe's", arguments: cases)
  func golden(_ name: String) throws {
    let path = "\(DataSupport.data)/\(name)"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let phase = try #require(value("phase", text).flatMap(Phase.init))
    let context = LayerContext(
      workers: Workers(count: 1), files: FileResolver(folder: DataSupport.data))
    let net = try Net(
      try NetDescription.load(path).net,
      options: Net.Options(state: NetState(phase: phase), context: context))
    let expected = try WeightFile(path: path.replacing(".prototxt", with: ".binaryproto"))
    for (layer, node) in net.nodes.map({ node in
      (expected.layers.first { $0.name == node.name && $0.type == node.spec.type }, node)
    }) {
      for (blob, parameter) in zip(layer?.blobs ?? [], node.layer.parameters) {
        parameter.assign(blob.floats())
      }
    }
    let forwards = value("forwards", text).flatMap { Int($0) } ?? 1
    for forward in 1...forwards {
      try net.forward()
      let type = forwards > 1 ? "Blob.\(forward)" : "Blob"
      let blobs = expected.layers.filter { $0.type == type }
      #expect(!blobs.isEmpty)
      for layer in blobs {
        let want = try #require(layer.blobs.first)
        let got = try #require(net.blob(layer.name))
        #expect(got.shape.dimensions == want.shape, "\(layer.name), pass \(forward)")
        let values = want.floats()
        let largest = values.map(abs).max() ?? 0
        let limit =
          value("abs_tolerance", text).flatMap { Float($0) }
          ?? (value("tolerance", text).flatMap { Float($0) } ?? 0) * max(0.05, largest)
        let difference = zip(got.array, values).map { abs($0 - $1) }.max() ?? .infinity
        #expect(difference <= limit, "\(layer.name), pass \(forward)")
      }
    }
  }

  @Test("There are cases")
  func isThere() { #expect(Self.cases.count >= 18) }

  @Test("LevelDB ends in a diagnostic at the source")
  func levelDB() throws {
    let path = "\(DataSupport.data)/data_leveldb.prototxt"
    let context = LayerContext(
      workers: Workers(count: 1), files: FileResolver(folder: DataSupport.data))
    let problems = DataSupport.problems {
      _ = try Net(
        try NetDescription.load(path).net,
        options: Net.Options(state: NetState(phase: .test), context: context))
    }
    #expect(problems.count == 1)
    #expect(problems.first?.message.contains("is a LevelDB, which cannot be read") == true)
    #expect(problems.first?.location != nil && problems.first?.help != nil)
  }

  @Test(
    "JPEG and PNG images are those that OpenCV decodes",
    arguments: [
      ("imagedata_color", ImageColor.color), ("imagedata_gray", .gray), ("imagedata_jpg", .color),
    ])
  func decoding(_ name: String, _ color: ImageColor) throws {
    let text = try String(contentsOfFile: "\(DataSupport.data)/\(name).prototxt", encoding: .utf8)
    let net = try NetDescription.load("\(DataSupport.data)/\(name).prototxt").net
    let parameters = net.messages("layer")[0].message("image_data_param")
    let lines = try String(
      contentsOfFile: "\(DataSupport.data)/\(parameters.string("source"))", encoding: .utf8
    ).split(separator: "\n")
    let expected = try WeightFile(path: "\(DataSupport.data)/\(name).binaryproto")
    let blob = try #require(expected.layers.first { $0.name == "data" }?.blobs.first)
    let values = blob.floats()
    let decoder = ImageDecoder()
    let size = blob.shape.suffix(3).reduce(1, *)
    let limit = value("abs_tolerance", text).flatMap { Float($0) } ?? 0
    for (index, line) in lines.prefix(blob.shape[0]).enumerated() {
      let file = line[..<(try #require(line.lastIndex(of: " ")))]
      let path = "\(DataSupport.data)/\(parameters.string("root_folder"))\(file)"
      let bytes = try Array(Foundation.Data(contentsOf: URL(filePath: path)))
      let got = try bytes.withUnsafeBytes { bytes in
        let pixels = try decoder.decode(bytes, color)
        return Array(UnsafeBufferPointer(start: pixels, count: size)).map(Float.init)
      }
      #expect([decoder.channels, decoder.height, decoder.width] == Array(blob.shape.suffix(3)))
      let want = values[index * size..<(index + 1) * size]
      let difference = zip(got, want).map { abs($0 - $1) }.max() ?? .infinity
      // JPEG's decoders may differ; PNG's pixels are the same everywhere.
      #expect(difference <= (file.hasSuffix(".png") ? 0 : limit), "\(file)")
    }
  }
}
