import Foundation
import Prototxt
import Testing

@testable import Schema

@Suite("Damaged and unusual binary files")
struct DamagedFileTests {
  /// Runs a step on a file with some bytes.
  private func withFile<Result>(_ bytes: [UInt8], _ step: (String) throws -> Result) throws
    -> Result
  {
    let path = Goldens.temporary("bytes")
    defer { unlink(path) }
    try AtomicFile.write(bytes, to: path)
    return try step(path)
  }

  private func message(_ bytes: [UInt8]) throws -> String {
    try withFile(bytes) { path in
      do throws(Diagnostics) {
        _ = try WeightFile(path: path)
        return ""
      } catch {
        return error.all.map(\.message).joined(separator: "; ")
      }
    }
  }

  /// A layer `x` with a blob.
  private func weights(blob: [UInt8]) -> [UInt8] {
    var writer = WireWriter()
    var layer = WireWriter()
    layer.append(tag: 1, length: 1)
    let name = layer.bytes + [UInt8(ascii: "x")]
    layer = WireWriter()
    layer.append(tag: 7, length: blob.count)
    let body = name + layer.bytes + blob
    writer.append(tag: 100, length: body.count)
    return writer.bytes + body
  }

  private func blob(_ bytes: [UInt8]) throws -> WeightBlob {
    try withFile(weights(blob: bytes)) {
      try #require(try WeightFile(path: $0).layers[0].blobs.first)
    }
  }

  private func floats(_ values: [Float]) -> [UInt8] {
    values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
  }

  @Test("Floats are read packed, single, and partly so")
  func packing() throws {
    let packed = [0x2a, 8] + floats([1, 2])
    let single = [0x2d] + floats([3]) + [0x2d] + floats([4])
    let shape: [UInt8] = [0x3a, 2, 0x08]
    #expect(try blob(packed + shape + [2]).floats() == [1, 2])
    #expect(try blob(single + shape + [2]).floats() == [3, 4])
    let mixed = try blob(packed + single + [0x3a, 4, 0x0a, 2, 2, 2])
    #expect(mixed.floats() == [1, 2, 3, 4])
    #expect(mixed.shape == [2, 2] && !mixed.isLegacyShape && !mixed.hasDiff)
  }

  @Test("Doubles become floats")
  func doubles() throws {
    let values = [0.5, -2].flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
    #expect(try blob([0x42, 16] + values + [0x3a, 2, 0x08, 2]).floats() == [0.5, -2])
  }

  @Test("Numbers of 16 bits, as NVIDIA's fork stores them")
  func halves() throws {
    let bits: [UInt16] = [0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x7c00]
    let raw = bits.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    let found = try blob([0x50, 2, 0x62, 12] + raw + [0x3a, 2, 0x08, 6])
    #expect(found.floats() == [1, -2, 0x1p-24, 65504, -0.0, .infinity])
  }

  @Test("A single number has no axes")
  func scalar() throws {
    #expect(try blob([0x2a, 4] + floats([7])).shape == [])
  }

  @Test("Lengths and shapes that lie are told with their place")
  func lies() throws {
    let shape: [UInt8] = [0x3a, 2, 0x08, 3]
    #expect(
      try message(weights(blob: [0x2a, 8] + floats([1, 2]) + shape))
        .hasPrefix("blob 0 of layer 'x' has the shape [3], that is 3 values, but holds 2"))
    #expect(
      try message(weights(blob: [0x2a, 7, 0, 0, 0, 0, 0, 0, 0])).hasPrefix(
        "7 bytes are no whole number"))
    let huge: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]
    #expect(
      try message([0xa2, 0x06] + huge).hasPrefix(
        "9223372036854775807 bytes should follow, but only 0 do"))
    #expect(
      try message(weights(blob: [0x2d, 0, 0, 0, 0, 0x3a, 20, 0x0a, 18] + huge + huge))
        .contains("impossible shape"))
    #expect(try message([0x0a, 1]).hasPrefix("1 bytes should follow"))
    #expect(try message([0x07, 1, 2]).hasPrefix("no field begins at byte 0"))
  }

  @Test("A cut-off file is a diagnostic wherever it ends")
  func cutOff() throws {
    let bytes = try Goldens.bytes(
      Goldens.folder.appending(path: "legacy/models/v2.caffemodel").path)
    for length in stride(from: 1, to: bytes.count, by: max(1, bytes.count / 97)) {
      _ = try message(Array(bytes.prefix(length)))
    }
  }

  @Test("Fields with a number of a fork do no harm")
  func foreignFields() throws {
    // 143 is input_param here and a message with numbers in PSPNet; 145 a number in NVIDIA's fork.
    let foreign: [UInt8] = [0xfa, 0x08, 2, 0x08, 5, 0x88, 0x09, 1]
    var layer = Message(.layer)
    layer.set("name", string: "x")
    let bytes = WireFormat.encode(layer) + foreign
    let read = try WireFormat.decode(bytes, as: .layer, source: "x")
    #expect(read.string("name") == "x" && !read.has("parameter_param"))
  }

  @Test("Parts of a message that is there twice are put together")
  func merging() throws {
    var first = Message(.layer)
    first.update("pooling_param", at: nil) { $0.set("stride", int: 2) }
    var second = Message(.layer)
    second.update("pooling_param", at: nil) { $0.set("pad", int: 1) }
    let both = WireFormat.encode(first) + WireFormat.encode(second)
    let pooling = try WireFormat.decode(both, as: .layer, source: "x").message("pooling_param")
    #expect(pooling.int("stride") == 2 && pooling.int("pad") == 1)
  }
}
