import Glibc
import Layers
import Prototxt
import Schema
import Solvers

/// The files of a training run.
struct RunFiles {
  /// The net.
  let model: String
  /// The solver, if it was given.
  let solver: String?
  /// What the names of snapshots and metrics begin with, if there are any.
  let prefix: String?
  /// The weights, if there are any.
  var weights: String?

  /// Finds the files of a run that is given by its solver, its net, its weights or its prefix.
  ///
  /// - Throws: what is missing.
  init(_ run: String, model: String?, weights: String?) throws(Diagnostic) {
    var prefix: String?
    switch DescribedFile(run) {
    case .solver(let message)?:
      let solver = (try? SolverDescription.load(run).solver) ?? message
      guard let net = model ?? DescribedFile.netPath(of: solver, at: run) else {
        throw .error(
          "the solver names no file with its net", path: run, help: "give it: --model FILE")
      }
      self.model = net
      self.solver = run
      let name = Solver.prefix(solver.string("snapshot_prefix"), run)
      prefix = RunFiles.places(name, near: run).first { RunFiles.newest($0) != nil } ?? name
    case .net?:
      self.model = run
      solver = nil
    case nil:
      let stem = RunFiles.prefix(ofWeights: run) ?? run
      guard RunFiles.newest(stem) != nil || FilePath.exists("\(stem).metrics.jsonl") else {
        throw .error(
          "is no solver, no net and no snapshot_prefix with snapshots", path: run,
          help: "give the solver: netrun report solver.txt", kind: .missingInput)
      }
      guard let model else {
        throw .error("the net of this run is missing", path: run, help: "give it: --model FILE")
      }
      self.model = model
      solver = nil
      prefix = stem
    }
    let isWeights = run.hasSuffix(".caffemodel") || run.hasSuffix(".caffemodel.h5")
    self.weights = weights ?? (isWeights ? run : prefix.flatMap(RunFiles.newest))
    if self.weights == nil { self.weights = WeightSearch(model: self.model).candidates.first?.path }
    self.prefix = prefix ?? self.weights.flatMap(RunFiles.prefix(ofWeights:))
  }

  /// The metrics, if the run wrote any.
  var metrics: String? {
    prefix.map { "\($0).metrics.jsonl" }.flatMap { FilePath.exists($0) ? $0 : nil }
  }

  private static func newest(_ prefix: String) -> String? {
    SnapshotFiles.newest(prefix: prefix, ending: "caffemodel")
      ?? SnapshotFiles.newest(prefix: prefix, ending: "caffemodel.h5")
  }

  private static func places(_ name: String, near path: String) -> [String] {
    [name] + FilePath.candidates(name, near: path)
  }

  /// What stands before `_iter_N.caffemodel`.
  private static func prefix(ofWeights path: String) -> String? {
    guard WeightSearch.iteration(of: FilePath.name(path)) != nil,
      let mark = path.ranges(of: "_iter_").last
    else { return nil }
    return String(path[..<mark.lowerBound])
  }
}
