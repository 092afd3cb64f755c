public import Prototxt

/// Loads nets: text or binary, of any of Caffe's forms.
public enum NetDescription {
  /// Reads a file and brings it into today's form.
  ///
  /// A binary file may be a `.caffemodel`; its blobs are left out.
  ///
  /// - Throws: All that is wrong with the file, or what else it is if it is no net.
  /// - Returns: The NetParameter, and warnings if there are any.
  public static func load(
    _ path: String
  ) throws(Diagnostics) -> (net: Message, warnings: [Diagnostic]) {
    let (original, warnings) = try read(path)
    let upgrade = try NetUpgrade(original)
    return (upgrade.net, warnings + upgrade.warnings)
  }

  /// Reads a file and leaves it in its form.
  public static func read(
    _ path: String, omittingBlobs: Bool = true
  ) throws(Diagnostics) -> (net: Message, warnings: [Diagnostic]) {
    let file = try MappedFile.open(path)
    switch FileKind(file.bytes) {
    case .text:
      let text = DescriptionText(file)
      try text.require(.net)
      return try text.bind(as: .net)
    case .binary:
      return (try decode(file, omitting: omittingBlobs ? .blob : nil), [])
    case .hdf5:
      throw Diagnostics(
        .error("is an HDF5 file, so it may hold weights, but no net", path: path))
    case .empty:
      throw Diagnostics(.error("is empty", path: path))
    }
  }

  private static func decode(
    _ file: MappedFile, omitting: MessageType?
  ) throws(Diagnostics) -> Message {
    let net: Message
    do {
      net = try WireFormat.decode(file.bytes, as: .net, source: file.path, omitting: omitting)
    } catch { throw Diagnostics(error) }
    guard net.has("layer") || net.has("layers") else {
      throw Diagnostics(.error("is binary, but holds no net", path: file.path))
    }
    return net
  }
}

/// Loads solvers.
public enum SolverDescription {
  /// Reads a file and brings it, and nets inside it, into today's form.
  ///
  /// - Throws: All that is wrong with the file, or what else it is if it is no solver.
  /// - Returns: The SolverParameter, and warnings if there are any.
  public static func load(
    _ path: String
  ) throws(Diagnostics) -> (solver: Message, warnings: [Diagnostic]) {
    let (original, warnings) = try read(path)
    let upgrade = try SolverUpgrade(original)
    var solver = upgrade.solver
    if !solver.has("snapshot_prefix") {
      solver.set("snapshot_prefix", string: snapshotPrefix(path))
    }
    return (solver, warnings + upgrade.warnings)
  }

  /// Reads a file and leaves it in its form.
  public static func read(
    _ path: String
  ) throws(Diagnostics) -> (solver: Message, warnings: [Diagnostic]) {
    let file = try MappedFile.open(path)
    guard FileKind(file.bytes) == .text else {
      let isEmpty = file.bytes.isEmpty
      throw Diagnostics(
        .error(
          isEmpty ? "is empty" : "is binary, not the text of a solver", path: path,
          help: isEmpty ? nil : "weights and states are given besides the solver"))
    }
    let text = DescriptionText(file)
    try text.require(.solver)
    return try text.bind(as: .solver)
  }

  /// Whether a file is clearly the text of a solver, even if of a faulty one.
  public static func isDescribed(by path: String) -> Bool {
    guard let file = try? MappedFile.open(path), FileKind(file.bytes) == .text else { return false }
    do throws(Diagnostics) {
      try DescriptionText(file).require(.net)
      return false
    } catch { return true }
  }

  /// The solver's path without its ending: where snapshots go if nothing is said.
  static func snapshotPrefix(_ path: String) -> String {
    let nameStart = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    guard let dot = path[nameStart...].lastIndex(of: "."), dot > nameStart else { return path }
    return String(path[..<dot])
  }
}

extension MappedFile {
  fileprivate static func open(_ path: String) throws(Diagnostics) -> MappedFile {
    do { return try MappedFile(path: path) } catch { throw Diagnostics(error) }
  }
}
