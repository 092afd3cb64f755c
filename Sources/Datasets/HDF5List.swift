internal import Glibc
internal import HDF5
public import Prototxt

/// The HDF5 files that a text file names, and the data sets that each of them has.
///
/// Names are separated by white space, as Caffe reads them. All files are looked into, none is read.
public struct HDF5List: Sendable {
  /// One of the files.
  public struct File: Sendable {
    /// Where it was found.
    public let path: String
    /// How many rows each of its data sets has.
    public let rows: Int
  }

  /// The path of the list.
  public let path: String
  /// The data sets that are read, in the order of the tops.
  public let names: [String]
  /// The files, in the order of the list.
  public let files: [File]
  /// For each data set the shape of a row, which is the same in all files.
  public let rowShapes: [[Int]]

  /// How many rows all files have.
  public var count: Int { files.reduce(0) { $0 + $1.rows } }

  /// How many values a row of all data sets has.
  var rowCount: Int { rowShapes.reduce(0) { $0 + $1.reduce(1, *) } }

  /// Reads a list, and looks into its files.
  ///
  /// - Parameters:
  ///   - path: The text file.
  ///   - names: The data sets that each file must have.
  ///   - candidates: The paths to try for a name in the list.
  /// - Throws: all that is wrong with list and files.
  public init(
    path: String, names: [String], candidates: (String) -> [String]
  ) throws(Diagnostics) {
    self.path = path
    self.names = names
    var problems = Diagnostics()
    var files: [File] = []
    var rowShapes: [[Int]]?
    for entry in try Self.entries(path) {
      let found = problems.collecting { () throws(Diagnostics) in
        try Self.look(entry, names, rowShapes, in: path, candidates(entry.name))
      }
      if let found {
        files.append(found.file)
        rowShapes = rowShapes ?? found.rowShapes
      }
      if problems.all.count >= 20 { break }
    }
    try problems.throwIfErrors()
    guard let rowShapes else {
      throw Diagnostics(
        .error("names no files", path: path, help: "give the paths of HDF5 files in it"))
    }
    self.files = files
    self.rowShapes = rowShapes
    guard count > 0 else {
      throw Diagnostics(.error("names only files whose data sets have no rows", path: path))
    }
  }

  private typealias Entry = (name: String, line: Int)

  /// The names in a list, and the lines that they are on.
  private static func entries(_ path: String) throws(Diagnostics) -> [Entry] {
    let file: MappedData
    do {
      file = try MappedData(
        path: path,
        missing: .error(
          "there is no such file", path: path, help: similarName(to: path), kind: .missingInput))
    } catch { throw Diagnostics(error) }
    guard !file.bytes.prefix(4096).contains(0) else {
      throw Diagnostics(
        .error(
          file.bytes.starts(with: [0x89, 0x48, 0x44, 0x46])
            ? "is an HDF5 file itself" : "is not a text", path: path,
          help: "source is a text file that names HDF5 files"))
    }
    var entries: [Entry] = []
    for (index, line) in file.bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
      .enumerated()
    {
      let words = line.split { [0x20, 0x09, 0x0b, 0x0c, 0x0d].contains($0) }
      entries += words.map { (String(decoding: $0, as: UTF8.self), index + 1) }
    }
    return entries
  }

  // MARK: Files

  /// Looks into a file.
  private static func look(
    _ entry: Entry, _ names: [String], _ wanted: [[Int]]?, in list: String, _ candidates: [String]
  ) throws(Diagnostics) -> (file: File, rowShapes: [[Int]]) {
    guard let path = candidates.first(where: { access($0, F_OK) == 0 }) else {
      throw Diagnostics(
        .error(
          "'\(entry.name)': there is no such file", path: "\(list):\(entry.line)",
          notes: candidates.count > 1 ? candidates.map { Note("tried '\($0)'") } : [],
          help: candidates.lazy.compactMap(similarName).first, kind: .missingInput))
    }
    var problems = Diagnostics()
    let file: HDF5File
    do { file = try HDF5File(reading: path) } catch { throw Diagnostics(error) }
    var shapes: [[Int]] = []
    for name in names {
      let shape = problems.collecting { () throws(Diagnostic) in try Self.shape(file, name) }
      if let shape { shapes.append(shape) }
    }
    try problems.throwIfErrors()
    for (name, shape) in zip(names, shapes) where shape[0] != shapes[0][0] {
      problems.append(
        .error(
          "'\(names[0])' has \(shapes[0][0]) rows but '\(name)' has \(shape[0])", path: path,
          help: "a row of each data set makes one sample: give them as many rows"))
    }
    let rowShapes = shapes.map { Array($0.dropFirst()) }
    for (index, shape) in rowShapes.enumerated() {
      guard let wanted, wanted[index] != shape else { continue }
      problems.append(
        .error(
          "a row of '\(names[index])' has the shape \(shape), but \(wanted[index]) in the first file",
          path: path, help: "rows of all files go into the same batches: give them one shape"))
    }
    try problems.throwIfErrors()
    return (File(path: path, rows: shapes.first?[0] ?? 0), rowShapes)
  }

  /// The shape of a data set, which has at least one axis.
  private static func shape(_ file: HDF5File, _ name: String) throws(Diagnostic) -> [Int] {
    switch try file.object(name) {
    case .numbers(let shape):
      guard !shape.isEmpty else {
        throw .error(
          "'\(name)' is a single value, without an axis of rows", path: file.path)
      }
      return shape
    case nil:
      let others = try file.names(in: "/")
      throw .error(
        "has no data set '\(name)'", path: file.path,
        help: closestMatch(to: name, in: others).map { "did you mean '\($0)'?" }
          ?? "data sets are named like the tops; the file has "
          + (others.isEmpty ? "none" : others.prefix(8).map { "'\($0)'" }.joined(separator: ", ")))
    default:
      throw .error("'\(name)' is no data set of numbers", path: file.path)
    }
  }
}
