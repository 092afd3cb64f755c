import Compute
import Glibc
import Prototxt
import Schema

/// The file beside a `.solverstate` that holds what Caffe loses, a `RunState` in binary.
enum RunStateFile {
  static let ending = "netrunstate"

  static func write(_ state: Message, to path: String) throws(Diagnostic) {
    try AtomicFile.write(WireFormat.encode(state), to: path)
  }

  /// The path beside a state file.
  static func path(beside state: String) -> String {
    let stateEnding = [".solverstate", ".solverstate.h5"].first(where: state.hasSuffix) ?? ""
    let stem = state.dropLast(stateEnding.count)
    return "\(stem).\(ending)"
  }

  /// Reads a file; `nil` if it is not there.
  static func read(_ path: String) throws(Diagnostic) -> Message? {
    guard access(path, F_OK) == 0 else { return nil }
    do {
      return try WireFormat.read(path, as: Message("RunState").type)
    } catch {
      var problem = error
      problem.help =
        "without this file the run goes on as in Caffe: with the first record and new random numbers; "
        + "remove it to do so"
      throw problem
    }
  }

  /// Tells the blobs of one snapshot from those of another: FNV-1a over the bits.
  static func checksum(_ blobs: [Blob]) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for blob in blobs {
      let values = blob.values
      for index in 0..<blob.count {
        hash = (hash ^ UInt64(values[index].bitPattern)) &* 0x100_0000_01b3
      }
    }
    return Int(Int64(bitPattern: hash))
  }
}
