import Foundation
import Prototxt
import Testing

@testable import Schema

@Suite("Renaming of layers")
struct WeightRenamingTests {
  private static let models = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Goldens/legacy/models").path

  @Test("Only the names change, in files of today and of before", arguments: ["v2", "v1_4d"])
  func rename(_ name: String) throws {
    let path = "\(Self.models)/\(name).caffemodel"
    let before = try WeightFile(path: path)
    let target = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).caffemodel").path
    defer { try? FileManager.default.removeItem(atPath: target) }
    let old = try #require(before.layers.first { !$0.blobs.isEmpty }?.name)
    let long = String(repeating: "long", count: 80)
    for new in ["x", long, old] {
      try WeightRenaming.write(path, to: target, names: [old: new, "absent": "y"])
      let after = try WeightFile(path: target)
      #expect(after.layers.map(\.name) == before.layers.map { $0.name == old ? new : $0.name })
      for (a, b) in zip(after.layers, before.layers) {
        #expect(a.type == b.type && a.blobs.map(\.shape) == b.blobs.map(\.shape))
        #expect(a.blobs.map { $0.floats() } == b.blobs.map { $0.floats() })
      }
    }
    // The old name for itself gives the same file.
    #expect(
      try Data(contentsOf: URL(filePath: target)) == Data(contentsOf: URL(filePath: path)))
    try WeightRenaming.write(path, to: target, names: [old: long])
    let longer = try Data(contentsOf: URL(filePath: target)).count
    #expect(longer >= (try Data(contentsOf: URL(filePath: path)).count) + long.count - old.count)
  }

  @Test("A file that is cut off is told, and no copy is left")
  func damaged() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let bytes = try Data(contentsOf: URL(filePath: "\(Self.models)/v2.caffemodel"))
    let cut = folder.appending(path: "cut.caffemodel")
    try bytes.dropLast(11).write(to: cut)
    #expect(throws: Diagnostic.self) {
      try WeightRenaming.write(cut.path, to: folder.appending(path: "new").path, names: [:])
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["cut.caffemodel"])
  }
}
