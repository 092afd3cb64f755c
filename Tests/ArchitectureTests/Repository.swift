import Foundation

/// The files of this repository, by paths from its top folder.
enum Repository {
  static let top = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static func text(_ path: String) throws -> String {
    try String(contentsOf: top.appending(path: path), encoding: .utf8)
  }

  /// What is in a folder, without hidden files.
  static func names(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: top.appending(path: folder).path)
      .filter { !$0.hasPrefix(".") }.sorted()
  }

  /// All files in a folder and those below.
  static func files(_ folder: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: top.appending(path: folder).path)
      .map { "\(folder)/\($0)" }.sorted()
  }
}
