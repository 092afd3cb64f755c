import Foundation
import Prototxt
import Testing

@testable import Schema

/// Files with random damage: each must end in a diagnostic or in success, never in a crash.
///
/// `NETRUN_FUZZ=200000` asks for so many inputs in place of the few that a test run can spare.
@Suite("Randomly damaged files")
struct FuzzTests {
  static let count = ProcessInfo.processInfo.environment["NETRUN_FUZZ"].flatMap(Int.init) ?? 3000

  @Test("Texts")
  func texts() throws {
    let seeds = try Goldens.paths(".prototxt").filter { !$0.contains("/layers/") }
      .map { try Goldens.bytes($0) }.filter { $0.count < 4000 }
    try #require(!seeds.isEmpty)
    var random = Generator(seed: 1)
    for index in 0..<Self.count / 2 {
      let bytes = Mutation(seeds, words: Self.words).next(&random)
      let file = SourceFile(name: "fuzz", bytes: bytes)
      let type: MessageType = index % 3 == 0 ? .solver : .net
      do {
        let message = try TextFormat.parse(file: file, as: type).message
        #expect(try TextFormat.parse(TextFormat.print(message), as: type) == message)
        if type == .net { _ = try NetUpgrade(message) } else { _ = try SolverUpgrade(message) }
      } catch {
        #expect(error.hasErrors)
        #expect(!error.rendered(color: true).isEmpty)
      }
    }
  }

  private static let words = [
    "{", "}", "<", ">", "[", "]", ":", ",", ";", "-", "\"", "'", "#", "\n", "\\x", "0x", "1e",
    "inf",
    "layer", "layers", "input_dim: 5", "type: \"padding\"", "type: \"pool\"", "卷", "\u{0}",
    "-9e999",
    "99999999999999999999", "clip_param {}", "[ext]", "state", "\\u12", "param: 'x'",
    "layer { layer {",
  ].map { Array($0.utf8) }

  @Test("Weights, states and blobs")
  func binaries() throws {
    let weights = try seeds(".caffemodel")
    let states = try seeds(".solverstate")
    var random = Generator(seed: 2)
    let path = Goldens.temporary("fuzz")
    defer { unlink(path) }
    for index in 0..<Self.count / 2 {
      let bytes = Mutation(index % 2 == 0 ? weights : states, words: Self.wires).next(&random)
      try Data(bytes).write(to: URL(filePath: path))
      do {
        for layer in try WeightFile(path: path).layers { readAll(layer.blobs, bytes.count) }
      } catch { #expect(error.hasErrors) }
      do {
        try readAll(SolverStateFile(path: path).history, bytes.count)
      } catch { #expect(error.hasErrors) }
      do {
        try readAll([BlobFile(path: path).blob], bytes.count)
      } catch { #expect(!error.rendered(color: false).isEmpty) }
      do {
        let net = try WireFormat.decode(bytes, as: .net, source: "fuzz")
        let again = try WireFormat.decode(WireFormat.encode(net), as: .net, source: "again")
        #expect(net == again)
      } catch { #expect(!error.rendered(color: false).isEmpty) }
    }
  }

  /// Reads all values; no length that a file claims may exceed what it holds.
  private func readAll(_ blobs: [WeightBlob], _ size: Int) {
    for blob in blobs {
      #expect(blob.count <= size)
      #expect(blob.floats().count == blob.count && blob.diffs().count == blob.count)
    }
  }

  private func seeds(_ ending: String) throws -> [[UInt8]] {
    let seeds = try Goldens.paths(ending).map { try Goldens.bytes($0) }.filter { $0.count < 30_000 }
    try #require(!seeds.isEmpty)
    return seeds
  }

  private static let wires: [[UInt8]] = [
    [0xff, 0xff, 0xff, 0xff, 0x0f], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    [0x2a], [0x3a, 2, 8], [0x0b], [0x0c], [0xa2, 0x06], [0x12], [0x08, 0], [0x62, 3], [0x50, 2],
    [0],
  ]
}

/// Damages one of some inputs.
private struct Mutation {
  let seeds: [[UInt8]]
  let words: [[UInt8]]

  init(_ seeds: [[UInt8]], words: [[UInt8]]) {
    self.seeds = seeds
    self.words = words
  }

  func next(_ random: inout Generator) -> [UInt8] {
    var bytes = seeds[random.below(seeds.count)]
    for _ in 0...random.below(6) where !bytes.isEmpty {
      let place = random.below(bytes.count)
      let end = min(bytes.count, place + random.below(random.below(2) == 0 ? 8 : 400))
      switch random.below(7) {
      case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
      case 1: bytes[place] ^= 1 << UInt8(random.below(8))
      case 2: bytes.removeSubrange(place..<end)
      case 3: bytes.insert(contentsOf: bytes[place..<end], at: random.below(bytes.count))
      case 4: bytes.removeSubrange(place...)
      case 5: bytes.insert(contentsOf: words[random.below(words.count)], at: place)
      default:
        let other = seeds[random.below(seeds.count)]
        bytes.replaceSubrange(place..., with: other.suffix(random.below(other.count + 1)))
      }
    }
    return bytes
  }
}

/// Random numbers that are the same in each run.
private struct Generator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func below(_ limit: Int) -> Int {
    limit > 0 ? Int(next() % UInt64(limit)) : 0
  }
}
