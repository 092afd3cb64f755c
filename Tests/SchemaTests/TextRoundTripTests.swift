import Foundation
import Prototxt
import Testing

@testable import Schema

@Suite("Text files")
struct TextRoundTripTests {
  /// Every prototxt that Caffe's reference runs used.
  static let goldens: [String] = {
    let folder = GeneratedSchemaTests.root.appending(path: "Tests/Goldens")
    let files = FileManager.default.enumerator(atPath: folder.path)
    return (files?.allObjects as? [String] ?? []).filter { $0.hasSuffix(".prototxt") }.sorted()
  }()

  @Test("Reading what was printed gives the same message, for every golden file")
  func roundTrip() throws {
    try #require(Self.goldens.count > 400)
    for path in Self.goldens {
      let url = GeneratedSchemaTests.root.appending(path: "Tests/Goldens/\(path)")
      let file = SourceFile(name: path, bytes: Array(try Data(contentsOf: url)))
      let type =
        path.contains("solver") && !path.hasSuffix("net.prototxt")
        ? MessageType.solver : MessageType.net
      do {
        let (message, warnings) = try TextFormat.parse(file: file, as: type)
        #expect(warnings.isEmpty)
        let printed = TextFormat.print(message)
        #expect(try TextFormat.parse(printed, as: type) == message)
      } catch {
        Issue.record("\(error.rendered(color: false))")
      }
    }
  }
}
