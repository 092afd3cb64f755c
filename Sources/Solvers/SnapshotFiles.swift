import Glibc
import Prototxt
import Schema

/// The names of the files of snapshots, and the folder that they go to.
public enum SnapshotFiles {
  /// `PREFIX_iter_N.ENDING`.
  static func path(_ prefix: String, _ iteration: Int, _ ending: String) -> String {
    "\(prefix)_iter_\(iteration).\(ending)"
  }

  /// The state file with the highest iteration, if there is any.
  ///
  /// Of two of one iteration, in Caffe's own format and in HDF5's, the one written later.
  public static func newest(prefix: String) -> String? {
    let found = ["solverstate", "solverstate.h5"].compactMap { ending in
      iterations(prefix: prefix, ending: ending).max().map { iteration in
        let path = path(prefix, iteration, ending)
        return (path: path, iteration: iteration, seconds: modified(path))
      }
    }
    return found.max { ($0.iteration, $0.seconds) < ($1.iteration, $1.seconds) }?.path
  }

  /// When a file was written last, in seconds.
  private static func modified(_ path: String) -> Double {
    var info = stat()
    guard stat(path, &info) == 0 else { return 0 }
    return Double(info.st_mtim.tv_sec) + Double(info.st_mtim.tv_nsec) * 1e-9
  }

  /// The file with an ending and the highest iteration, if there is any.
  public static func newest(prefix: String, ending: String) -> String? {
    iterations(prefix: prefix, ending: ending).max().map { path(prefix, $0, ending) }
  }

  private static func iterations(prefix: String, ending: String) -> [Int] {
    let slash = prefix.lastIndex(of: "/")
    let folder = slash.map { $0 == prefix.startIndex ? "/" : String(prefix[..<$0]) } ?? "."
    let start = (slash.map { String(prefix[prefix.index(after: $0)...]) } ?? prefix) + "_iter_"
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var found: [Int] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name.hasPrefix(start), name.hasSuffix(".\(ending)") else { continue }
      let digits = name.dropFirst(start.count).dropLast(ending.count + 1)
      if digits.allSatisfy(\.isASCII), let number = Int(digits), number >= 0 {
        found.append(number)
      }
    }
    return found
  }

  /// Makes the folder of a prefix if it is not there, and sees whether files can be made in it.
  ///
  /// - Throws: what the system says, before hours of training end in it.
  static func prepareFolder(_ prefix: String) throws(Diagnostic) {
    guard let slash = prefix.lastIndex(of: "/"), slash != prefix.startIndex else {
      return try requireWritable(prefix.hasPrefix("/") ? "/" : ".", prefix)
    }
    let folder = String(prefix[..<slash])
    var index = folder.index(after: folder.startIndex)
    while true {
      let end = folder[index...].firstIndex(of: "/") ?? folder.endIndex
      mkdir(String(folder[..<end]), 0o777)
      guard end < folder.endIndex else { break }
      index = folder.index(after: end)
    }
    try requireWritable(folder, prefix)
  }

  private static func requireWritable(_ folder: String, _ prefix: String) throws(Diagnostic) {
    guard access(folder, W_OK | X_OK) != 0 else { return }
    let reason = String(cString: strerror(errno))
    throw .error(
      "snapshots cannot be written to the folder '\(folder)': \(reason)", path: nil,
      help: "snapshot_prefix is '\(prefix)'; give one in a folder that can be written",
      kind: .inputOutput)
  }
}
