import Compute
import Glibc
import Layers
public import Nets
import Prototxt
public import Schema

/// Trains a net as a solver file says: the loop, tests, snapshots and resumption of Caffe.
public final class Solver {
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

  /// The iterations of the whole run.
  public var maxIterations: Int { settings.maxIterations }
  /// The best test so far, with `Options.best`.
  public var best: BestScore? { watch?.best }
  /// The file that the weights of the best test are written to.
  public var bestPath: String { SnapshotFiles.bestPath(snapshotPrefix, settings.snapshotsHDF5) }

  /// Whether all training data that can are shuffled, whatever the net says.
  let shuffles: Bool
  let settings: SolverSettings
  let options: Options
  let updater: ParameterUpdater
  var rateProgress = RatePolicy.Progress()
  var window: LossWindow
  /// The state file of the last snapshot, for messages.
  var lastSnapshot: String?
  var lastSnapshotIteration: Int?
  /// What the last snapshot holds beside Caffe's state, and where it is.
  var lastRunState: (state: Message, path: String)?
  var watch: ScoreWatch?
  var keeping: SnapshotKeeping
  /// What the test nets carried before the tests of this iteration: a run that is stopped in them
  /// makes them again.
  var statesBeforeTests: [Message]?
  private let folder: String?

  /// Builds the nets and loads weights or a state.
  ///
  /// - Parameters:
  ///   - description: A `SolverParameter` in today's form.
  ///   - path: The file that it came from: nets are looked for beside it.
  ///   - options: What is said beside the file.
  /// - Throws: `Diagnostics` with everything that is wrong.
  public init(_ description: Message, path: String?, options: Options) throws {
    let nets = SolverNets(
      message: description, folder: SolverNets.folder(ofSolver: path), options: options)
    let (first, plans) = try Solver.read(RunLength.provisional(description, options), nets)
    var settings = first
    self.options = options
    if options.epochs == nil { Solver.warn(settings, options) }
    folder = path.map(FileResolver.folder)
    threads = options.threads ?? Workers.available
    snapshotPrefix = Solver.prefix(settings.snapshotPrefix, path)
    let snapshot = try Solver.snapshot(options, prefix: snapshotPrefix)
    let saved = try Solver.savedState(of: snapshot)
    seed = Solver.chooseSeed(options, settings, saved)
    shuffles = options.shuffles || saved?.bool("shuffle") == true
    window = LossWindow(size: settings.averageLoss)
    let built = try Solver.build(plans, nets, threads, seed, shuffles)
    trainNet = built[0]
    testNets = Array(built.dropFirst())
    if let epochs = options.epochs {
      settings = try SolverSettings(RunLength.description(description, epochs, trainNet, settings))
      Solver.warn(settings, options)
    }
    self.settings = settings
    try Solver.requireMemory(built, settings)
    if shuffles, !trainNet.sources.contains(where: { $0.source?.shuffles == true }) {
      options.observe(.remark("no data layer of the training net has an order to be shuffled"))
    }
    watch = try options.best.map { [testNets] in try ScoreWatch($0, testNets) }
    keeping = SnapshotKeeping(limit: options.keptSnapshots)
    if settings.snapshotsHDF5 {
      try WeightWriter.requireHDF5()
      try trainNet.checkHDF5Names()
    }
    updater = ParameterUpdater(
      trainNet, settings, allowsNonFinite: options.allowsNonFinite)
    for net in testNets { try net.shareWeights(with: trainNet) }
    options.observe(.built(train: trainNet, tests: testNets))
    try load(snapshot)
  }

  private static func warn(_ settings: SolverSettings, _ options: Options) {
    for warning in settings.warnings { options.observe(.warning(warning)) }
  }

  /// Reads the settings and the nets; what is wrong with any of them is told together, once.
  private static func read(
    _ description: Message, _ nets: SolverNets
  ) throws -> (SolverSettings, [SolverNets.Plan]) {
    var problems = Diagnostics()
    let settings = problems.keepingNew { try SolverSettings(description) }
    let train = problems.keepingNew { try nets.train() }
    let tests = problems.keepingNew { try nets.tests() }
    guard let settings, let train, let tests else { throw problems }
    return (settings, [train] + tests)
  }

  /// Builds all nets; what is wrong with any of them is told together, once.
  private static func build(
    _ plans: [SolverNets.Plan], _ nets: SolverNets, _ threads: Int, _ seed: UInt64, _ shuffles: Bool
  ) throws -> [Net] {
    var problems = Diagnostics()
    let workers = Workers(count: threads)
    let built = plans.enumerated().compactMap { number, plan in
      problems.keepingNew {
        try nets.build(
          plan, number: UInt64(number), workers: workers, seed: seed, shuffles: shuffles)
      }
    }
    guard built.count == plans.count else { throw problems }
    return built
  }

  /// Refuses what all nets together, with what the rule remembers, take beyond the machine's memory.
  private static func requireMemory(_ nets: [Net], _ settings: SolverSettings) throws {
    let rule = type(of: settings.rule)
    let history = nets[0].parameters.reduce(0) { $0 + $1.blob.count } * rule.historyCount
    let bytes = nets.reduce(history * MemoryLayout<Float>.stride) { $0 + $1.bytes }
    guard bytes > Memory.physicalBytes else { return }
    throw Diagnostic.error(
      "training would take \(Memory.text(bytes: bytes)) with all test nets and what \(rule.type) "
        + "remembers, but the machine has \(Memory.text(bytes: Memory.physicalBytes)) of memory",
      help: "choose a smaller batch; iter_size makes up for it in training", kind: .runFailed)
  }

  private static func snapshot(_ options: Options, prefix: String) throws -> String? {
    switch options.snapshot {
    case .none: return nil
    case .file(let path): return path
    case .automatic: break
    }
    var first: Diagnostics?
    for path in SnapshotFiles.states(prefix: prefix) {
      do {
        try checkFiles(ofState: path)
        if let first {
          // A file that is damaged must not hide an older one that is whole.
          for var problem in first.all {
            problem.severity = .warning
            options.observe(.warning(problem))
          }
          options.observe(.remark("goes on from an older snapshot, \(path)"))
        }
        return path
      } catch {
        first = first ?? error
      }
    }
    if let first { throw first }
    return nil
  }

  /// Whether a state and the weights that belong to it can be read.
  private static func checkFiles(ofState path: String) throws(Diagnostics) {
    let state = try SolverStateFile(path: path)
    let weights: String
    do { weights = try learnedNet(of: state) } catch { throw Diagnostics(error) }
    _ = try WeightFile(path: weights)
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
    let paths = options.weights.isEmpty ? settings.weights : options.weights
    if options.finetunes, paths.isEmpty {
      throw Diagnostic.error(
        "there are no weights to begin with", help: "give them: --weights FILE", kind: .usage)
    }
    for path in paths {
      let files = FileResolver(folder: folder)
      try loadWeights(files.existing(path) ?? path, skipsMisfits: options.finetunes)
    }
  }

  /// Loads weights into the training net, and into layers that only a test net has.
  func loadWeights(_ path: String, skipsMisfits: Bool = false) throws {
    let report = try trainNet.loadWeights(path: path, skipsMisfits: skipsMisfits)
    for net in testNets {
      let hasOwn = net.nodes.contains {
        !$0.layer.parameters.isEmpty && trainNet.node($0.name) == nil
      }
      if hasOwn { try net.loadWeights(path: path, skipsMisfits: skipsMisfits) }
    }
    options.observe(.loadedWeights(report))
  }

  // MARK: Defaults

  /// What was saved beside a state, if it is of the same snapshot.
  private static func savedState(of snapshot: String?) throws -> Message? {
    guard let snapshot, let saved = try RunStateFile.read(RunStateFile.path(beside: snapshot))
    else { return nil }
    return saved.int("iter") == (try SolverStateFile(path: snapshot)).iteration ? saved : nil
  }

  /// A run that goes on takes its own seed again.
  private static func chooseSeed(
    _ options: Options, _ settings: SolverSettings, _ saved: Message?
  ) -> UInt64 {
    if let seed = options.seed { return seed }
    if let saved { return UInt64(bitPattern: Int64(saved.int("random_seed"))) }
    if let seed = settings.seed { return seed }
    var generator = SystemRandomNumberGenerator()
    return UInt64.random(in: 0...UInt64(UInt32.max), using: &generator)
  }

  /// What names of snapshots begin with: the `snapshot_prefix`; in a folder, the solver's name.
  ///
  /// - Parameters:
  ///   - given: The solver's `snapshot_prefix`.
  ///   - path: The solver's path, if it has one.
  /// - Returns: The prefix.
  public static func prefix(_ given: String, _ path: String?) -> String {
    var status = stat()
    guard stat(given, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      return given.isEmpty ? "snapshot" : given
    }
    let name = path?.split(separator: "/").last ?? "solver"
    let stem = name.lastIndex(of: ".").map { name[..<$0] } ?? name
    return given.hasSuffix("/") ? given + stem : "\(given)/\(stem)"
  }
}

extension Diagnostics {
  /// Runs a step; if it fails, keeps what it says unless the same was said before, and goes on.
  fileprivate mutating func keepingNew<Result>(_ step: () throws -> Result) -> Result? {
    do {
      return try step()
    } catch let error as Diagnostics {
      for diagnostic in error.all { keep(diagnostic) }
    } catch let error as Diagnostic {
      keep(error)
    } catch {
      keep(.error("\(error)"))
    }
    return nil
  }

  private mutating func keep(_ new: Diagnostic) {
    // Each net reads its file anew, so places are compared by what is shown of them.
    let text = new.rendered(color: false)
    if !all.contains(where: { $0.rendered(color: false) == text }) { append(new) }
  }
}
