public import Prototxt

/// Where the leaf pages of a tree are, in the order of their keys.
struct LeafIndex {
  /// The place of each page in the file.
  var pages: [Int] = []
  /// The index of each page's first record, and behind them the number of records.
  var starts = [0]
}

extension LMDBReader {
  /// The record of an index, from 0 on; the walk is back before the first record afterwards.
  ///
  /// The first call looks at all leaf pages, but at no values that have pages of their own.
  public func record(at index: Int) throws(Diagnostic) -> LMDBRecord {
    try prepareIndex()
    defer { rewind() }
    guard let leaves, index >= 0, index < count else {
      throw damaged("it has no record \(index)")
    }
    // The last page whose first record is not behind the wanted one.
    var low = 0
    var high = leaves.pages.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if leaves.starts[middle] <= index { low = middle } else { high = middle }
    }
    let start = leaves.starts[low]
    frames[0] = Frame(
      page: leaves.pages[low], count: leaves.starts[low + 1] - start, index: index - start)
    depth = 1
    return try record()
  }

  /// Counts the records of all leaves, so that any can be found by its number.
  ///
  /// - Throws: a diagnostic if there are not as many as the file says, or more than can be numbered.
  func prepareIndex() throws(Diagnostic) {
    guard leaves == nil else { return }
    guard count <= Int(Int32.max) else {
      throw .error("has \(count) records, too many to take them in any order", path: path)
    }
    leaves = try makeIndex()
  }

  private func makeIndex() throws(Diagnostic) -> LeafIndex {
    var index = LeafIndex()
    defer { rewind() }
    rewind()
    guard let root = file.root, count > 0 else { return index }
    try descend(root) { _ in 0 }
    while true {
      let leaf = frames[depth - 1]
      let passed = (index.starts.last ?? 0) + leaf.count
      guard passed <= count else {
        throw damaged("it says \(count) records, but has more")
      }
      index.pages.append(leaf.page)
      index.starts.append(passed)
      repeat {
        depth -= 1
        if depth > 0 { frames[depth - 1].index += 1 }
      } while depth > 0 && frames[depth - 1].index >= frames[depth - 1].count
      guard depth > 0 else { break }
      try descend(child()) { _ in 0 }
    }
    guard index.starts.last == count else {
      throw damaged("it says \(count) records, but has \(index.starts.last ?? 0)")
    }
    return index
  }
}
