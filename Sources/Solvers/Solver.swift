import Compute
import Glibc
import Layers
public import Nets
import Prototxt
public import Schema

/// Trains a net as a solver file says: the loop, tests, snapshots and resumption of Caffe.
public final class Solver {
  /// Where a run goes on.
  public enum SnapshotChoice: Sendable {
    /// It begins anew.
    case none
    /// From a `.solverstate` or `.solverstate.h5`.
    case file(String)
    /// From the newest of these with the solver's prefix; anew if there is none.
    case automatic
  }

  /// What is said beside the solver file.
  public struct Options {
    /// How many threads compute; as many as the process may use if `nil`.
    public var threads: Int?
    /// In place of `random_seed`.
    public var seed: UInt64?
    /// Weight files, in place of those in the solver file.
    public var weights: [String] = []
    /// The state to go on from.
    public var snapshot = SnapshotChoice.none
    /// In place of the level in `train_state`.
    public var level: Int?
    /// Stages in addition to those in the files.
    public var stages: [String] = []
    /// Whether a run goes on when a loss or gradient is not finite.
    public var allowsNonFinite = false
    /// What signals ask.
    public var requests = StopRequests()
    /// Hears what happens.
    public var observe: (SolverEvent) -> Void = { _ in }

    /// Makes options: those of Caffe where nothing else is said.
    public init() {}
  }

  /// How a run ended.
  public enum Outcome: Sendable, Equatable {
    /// All iterations are done.
    case finished
    /// A signal asked to stop.
    case stopped(signal: Int32)
  }

  /// The net that is trained.
  public let trainNet: Net
  /// The nets that are tested; their weights are those of the training net.
  public let testNets: [Net]
  /// Iterations done.
  public internal(set) var iteration = 0
  /// The beginning of the names of all files that the run writes.
  public let snapshotPrefix: String
  /// The seed of all random numbers of the run.
  public let seed: UInt64
  /// How many threads compute.
  public let threads: Int

  let settings: SolverSettings
  let options: Options
  let updater: ParameterUpdater
  var currentStep = 0
  var window: LossWindow
  /// The state file of the last snapshot, for messages.
  var lastSnapshot: String?
  var lastSnapshotIteration: Int?
  private let folder: String?

  /// Builds the nets and loads weights or a state.
  ///
  /// - Parameters:
  ///   - description: A `SolverParameter` in today's form.
  ///   - path: The file that it came from: nets are looked for beside it.
  ///   - options: What is said beside the file.
  /// - Throws: `Diagnostics` with everything that is wrong.
  public init(_ description: Message, path: String?, options: Options) throws {
    settings = try SolverSettings(description)
    self.options = options
    folder = path.map(FileResolver.folder)
    threads = options.threads ?? Workers.available
    snapshotPrefix = Solver.prefix(settings.snapshotPrefix, path)
    let snapshot = Solver.snapshot(options.snapshot, prefix: snapshotPrefix)
    seed = try Solver.chooseSeed(options, settings, snapshot)
    window = LossWindow(size: settings.averageLoss)
    let nets = SolverNets(
      message: description, folder: folder, options: options, workers: Workers(count: threads),
      seed: seed)
    let plans = [try nets.train()] + (try nets.tests())
    let built = try Solver.build(plans, nets)
    trainNet = built[0]
    testNets = Array(built.dropFirst())
    if settings.snapshotsHDF5 {
      try WeightWriter.requireHDF5()
      try trainNet.checkHDF5Names()
    }
    updater = ParameterUpdater(trainNet, settings)
    for net in testNets { try net.shareWeights(with: trainNet) }
    options.observe(.built(train: trainNet, tests: testNets))
    try load(snapshot)
  }

  /// Builds all nets; what is wrong with any of them is told together, once.
  private static func build(_ plans: [SolverNets.Plan], _ nets: SolverNets) throws -> [Net] {
    var problems = Diagnostics()
    var built: [Net] = []
    for (number, plan) in plans.enumerated() {
      do {
        built.append(try nets.build(plan, number: UInt64(number)))
      } catch let error as Diagnostics {
        for diagnostic in error.all where !problems.all.contains(where: { $0.isSame(diagnostic) }) {
          problems.append(diagnostic)
        }
      } catch let error as Diagnostic {
        problems.append(error)
      }
    }
    try problems.throwIfErrors()
    return built
  }

  private static func snapshot(_ choice: SnapshotChoice, prefix: String) -> String? {
    switch choice {
    case .none: nil
    case .file(let path): path
    case .automatic: SnapshotFiles.newest(prefix: prefix)
    }
  }

  private func load(_ snapshot: String?) throws {
    if case .automatic = options.snapshot, snapshot == nil {
      options.observe(.remark("no \(snapshotPrefix)_iter_N.solverstate: the run begins anew"))
    }
    if let snapshot {
      guard options.weights.isEmpty else {
        throw Diagnostic.error(
          "weights and a snapshot cannot both be given",
          help: "a snapshot brings its own weights", kind: .usage)
      }
      return try restore(snapshot)
    }
    for path in options.weights.isEmpty ? settings.weights : options.weights {
      let files = FileResolver(folder: folder)
      let report = try trainNet.loadWeights(path: files.existing(path) ?? path)
      options.observe(.loadedWeights(report))
    }
  }

  // MARK: Defaults

  /// A run that goes on takes its own seed again.
  private static func chooseSeed(
    _ options: Options, _ settings: SolverSettings, _ snapshot: String?
  ) throws -> UInt64 {
    if let seed = options.seed { return seed }
    if let snapshot, let saved = try RunStateFile.read(RunStateFile.path(beside: snapshot)) {
      return UInt64(bitPattern: Int64(saved.int("random_seed")))
    }
    if let seed = settings.seed { return seed }
    var generator = SystemRandomNumberGenerator()
    return UInt64.random(in: 0...UInt64(UInt32.max), using: &generator)
  }

  /// Caffe's prefix: the solver's path without its ending; inside a folder, the solver's name.
  private static func prefix(_ given: String, _ path: String?) -> String {
    var status = stat()
    guard stat(given, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      return given.isEmpty ? "snapshot" : given
    }
    let name = path?.split(separator: "/").last ?? "solver"
    let stem = name.lastIndex(of: ".").map { name[..<$0] } ?? name
    return given.hasSuffix("/") ? given + stem : "\(given)/\(stem)"
  }
}

extension Diagnostic {
  /// Whether two diagnostics say the same of the same place.
  fileprivate func isSame(_ other: Diagnostic) -> Bool {
    message == other.message && location == other.location && path == other.path
  }
}
