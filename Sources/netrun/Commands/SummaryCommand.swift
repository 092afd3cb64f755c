import ArgumentParser
import Layers
import Nets
import Prototxt
import Schema
import Solvers

/// Shows what a net is made of, without its data.
struct SummaryCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "summary",
    abstract: "Show shapes, parameters, arithmetic and memory of each layer of a net.",
    discussion: """
      Nothing is computed, and the data of the net need not be here: where their shape is known \
      neither from them nor from the net, it is given by --shape. Nets of earlier years are read as they are. Of a solver, the \
      training net and the test nets are shown. MAC are multiplications with additions of a forward \
      pass; parameters that layers share count once.

      Examples:
        netrun summary model.txt
        netrun summary deploy.prototxt --shape data=1,3,224,224
        netrun summary train_val.prototxt --phase TEST --json
        netrun summary solver.txt
        netrun summary solver.txt --memory
      """)

  @Argument(help: "The net, or a solver: a text file.")
  var file: String?

  @Option(help: ArgumentHelp("The net, as Caffe gives it.", valueName: "file"))
  var model: String?

  @Option(
    help: ArgumentHelp(
      "The shape of a data layer's or input's top, for each that is to be given or changed.",
      valueName: "top=sizes"))
  var shape: [AssumedShape] = []

  @Option(
    help: "TRAIN or TEST: which of the net's layers take part; by itself TRAIN, of a solver both.")
  var phase: String?

  @Option(help: "The level that rules with min_level and max_level are matched against.")
  var level: Int?

  @Option(help: "Stages that rules are matched against, separated by commas.")
  var stage: [String] = []

  @Flag(help: "Show which memory each blob lies in, and when, in place of the layers.")
  var memory = false

  @Flag(help: "Print JSON.")
  var json = false

  /// A net that is to be shown.
  private struct Subject {
    let title: String
    let path: String
    let description: Message
    let folder: String?
    let state: NetState
    /// How many blocks as large as the parameters the solver's rule keeps.
    var historyCount = 0
  }

  private var stages: [String] { stage.flatMap { $0.split(separator: ",").map(String.init) } }
  private var chosen: Phase? { phase.flatMap { Phase(rawValue: $0.uppercased()) } }

  mutating func validate() throws {
    if let phase, chosen == nil {
      throw ValidationError("--phase must be TRAIN or TEST, not '\(phase)'.")
    }
    if let level, Int32(exactly: level) == nil {
      throw ValidationError("--level must be a number of 32 bits.")
    }
  }

  mutating func run(_ console: Console) throws {
    let path = try Operand.one(file, model, option: "--model", what: "the net", command: "summary")
    let subjects = try subjects(path, console)
    try requireUsed(subjects)
    let sketch = NetSketch(shapes: shape, console: console)
    let nets = try subjects.map {
      try sketch.build($0.description, folder: $0.folder, state: $0.state)
    }
    if memory {
      let tables = zip(nets, subjects).map {
        MemoryTable($0, path: $1.path, title: $1.title, historyCount: $1.historyCount)
      }
      show(
        tables.map(\.json), tables.map { $0.rendered(console.outStyle, width: width(console)) },
        path, subjects, console)
    } else {
      let summaries = zip(nets, subjects).map { NetSummary($0, path: $1.path, title: $1.title) }
      show(
        summaries.map(\.json),
        summaries.map { $0.rendered(console.outStyle, width: width(console)) }, path, subjects,
        console)
    }
  }

  private func width(_ console: Console) -> Int? { console.outTerminal?.width }

  private func show(
    _ nets: [JSON], _ texts: [String], _ path: String, _ subjects: [Subject], _ console: Console
  ) {
    if json {
      let isSolver = subjects.count > 1 || subjects.first?.path != path
      console.print(
        (isSolver
          ? .members(["solver": .string(path), "nets": .array(nets)]) : nets.first ?? .null)
          .indented())
      return
    }
    console.out.write(texts.joined(separator: "\n"))
  }

  // MARK: Which nets

  private func subjects(_ path: String, _ console: Console) throws -> [Subject] {
    if case .solver? = DescribedFile(path) { return try subjects(ofSolver: path, console) }
    let (net, warnings) = try NetDescription.load(path)
    console.show(warnings)
    var state = NetState(phase: chosen ?? .train, level: level ?? 0, stages: stages)
    let given = net.message("state")
    if level == nil { state.level = given.int("level") }
    state.stages = given.strings("stage") + state.stages
    return [
      Subject(
        title: "", path: path, description: net, folder: FileResolver.folder(of: path), state: state
      )
    ]
  }

  private func subjects(ofSolver path: String, _ console: Console) throws -> [Subject] {
    let (solver, warnings) = try SolverDescription.load(path)
    console.show(warnings)
    var options = Solver.Options()
    var remarks: Set<String> = []
    options.level = level
    options.stages = stages
    options.observe = { event in
      if case .warning(let warning) = event { console.show([warning]) }
      if case .remark(let text) = event, remarks.insert(text).inserted { console.remark(text) }
    }
    let nets = try NamedNets(solver, path: path, options: options)
    func subject(_ net: NamedNets.Named, _ title: String) -> Subject {
      Subject(
        title: title, path: net.path ?? path, description: net.description, folder: net.folder,
        state: net.state, historyCount: nets.historyCount)
    }
    let tests = nets.tests.enumerated().map { subject($1, "test net #\($0)") }
    switch chosen {
    case .train?: return [subject(nets.train, "training net")]
    case .test? where tests.isEmpty:
      throw Diagnostic.error(
        "the solver names no test net", path: path,
        help: "to see its net at TEST: netrun summary \(nets.train.path ?? "NET") --phase TEST")
    case .test?: return tests
    case nil: return [subject(nets.train, "training net")] + tests
    }
  }

  /// Refuses a shape for what is not there: a name that is mistyped must not pass.
  private func requireUsed(_ subjects: [Subject]) throws(Diagnostic) {
    let tops = subjects.flatMap { subject in
      NetSketch.tops(subject.description.messages("layer").filter(subject.state.includes))
    }
    guard let unused = shape.first(where: { !tops.contains($0.top) }) else { return }
    throw .error(
      "no data layer or input makes '\(unused.top)', whose shape is given",
      help: closestMatch(to: unused.top, in: tops).map { "did you mean '\($0)'?" }
        ?? (tops.isEmpty
          ? "the net has none"
          : "shapes are given for \(Set(tops).sorted().joined(separator: ", "))"),
      kind: .usage)
  }
}
