import Glibc

/// The snapshots that a run has written, of which the newest stay.
///
/// It knows of none that it was not told of, so files of other runs are safe from it.
struct SnapshotKeeping {
  /// How many stay; all of them if `nil`.
  let limit: Int?
  /// The files of each snapshot in the order in which they are to go, the oldest snapshot first.
  private var written: [[String]] = []

  init(limit: Int?) { self.limit = limit }

  /// Takes down a snapshot that is on the disk, and removes those that have become too old.
  ///
  /// - Parameter files: Its files, the state first: where a state is, the others are.
  mutating func add(_ files: [String]) {
    guard let limit else { return }
    written.removeAll { $0 == files }
    written.append(files)
    while written.count > max(1, limit) {
      for path in written.removeFirst() { unlink(path) }
    }
  }
}
