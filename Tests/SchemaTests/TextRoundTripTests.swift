import Foundation
import Prototxt
import Testing

@testable import Schema

@Suite("Text files")
struct TextRoundTripTests {
  /// Every text of a net or solver: those of Caffe's reference runs, and our own models.
  static let texts: [String] = {
    let models = ["models", "Tests/Goldens"].flatMap { folder in
      let url = GeneratedSchemaTests.root.appending(path: folder)
      let files = FileManager.default.enumerator(atPath: url.path)?.allObjects as? [String]
      return (files ?? []).map { "\(folder)/\($0)" }
    }
    return models.filter { path in
      path.hasSuffix(".prototxt") || (path.hasPrefix("models/") && path.hasSuffix(".txt"))
    }.sorted()
  }()

  @Test("Reading what was printed gives the same message, for every text of a net or solver")
  func roundTrip() throws {
    try #require(Self.texts.count > 400)
    try #require(Self.texts.contains("models/lenet/solver.txt"))
    for path in Self.texts {
      let url = GeneratedSchemaTests.root.appending(path: path)
      let file = SourceFile(name: path, bytes: Array(try Data(contentsOf: url)))
      let type =
        url.lastPathComponent.contains("solver")
          || (path.contains("/solvers/") && !path.hasSuffix("net.prototxt"))
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
