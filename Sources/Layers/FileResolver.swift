import Glibc

/// Finds files that a net or solver names: the current folder first, as Caffe does, then the folder
/// of the file that names it, and that folder's parents.
public struct FileResolver: Sendable {
  /// The folder of the file that names others, if it came from one.
  public let folder: String?

  /// Makes a resolver for files named in a file of `folder`.
  public init(folder: String? = nil) { self.folder = folder }

  /// The paths to try for `path`, in order.
  public func candidates(_ path: String) -> [String] {
    guard !path.hasPrefix("/"), let folder else { return [path] }
    var result = [path]
    var current = folder.isEmpty ? "." : folder
    for _ in 0..<16 {
      if current != "." { result.append(current == "/" ? "/\(path)" : "\(current)/\(path)") }
      guard let parent = FileResolver.parent(of: current) else { break }
      current = parent
    }
    return result
  }

  /// The first of the candidates that exists.
  public func existing(_ path: String) -> String? {
    candidates(path).first { access($0, F_OK) == 0 }
  }

  /// The folder of a file.
  public static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
  }

  /// The folder above one; `nil` above the topmost.
  private static func parent(of folder: String) -> String? {
    if folder == "/" { return nil }
    if folder == "." { return currentDepth > 0 ? ".." : nil }
    if folder == ".." || folder.hasSuffix("/..") {
      let steps = folder.split(separator: "/")
      let isAboveCurrent = !folder.hasPrefix("/") && steps.allSatisfy { $0 == ".." }
      return isAboveCurrent && steps.count < currentDepth ? "\(folder)/.." : nil
    }
    var parts = folder.split(separator: "/", omittingEmptySubsequences: true)
    guard parts.popLast() != nil else { return nil }
    if parts.isEmpty { return folder.hasPrefix("/") ? "/" : "." }
    return (folder.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }

  /// How many folders the current one lies below the topmost.
  private static var currentDepth: Int {
    guard let pointer = getcwd(nil, 0) else { return 0 }
    defer { free(pointer) }
    return String(cString: pointer).split(separator: "/").count
  }
}
