import Foundation

/// The files that Caffe's reference runs left.
enum Goldens {
  static let folder = GeneratedSchemaTests.root.appending(path: "Tests/Goldens")

  /// The paths of all files with an ending, in order.
  static func paths(_ ending: String) -> [String] {
    let files = FileManager.default.enumerator(atPath: folder.path)?.allObjects as? [String]
    return (files ?? []).filter { $0.hasSuffix(ending) }.sorted()
      .map { folder.appending(path: $0).path }
  }

  static func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: path)))
  }

  /// A path of a file that is not there yet.
  static func temporary(_ name: String) -> String {
    FileManager.default.temporaryDirectory.appending(path: "\(UUID())-\(name)").path
  }
}
