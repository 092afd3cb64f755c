import Compute
import Glibc
import Layers
import Nets
import Prototxt
import Schema

/// Finds the weights that were trained for a net, where nobody names them: the newest snapshot beside
/// the net, or where a solver beside it puts its snapshots.
struct WeightSearch {
  /// A snapshot's weights.
  struct Candidate: Equatable {
    let path: String
    let iteration: Int
    let modified: Int
  }

  /// The patterns that were looked for.
  private(set) var places: [String] = []
  private(set) var candidates: [Candidate] = []
  /// Files that do not fit the net, with the reason.
  private(set) var misfits: [(path: String, reason: String)] = []

  /// Looks around a net's file.
  init(model: String) {
    let folder = FilePath.folder(model)
    look(in: folder, namePrefix: "")
    for name in FilePath.names(in: folder) {
      let path = FilePath.join(folder, name)
      guard [".txt", ".prototxt"].contains(where: name.hasSuffix), !FilePath.isSame(path, model),
        let prefix = WeightSearch.prefix(ofSolver: path, for: model)
      else { continue }
      for found in FilePath.candidates(prefix, near: path) {
        look(in: FilePath.folder(found), namePrefix: FilePath.name(found))
      }
    }
    candidates.sort { ($0.iteration, $0.modified) > ($1.iteration, $1.modified) }
  }

  /// Adds what was found around another file.
  mutating func add(_ other: WeightSearch) {
    places += other.places.filter { !places.contains($0) }
    candidates += other.candidates.filter { !candidates.contains($0) }
    candidates.sort { ($0.iteration, $0.modified) > ($1.iteration, $1.modified) }
  }

  /// The first candidate whose layers are those of the net.
  ///
  /// - Throws: a diagnostic that tells where was looked, and what was found that does not fit.
  mutating func find(for net: Net) throws(Diagnostic) -> String {
    for candidate in candidates {
      guard let reason = WeightSearch.misfit(candidate.path, net) else { return candidate.path }
      misfits.append((candidate.path, reason))
    }
    throw .error(
      "no weights were given, and no snapshot of this net was found",
      notes: places.map { Note("looked for \($0)") }
        + misfits.map { Note("\($0.path) does not fit: \($0.reason)") },
      help: "give them: --weights FILE", kind: .missingInput)
  }

  /// Where a solver puts its snapshots, if it trains the net.
  private static func prefix(ofSolver path: String, for model: String) -> String? {
    var info = stat()
    // Lists of images are texts too, and can be long.
    guard stat(path, &info) == 0, info.st_size < 1 << 20,
      let solver = try? SolverDescription.load(path).solver
    else { return nil }
    let nets = [solver.string("net"), solver.string("train_net")] + solver.strings("test_net")
    let isOurs = nets.contains { name in
      !name.isEmpty && FilePath.find(name, near: path).map { FilePath.isSame($0, model) } == true
    }
    return isOurs ? solver.string("snapshot_prefix") : nil
  }

  private mutating func look(in folder: String, namePrefix: String) {
    let pattern = FilePath.join(
      folder, "\(namePrefix.isEmpty ? "*" : namePrefix)_iter_N.caffemodel(.h5)")
    guard !places.contains(pattern) else { return }
    places.append(pattern)
    for name in FilePath.names(in: folder) where name.hasPrefix(namePrefix) {
      guard let iteration = WeightSearch.iteration(of: name) else { continue }
      let path = FilePath.join(folder, name)
      var info = stat()
      guard stat(path, &info) == 0, !candidates.contains(where: { $0.path == path }) else {
        continue
      }
      candidates.append(
        Candidate(path: path, iteration: iteration, modified: info.st_mtim.tv_sec))
    }
  }

  /// The number in `…_iter_N.caffemodel` or `.caffemodel.h5`; `nil` for other names.
  static func iteration(of name: String) -> Int? {
    let endings = [".caffemodel", ".caffemodel.h5"]
    guard let ending = endings.first(where: name.hasSuffix) else { return nil }
    let stem = name.dropLast(ending.count)
    let digits = stem.reversed().prefix { $0.isASCII && $0.isNumber }.reversed()
    guard stem.dropLast(digits.count).hasSuffix("_iter_") else { return nil }
    return Int(String(digits))
  }

  /// Why a file's weights are not this net's; `nil` if they are.
  private static func misfit(_ path: String, _ net: Net) -> String? {
    let file: WeightFile
    do { file = try WeightFile(path: path) } catch {
      return error.all.first?.message ?? "it cannot be read"
    }
    let layers = Dictionary(file.layers.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
    for node in net.nodes where !node.layer.parameters.isEmpty {
      guard let layer = layers[node.name] else { return "it has no layer '\(node.name)'" }
      // In HDF5's format blobs that are shared may be missing.
      let sizes = node.layer.parameters.indices.map { layer.blob($0)?.count }
      let fits = zip(sizes, node.layer.parameters).allSatisfy { size, blob in
        size.map { $0 == blob.count } ?? (layer.places != nil)
      }
      guard fits, layer.blobs.count <= sizes.count else {
        return "its layer '\(node.name)' has other sizes"
      }
    }
    return nil
  }
}
