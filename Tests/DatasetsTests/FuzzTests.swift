import Compute
import Foundation
import Testing

@testable import Datasets

@Suite("Changed records")
struct FuzzTests {
  /// How many; more by the variable NETRUN_FUZZ.
  static let rounds =
    ProcessInfo.processInfo.environment["NETRUN_FUZZ"].flatMap { Int($0) } ?? 20_000

  /// Bytes with some changed, cut off, put in or taken out.
  static func mutated(_ original: [UInt8], _ random: inout TestRandom) -> [UInt8] {
    var bytes = original
    for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes.removeLast(bytes.count - place)
      case 1: bytes.insert(UInt8.random(in: .min ... .max, using: &random), at: place)
      case 2: bytes.remove(at: place)
      case 3: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 4: bytes[place] = [0, 0x7f, 0x80, 0xff][Int.random(in: 0..<4, using: &random)]
      default: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
      }
    }
    return bytes
  }

  /// Records of all kinds: bytes, floats in one piece and single, images.
  static func seeds() throws -> [[UInt8]] {
    try ["gray", "color", "float", "png", "pnggray", "jpg", "varied"].flatMap { name in
      try DataSupport.records("\(DataSupport.data)/\(name)_lmdb").prefix(3).map(\.value)
    } + [[0x35, 0, 0, 0, 0, 0x08, 1, 0x10, 1, 0x18, 2, 0x35, 1, 2, 3, 4]]
  }

  @Test("Changed Datums are read or told, but never end the program")
  func datums() throws {
    let seeds = try Self.seeds()
    var random = TestRandom(11)
    let decoder = ImageDecoder()
    let floats = Blob("floats", shape: [1 << 16])
    let transform = ImageTransform(
      TransformSettings(), isTraining: true, random: RandomStream(key: 1))
    var read = 0
    var told = 0
    for round in 0..<Self.rounds {
      let bytes = Self.mutated(seeds[round % seeds.count], &random)
      bytes.withUnsafeBytes { bytes in
        do throws(DatumFault) {
          let datum = try Datum(bytes)
          if datum.isEncoded {
            _ = try decoder.decode(datum.data, [.gray, .color, .unchanged][round % 3])
          } else if try datum.checkedCount() < floats.count, datum.data.isEmpty {
            datum.copyFloats(into: floats.values)
          } else if let pixels = datum.data.baseAddress, datum.data.count < floats.count {
            let size = ImageSize(
              channels: datum.channels, height: datum.height, width: datum.width)
            transform.apply(
              pixels.assumingMemoryBound(to: UInt8.self), size, to: floats.values)
          }
          read += 1
        } catch { told += 1 }
      }
    }
    #expect(read > 0 && told > 0)
  }

  @Test("Changed PNG and JPEG files are decoded or told, but never end the program")
  func images() throws {
    let folder = "\(DataSupport.data)/img"
    let files = folderNames(folder).filter { $0.hasSuffix("g") }
    let seeds = try files.map {
      try Array(Foundation.Data(contentsOf: URL(filePath: "\(folder)/\($0)")))
    }
    #expect(seeds.count > 8)
    var random = TestRandom(12)
    let decoder = ImageDecoder()
    var decoded = 0
    for round in 0..<Self.rounds {
      let bytes = Self.mutated(seeds[round % seeds.count], &random)
      bytes.withUnsafeBytes { bytes in
        if (try? decoder.decode(bytes, [.gray, .color, .unchanged][round % 3])) != nil {
          decoded += 1
        }
      }
    }
    #expect(decoded > 0)
  }
}
