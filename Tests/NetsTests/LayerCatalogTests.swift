import Foundation
import Layers
import Schema
import Testing

/// What the catalogue, the reference and the goldens must have for every type.
@Suite struct LayerCatalogTests {
  private static let sources = packageFolder.appending(path: "Sources/Layers")

  /// Types with tests of their own: the values of one depend on Caffe's own random numbers, the other
  /// computes nothing, and what it writes is read back.
  private static let withoutGoldens: Set = ["WindowData", "HDF5Output"]

  @Test("the catalogue is sorted, and names no type twice")
  func order() {
    let names = LayerCatalog.all.map { $0.type }
    for (first, second) in zip(names, names.dropFirst()) {
      #expect(
        first.utf8.lexicographicallyPrecedes(second.utf8),
        "LayerCatalog.all: '\(second)' must not come behind '\(first)'")
    }
  }

  @Test("every layer in Sources/Layers is in the catalogue")
  func completeness() throws {
    let known = Set(LayerCatalog.all.map { $0.type })
    var found: Set<String> = []
    for (path, text) in try Self.files(in: Self.sources, ending: ".swift") {
      for match in text.matches(of: /static let reference = LayerReference\(\s*"(\w+)"/) {
        let type = String(match.1)
        #expect(known.contains(type), "\(path): add \(type).self to LayerCatalog.all")
        found.insert(type)
      }
    }
    #expect(found == known)
  }

  @Test("every type has a sample, and a golden case of Caffe if Caffe has the type")
  func evidence() throws {
    let goldens = try Self.files(
      in: packageFolder.appending(path: "Tests/Goldens"), ending: ".prototxt"
    ).map(\.text).joined()
    for type in LayerCatalog.all {
      #expect(!type.samples.isEmpty, "\(type.type) has no sample")
      guard !type.reference.isExtension, !Self.withoutGoldens.contains(type.type) else { continue }
      #expect(
        goldens.contains("type: \"\(type.type)\""), "no case in Tests/Goldens has a \(type.type)")
    }
  }

  @Test("a sample parses, prints and parses to the same", arguments: LayerCase.all)
  func text(_ layer: LayerCase) throws {
    let message = try TextFormat.parse(layer.text(.init()), as: .net)
    let again = try TextFormat.parse(TextFormat.print(message), as: .net)
    #expect(again == message, "\(layer.testDescription)")
  }

  @Test("the reference has every parameter of the schema, and no other")
  func parameters() throws {
    for type in LayerCatalog.all {
      for table in type.reference.parameters {
        guard case .message(let message)? = MessageType.layer.field(named: table.field)?.kind else {
          Issue.record("\(type.type): LayerParameter has no message '\(table.field)'")
          continue
        }
        let named = table.meanings.map(\.name)
        for field in message.fields where !named.contains(field.name) {
          Issue.record("\(type.type): \(table.field).\(field.name) has no line in the reference")
        }
        for name in named where message.field(named: name) == nil {
          Issue.record("\(type.type): \(table.field) has no field '\(name)'")
        }
        #expect(Set(named).count == named.count, "\(type.type): a parameter has two lines")
        #expect(table.meanings.allSatisfy { !$0.meaning.isEmpty })
      }
    }
  }

  @Test("the reference has every message that the layer or a sample uses")
  func messages() throws {
    var sourceOf: [String: String] = [:]
    for (_, text) in try Self.files(in: Self.sources, ending: ".swift") {
      if let match = text.firstMatch(of: /static let reference = LayerReference\(\s*"(\w+)"/) {
        sourceOf[String(match.1)] = text
      }
    }
    for type in LayerCatalog.all {
      let tables = Set(type.reference.parameters.map(\.field))
      let uses = (sourceOf[type.type] ?? "") + type.samples.map(\.text).joined(separator: " ")
      for match in uses.matches(of: /\b([a-z0-9_]+_param)\b/)
      where MessageType.layer.field(named: String(match.1)) != nil {
        #expect(
          tables.contains(String(match.1)), "\(type.type) uses \(match.1), but has no table of it")
      }
    }
  }

  @Test("texts of the reference say something")
  func texts() {
    for type in LayerCatalog.all {
      let reference = type.reference
      #expect(reference.summary.hasSuffix("."), "\(type.type): the summary is a sentence")
      #expect(!reference.formula.isEmpty && !reference.shapes.isEmpty, "\(type.type)")
      let text = reference.plainText()
      #expect(
        text.split(separator: "\n").allSatisfy { $0.count <= 100 },
        "\(type.type): a line is too long")
      for table in reference.parameters {
        for row in table.meanings { #expect(text.contains(row.name), "\(type.type): \(row.name)") }
      }
    }
  }

  private static func files(
    in folder: URL, ending: String
  ) throws -> [(path: String, text: String)] {
    let paths = FileManager.default.enumerator(atPath: folder.path)?.allObjects as? [String]
    return try (paths ?? []).filter { $0.hasSuffix(ending) }.sorted().map { path in
      let data = try Data(contentsOf: folder.appending(path: path))
      return (path, String(decoding: data, as: UTF8.self))
    }
  }
}
