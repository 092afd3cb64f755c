import Glibc
import Layers

/// Paths of files.
enum FilePath {
  /// The folder that a file is in; empty for the current one.
  static func folder(_ path: String) -> String {
    path.contains("/") ? FileResolver.folder(of: path) : ""
  }

  /// The name behind the last slash.
  static func name(_ path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }

  /// A name within a folder.
  static func join(_ folder: String, _ name: String) -> String {
    folder.isEmpty ? name : folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
  }

  /// The names in a folder, in order; none if it cannot be read.
  static func names(in folder: String) -> [String] {
    guard let stream = opendir(folder.isEmpty ? "." : folder) else { return [] }
    defer { closedir(stream) }
    var result: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { result.append(name) }
    }
    return result.sorted()
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Whether two paths lead to the same file.
  static func isSame(_ a: String, _ b: String) -> Bool {
    var first = stat()
    var second = stat()
    guard stat(a, &first) == 0, stat(b, &second) == 0 else { return false }
    return first.st_ino == second.st_ino && first.st_dev == second.st_dev
  }

  /// The paths that a name in the text at `path` may mean.
  static func candidates(_ name: String, near path: String) -> [String] {
    FileResolver(folder: folder(path)).candidates(name)
  }

  /// The file that a name in the text at `path` means, as layers look for files.
  static func find(_ name: String, near path: String) -> String? {
    candidates(name, near: path).first(where: exists)
  }
}
