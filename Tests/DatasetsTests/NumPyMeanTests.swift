import Foundation
import Prototxt
import Schema
import Testing

@testable import Datasets

/// Mean images that a Python program saved.
@Suite("Means in .npy files")
struct NumPyMeanTests {
  private func file(_ type: String, _ shape: String, _ body: [UInt8], order: String = "False")
    -> [UInt8]
  {
    let header = "{'descr': '\(type)', 'fortran_order': \(order), 'shape': \(shape), }\n"
    let length = UInt16(header.utf8.count)
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 255), UInt8(length >> 8)]
      + Array(header.utf8) + body
  }

  private func mean(_ bytes: [UInt8]) throws -> MeanImage? {
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).npy").path
    try Data(bytes).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let net = "layer { name: 'd' type: 'Data' transform_param { mean_file: '\(path)' } }"
    let layer = try #require(TextFormat.parse(net, as: .net).messages("layer").first)
    return try TransformSettings(
      layer.message("transform_param"), owner: "layer 'd' (Data)", files: { [$0] }
    ).meanImage
  }

  @Test("Floats of both sizes and bytes are read, in the order that Caffe has")
  func values() throws {
    let numbers = (0..<24).map { Double($0) + 0.5 }
    let doubles = numbers.flatMap { number in
      withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) }
    }
    let floats = numbers.flatMap { number in
      withUnsafeBytes(of: Float(number).bitPattern.littleEndian) { Array($0) }
    }
    for bytes in [file("<f8", "(3, 2, 4)", doubles), file("<f4", "(1, 3, 2, 4)", floats)] {
      let image = try #require(try mean(bytes))
      #expect(image.size == ImageSize(channels: 3, height: 2, width: 4))
      #expect((0..<24).allSatisfy { image.values[$0] == Float(numbers[$0]) })
    }
    let gray = try #require(try mean(file("|u1", "(2, 3)", [1, 2, 3, 4, 5, 255])))
    #expect(gray.size == ImageSize(channels: 1, height: 2, width: 3) && gray.values[5] == 255)
  }

  @Test("What cannot be read is told, whatever is damaged")
  func damaged() throws {
    let good = file("<f4", "(1, 2)", Array(repeating: 0, count: 8))
    for (bytes, reason) in [
      (Array(good.prefix(9)), "ends in its header"), (Array(good.prefix(30)), "ends in its header"),
      (Array(good.dropLast()), "7 bytes behind its header"),
      (file("<i4", "(1, 2)", Array(repeating: 0, count: 8)), "numbers of type '<i4'"),
      (file("<f4", "(1, 2)", Array(repeating: 0, count: 8), order: "True"), "columns first"),
      (file("<f4", "(9999999999, 9999999999, 9)", []), "shape makes no sense"),
      (file("|u1", "(99999999999999999999999, 1)", [1]), "shape makes no sense"),
      (file("<f4", "(2, 1, 1, 2)", Array(repeating: 0, count: 16)), "a single image is expected"),
    ] {
      do {
        _ = try mean(bytes)
        Issue.record("accepted: \(reason)")
      } catch let problems as Diagnostics {
        #expect(problems.all.first?.message.contains(reason) == true, "\(problems.all)")
      }
    }
  }
}
