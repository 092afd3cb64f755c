import Compute
import Foundation
import Layers
import Nets
import Prototxt
import Schema
import Testing

/// Descriptions that nobody would write: whatever they say, it ends in a net or in messages.
@Suite("Spoiled descriptions")
struct GraphFuzzTests {
  private static let folder = packageFolder.appending(path: "Tests/Goldens").path

  /// Small nets of all kinds.
  private static let texts: [String] = ["nets", "layers"].flatMap { part in
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(part)")) ?? []
    return names.filter { $0.hasSuffix(".prototxt") }.sorted().compactMap {
      try? String(contentsOfFile: "\(folder)/\(part)/\($0)", encoding: .utf8)
    }
  }

  private static let odd = [
    "0", "1", "2", "3", "-1", "-2", "7", "33", "1000000", "2147483647", "2147483648", "4294967295",
    "-2147483648", "9223372036854775807", "0.5", "1e38", "-1e38", "1e-40", "nan", "inf",
  ]

  /// Changes one to three words of a text: numbers, names, order.
  private static func spoil(_ text: String, _ random: inout RandomStream) -> String {
    var words = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
      .joined(separator: " ").replacing("{", with: " { ").replacing("}", with: " } ")
      .replacing(":", with: ": ").split(separator: " ").map(String.init)
    for _ in 0...random.below(3) {
      guard words.count > 4 else { break }
      let place = random.below(words.count)
      let other = random.below(words.count)
      switch random.below(6) {
      case 0: words.remove(at: place)
      case 1: words.swapAt(place, other)
      case 2: words.insert(words[other], at: place)
      default:
        let numbers = words.indices.filter { Double(words[$0]) != nil }
        let strings = words.indices.filter { words[$0].hasPrefix("\"") || words[$0].hasPrefix("'") }
        if !numbers.isEmpty, random.below(3) > 0 {
          words[numbers[random.below(numbers.count)]] = odd[random.below(odd.count)]
        } else if !strings.isEmpty {
          words[strings[random.below(strings.count)]] = words[strings[random.below(strings.count)]]
        }
      }
    }
    return words.joined(separator: " ")
  }

  @Test("They end in a net that computes, or in messages", arguments: 0..<8)
  func spoiled(_ part: Int) throws {
    let rounds = ProcessInfo.processInfo.environment["NETRUN_FUZZ"].flatMap(Int.init) ?? 60
    let trace = ProcessInfo.processInfo.environment["NETRUN_FUZZ_TRACE"]
    var random = RandomStream(seed: UInt64(part), purpose: "spoil")
    try #require(Self.texts.count > 100)
    var built = 0
    for _ in 0..<rounds {
      let text = Self.spoil(Self.texts[random.below(Self.texts.count)], &random)
      if let trace { try Data(text.utf8).write(to: URL(filePath: "\(trace).\(part)")) }
      do {
        let net = try Graph.net(text, random.below(2) == 0 ? .train : .test)
        // What is large only costs time.
        guard net.bytes < 20_000_000 else { continue }
        try net.forward()
        net.backward()
        built += 1
      } catch let error as Diagnostics {
        #expect(!error.all.isEmpty)
        #expect(error.all.allSatisfy { !$0.message.isEmpty })
      } catch is Diagnostic {
      }
    }
    #expect(built > 0)
  }
}
