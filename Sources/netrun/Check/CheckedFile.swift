import Compute
import Glibc
import Layers
import Nets
import Prototxt
import Schema
import Solvers

/// A net or solver that is checked, with all that its nets need.
struct CheckedFile {
  /// How it is looked at.
  struct Options {
    var level: Int?
    var stages: [String] = []
    var weights: [String] = []
    var shapes: [AssumedShape] = []
    /// Whether data are opened.
    var opensData = true
    /// Whether all labels are read.
    var readsLabels = false
  }

  let path: String
  /// Whether it is a solver.
  let isSolver: Bool
  /// Errors, and warnings that came with the file.
  var problems: [Diagnostic] { kept.all }
  /// What the lints look at.
  private(set) var subject = CheckSubject()
  private var kept = ProblemList()
  private let options: Options
  private let console: Console

  init(_ path: String, _ options: Options, _ console: Console) {
    self.path = path
    self.options = options
    self.console = console
    isSolver = SolverDescription.isDescribed(by: path)
    if isSolver { checkSolver() } else { checkNet() }
    subject.hasWeights = !options.weights.isEmpty || subject.solver?.has("weights") == true
    loadWeights()
    if options.readsLabels { readLabels() }
  }

  /// Whether a signal has asked to stop.
  var wasStopped: Bool {
    problems.contains { if case .stopped = $0.kind { true } else { false } }
  }

  /// Keeps a problem.
  private mutating func keep(_ problem: Diagnostic) { kept.keep(problem) }

  // MARK: Nets

  private mutating func checkNet() {
    guard let (net, warnings) = kept.keeping({ [path] in try NetDescription.load(path) }) else {
      return
    }
    warnings.forEach { keep($0) }
    let given = net.message("state")
    let layers = net.messages("layer")
    let states = CheckedFile.phases(net).map { phase in
      NetState(
        phase: phase, level: options.level ?? given.int("level"),
        stages: given.strings("stage") + options.stages)
    }
    // A file for one phase alone has nothing that brings values in for the other.
    func begins(_ state: NetState) -> Bool {
      layers.contains { $0.count("bottom") == 0 && state.includes($0) }
    }
    let begun = states.filter(begins)
    for state in begun.isEmpty ? states : begun {
      add(net, folder: FileResolver.folder(of: path), state)
    }
  }

  /// The phases that a net is meant for: both, if it has rules for them; else it is one of two files,
  /// for training if it has a loss.
  private static func phases(_ net: Message) -> [Phase] {
    if net.message("state").has("phase") {
      return [Phase(rawValue: net.message("state").enumName("phase")) ?? .test]
    }
    let layers = net.messages("layer")
    let rules = layers.flatMap { $0.messages("include") + $0.messages("exclude") }
    if rules.contains(where: { $0.has("phase") }) { return [.train, .test] }
    let hasLoss = layers.contains {
      $0.string("type").hasSuffix("Loss") || $0.floats("loss_weight").contains { $0 != 0 }
    }
    return [hasLoss ? .train : .test]
  }

  private mutating func checkSolver() {
    guard let (solver, warnings) = kept.keeping({ [path] in try SolverDescription.load(path) })
    else { return }
    warnings.forEach { keep($0) }
    SolverCheck.problems(solver).forEach { keep($0) }
    subject.solver = solver
    checkSnapshotFolder(solver)
    var said: [Diagnostic] = []
    var choices = Solver.Options()
    choices.level = options.level
    choices.stages = options.stages
    choices.observe = { if case .warning(let warning) = $0 { said.append(warning) } }
    let nets = kept.keeping { [path] in try NamedNets(solver, path: path, options: choices) }
    said.forEach { keep($0) }
    guard let nets else { return }
    for net in [nets.train] + nets.tests { add(net.description, folder: net.folder, net.state) }
    checkSharing()
    checkMemory(solver, historyCount: nets.historyCount)
  }

  /// Sees whether test nets can take the weights of the net that is trained.
  private mutating func checkSharing() {
    guard let train = subject.nets.first?.net, train.state.phase == .train else { return }
    for test in subject.nets.dropFirst() {
      kept.keeping { try test.net.shareWeights(with: train) }
    }
  }

  private mutating func add(_ description: Message, folder: String?, _ state: NetState) {
    let file = self
    let built = kept.keeping { try file.build(description, folder: folder, state) }
    if let built { subject.nets.append(CheckedNet(built, folder: folder)) }
    guard built == nil, options.opensData else { return }
    // What is wrong with data must not hide what else can be said, where the net tells its shapes.
    let silent = Console(
      out: console.out, chatter: StringSink(), outTerminal: nil, chatterTerminal: nil)
    let sketch = NetSketch(shapes: options.shapes, console: silent)
    guard let net = try? sketch.build(description, folder: folder, state: state) else { return }
    subject.nets.append(CheckedNet(net, folder: folder))
  }

  /// Builds a net as training or a test would, but without filling weights.
  private func build(_ description: Message, folder: String?, _ state: NetState) throws -> Net {
    guard options.opensData else {
      return try NetSketch(shapes: options.shapes, console: console)
        .build(description, folder: folder, state: state)
    }
    let context = LayerContext(
      workers: Workers(count: 1), files: FileResolver(folder: folder),
      assumedShapes: Dictionary(
        options.shapes.map { ($0.top, $0.shape) }, uniquingKeysWith: { $1 }),
      isSketch: true)
    var netOptions = Net.Options(state: state, context: context)
    netOptions.mergesState = false
    netOptions.keeps = .only([])
    netOptions.runsBackward = state.phase == .train
    return try Net(description, options: netOptions)
  }

  // MARK: What a run needs

  private mutating func checkMemory(_ solver: Message, historyCount: Int) {
    guard let train = subject.nets.first?.net else { return }
    let bytes =
      subject.nets.reduce(0) { $0 + $1.net.bytes } + historyCount * train.memory.parameters
    guard bytes > Memory.physicalBytes else { return }
    keep(
      .error(
        "training would take \(Numbers.bytes(bytes)), but the machine has "
          + "\(Numbers.bytes(Memory.physicalBytes)) of memory", path: path,
        help: "choose a smaller batch; iter_size makes up for it in training"))
  }

  /// Sees whether snapshots can be written; the folder is made by training if it is not there.
  private mutating func checkSnapshotFolder(_ solver: Message) {
    var folder = FilePath.folder(solver.string("snapshot_prefix"))
    while !folder.isEmpty, !FilePath.exists(folder) { folder = FilePath.folder(folder) }
    let shown = folder.isEmpty ? "." : folder
    guard access(shown, W_OK | X_OK) != 0 else { return }
    let reason = String(cString: strerror(errno))
    keep(
      .error(
        "snapshots cannot be written to '\(shown)': \(reason)",
        at: solver.location("snapshot_prefix"),
        help: "give snapshot_prefix a folder that can be written", kind: .inputOutput))
  }

  private mutating func loadWeights() {
    let given = options.weights.map { ($0, SourceRange?.none) }
    let named =
      subject.solver.map { solver in
        solver.strings("weights").enumerated().flatMap { index, text in
          Operand.list([text]).map { ($0, solver.location("weights", index)) }
        }
      } ?? []
    for (name, place) in given.isEmpty ? named : given {
      guard let file = place == nil ? name : FilePath.find(name, near: path) else {
        keep(
          .error(
            "the weights '\(name)' are not there", at: place,
            help: "looked for \(FilePath.candidates(name, near: path).joined(separator: ", "))",
            kind: .missingInput))
        continue
      }
      guard let net = subject.nets.first?.net else { continue }
      guard let report = kept.keeping({ try net.loadWeights(path: file) }) else { continue }
      if subject.weights == nil {
        subject.weights = LoadedWeights(report)
      } else {
        subject.weights?.add(report)
      }
    }
  }

  private mutating func readLabels() {
    var scans: [LabelScan] = []
    for net in subject.nets where net.net.context.opensSources {
      for var scan in LabelScan.needed(net) {
        guard !wasStopped else { return }
        guard kept.keeping({ [console] in try scan.read(console) }) != nil else { continue }
        if let problem = scan.problem { keep(problem) }
        scans.append(scan)
      }
    }
    subject.labels = scans
  }
}

/// What is wrong with a file, each thing once.
struct ProblemList {
  private(set) var all: [Diagnostic] = []

  /// Runs a step, and keeps what goes wrong.
  @discardableResult
  mutating func keeping<Result>(_ step: () throws -> Result) -> Result? {
    do {
      return try step()
    } catch let error as Diagnostics {
      error.all.forEach { keep($0) }
    } catch let error as Diagnostic {
      keep(error)
    } catch {
      keep(.error("\(error)"))
    }
    return nil
  }

  /// Keeps a problem, unless it was said before: phases share most of their layers.
  mutating func keep(_ problem: Diagnostic) {
    let text = problem.rendered(color: false)
    if !all.contains(where: { $0.rendered(color: false) == text }) { all.append(problem) }
  }
}
