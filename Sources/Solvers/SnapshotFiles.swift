import Compute
import Glibc
import Prototxt
import Schema

/// The names of the files of snapshots, and the folder that they go to.
public enum SnapshotFiles {
  /// `PREFIX_iter_N.ENDING`.
  static func path(_ prefix: String, _ iteration: Int, _ ending: String) -> String {
    "\(prefix)_iter_\(iteration).\(ending)"
  }

  /// The file of the best weights.
  static func bestPath(_ prefix: String, _ isHDF5: Bool) -> String {
    "\(prefix)_best.caffemodel\(isHDF5 ? ".h5" : "")"
  }

  /// The state files of a prefix, that of the highest iteration first.
  ///
  /// Of two of one iteration, in Caffe's own format and in HDF5's, the one written later goes first.
  public static func states(prefix: String) -> [String] {
    let found = ["solverstate", "solverstate.h5"].flatMap { ending in
      iterations(prefix: prefix, ending: ending).map { iteration in
        let path = path(prefix, iteration, ending)
        return (path: path, iteration: iteration, seconds: modified(path))
      }
    }
    return found.sorted { ($0.iteration, $0.seconds) > ($1.iteration, $1.seconds) }.map(\.path)
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

  /// Sees whether a snapshot finds room on the disk, before training begins that could not be kept.
  ///
  /// - Throws: how much room there is, and how much it takes.
  static func requireRoom(_ prefix: String, bytes: Int) throws(Diagnostic) {
    let folder =
      prefix.lastIndex(of: "/").map { $0 == prefix.startIndex ? "/" : String(prefix[..<$0]) } ?? "."
    var info = statvfs()
    guard statvfs(folder, &info) == 0 else { return }
    let (free, overflow) = Int(clamping: info.f_bavail)
      .multipliedReportingOverflow(by: Int(clamping: info.f_frsize))
    guard !overflow, free < bytes else { return }
    throw .error(
      "a snapshot takes \(Memory.text(bytes: bytes)), but there are only "
        + "\(Memory.text(bytes: free)) free in the folder '\(folder)'",
      help: "make room on the disk, or choose another snapshot_prefix", kind: .inputOutput)
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
