import CCaffeSchema
import Prototxt
import Testing

@testable import Schema

@Suite("The binary format")
struct WireFormatTests {
  private static func isHDF5(_ bytes: [UInt8]) -> Bool {
    bytes.starts(with: FileKind.hdf5Signature)
  }

  @Test(
    "What Caffe wrote is read and written again with the same bytes",
    arguments: [
      (".caffemodel", "NetParameter", 50), (".solverstate", "SolverState", 20),
    ])
  func sameBytes(ending: String, type: String, atLeast: Int) throws {
    let paths = Goldens.paths(ending)
    #expect(paths.count > atLeast)
    for path in paths {
      let bytes = try Goldens.bytes(path)
      let message = try WireFormat.decode(bytes, as: Schema.message(type), source: path)
      #expect(WireFormat.encode(message) == bytes, "\(path)")
    }
  }

  @Test("protobuf-c reads what is written, and writes the same")
  func referee() throws {
    for path in Goldens.paths("net.prototxt").prefix(200) {
      let file = SourceFile(name: path, bytes: try Goldens.bytes(path))
      let message = try TextFormat.parse(file: file, as: .net).message
      let bytes = WireFormat.encode(message)
      #expect(try Referee.repack(bytes) == bytes, "\(path)")
    }
  }
}

/// protobuf-c's own reader and writer.
private enum Referee {
  struct Refused: Error {}

  static func repack(_ bytes: [UInt8]) throws -> [UInt8] {
    guard let net = caffe__net_parameter__unpack(nil, bytes.count, bytes) else { throw Refused() }
    defer { caffe__net_parameter__free_unpacked(net, nil) }
    let size = caffe__net_parameter__get_packed_size(net)
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      count = caffe__net_parameter__pack(net, buffer.baseAddress)
    }
  }
}
