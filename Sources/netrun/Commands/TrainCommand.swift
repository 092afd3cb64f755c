import ArgumentParser
import Glibc
import Nets
import Prototxt
import Schema
import Solvers

/// Trains a net.
struct TrainCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a net as a solver file says.",
    discussion: """
      Writes snapshots where the solver says, and what it measures to PREFIX.metrics.jsonl and \
      PREFIX.metrics.csv. Ctrl-C takes a snapshot and stops; a second Ctrl-C stops at once. On a \
      terminal one line shows the progress; in a pipe the lines are those of Caffe's log. --max-time \
      counts this run alone; what ends early goes on with --resume auto, bit for bit as if it had \
      never stopped.

      Examples:
        netrun train solver.txt
        netrun train solver.txt --weights pretrained.caffemodel --finetune
        netrun train solver.txt --resume auto            go on from the newest snapshot
        netrun train solver.txt --epochs 10 --best-by accuracy:max --patience 5
        netrun train solver.txt --max-time 2h30m --keep 3
        netrun train -solver solver.prototxt -snapshot lenet_iter_5000.solverstate
      """)

  @Argument(help: "The solver, a text file.")
  var file: String?

  @Option(help: ArgumentHelp("The solver, as Caffe gives it.", valueName: "file"))
  var solver: String?

  @Option(
    help: ArgumentHelp(
      "Weights to begin with, separated by commas; later files win.", valueName: "files"))
  var weights: [String] = []

  @Flag(help: "Train layers anew that --weights does not fit, and go on with the others.")
  var finetune = false

  @Option(
    name: [.long, .customLong("resume")],
    help: ArgumentHelp(
      "A .solverstate (or .h5) to go on from, or 'auto' for the one of the highest iteration.",
      valueName: "file"))
  var snapshot: String?

  @OptionGroup var training: TrainingOptions

  @OptionGroup var state: StateOptions

  @Option(help: "The seed of all random numbers, in place of the solver's random_seed.")
  var seed: UInt64?

  @Flag(help: "Go on when a loss or a gradient is not a finite number.")
  var allowNonfinite = false

  @Option(help: "What Ctrl-C does: stop, snapshot or none.")
  var sigintEffect = SignalEffect.stop

  @Option(help: "What a closed terminal does: stop, snapshot or none.")
  var sighupEffect = SignalEffect.snapshot

  @Option(help: "What 'kill' does: stop, snapshot or none.")
  var sigtermEffect = SignalEffect.stop

  @Option(
    help: ArgumentHelp(
      "Write scalars, histograms and the graph for TensorBoard too.", valueName: "folder"))
  var tensorboard: String?

  @Option(help: "auto, human, caffe or quiet: 'caffe' logs Caffe's own lines.")
  var log: LogStyle = .auto

  mutating func run(_ console: Console) throws {
    let path = try Operand.one(
      file, solver, option: "--solver", what: "the solver", command: "train")
    if snapshot != nil, !weights.isEmpty {
      throw Diagnostic.error(
        "weights and a snapshot cannot both be given", help: "a snapshot brings its own weights",
        kind: .usage)
    }
    if snapshot != nil, finetune {
      throw Diagnostic.error(
        "--finetune begins with weights, but a run that goes on has its own",
        help: "give --weights in place of the snapshot, or leave --finetune out", kind: .usage)
    }
    let description: Message
    do throws(Diagnostics) {
      let loaded = try SolverDescription.load(path)
      console.show(loaded.warnings)
      description = loaded.solver
    } catch { throw DescribedFile.explain(error, path, command: "train") }
    for (signal, effect) in [
      (SIGINT, sigintEffect), (SIGHUP, sighupEffect), (SIGTERM, sigtermEffect),
    ] { Signals.handle(signal, effect) }
    let view = TrainingView(log, console, setting(description))
    defer { view.end() }
    let outcome = try train(description, path, view)
    if case .stopped(let signal) = outcome { throw ExitCode(128 + signal) }
  }

  private func train(
    _ description: Message, _ path: String, _ view: TrainingView
  ) throws -> Solver.Outcome {
    let metrics = Metrics(warn: view.warn)
    let board = tensorboard.map { TensorBoard(folder: $0, warn: view.warn) }
    var options = Solver.Options()
    options.threads = state.threads
    options.seed = seed
    options.weights = Operand.list(weights)
    options.finetunes = finetune
    options.snapshot =
      switch snapshot {
      case nil: .none
      case "auto"?: .automatic
      case let path?: .file(path)
      }
    options.level = state.level
    options.stages = state.stages
    options.allowsNonFinite = allowNonfinite
    options.keeps = .only([])
    training.apply(to: &options)
    options.requests = Signals.requests
    options.observe = { event in
      metrics.handle(event)
      board?.handle(event)
      view.handle(event)
    }
    let solver = try Solver(description, path: path, options: options)
    metrics.prefix = solver.snapshotPrefix
    view.begin(plan(solver, description, path))
    return try solver.solve()
  }

  private func plan(_ solver: Solver, _ description: Message, _ path: String) -> RunPlan {
    let nets = description.strings("test_net") + [description.string("net")]
    let model = solver.testNets.isEmpty ? nil : nets.first { !$0.isEmpty }
    return RunPlan(
      lastIteration: solver.maxIterations, timeLimit: training.maxTime, goal: training.bestBy,
      best: solver.best, bestPath: solver.bestPath, prefix: solver.snapshotPrefix,
      model: model.flatMap { FilePath.find($0, near: path) })
  }

  /// The solver as Caffe would log it: it always sets level and stage of the training state.
  private func setting(_ description: Message) -> CaffeTrainingLog.Setting {
    var solver = description
    var trainState = solver.message("train_state")
    trainState.set("level", int: state.level ?? 0)
    for stage in state.stages.isEmpty ? [""] : state.stages {
      trainState.append("stage", .string(stage))
    }
    solver.set("train_state", .message(trainState))
    let files = Operand.list(weights)
    if !files.isEmpty { solver.clear("weights") }
    for file in files { solver.append("weights", .string(file)) }
    return CaffeTrainingLog.Setting(solver: solver)
  }
}
