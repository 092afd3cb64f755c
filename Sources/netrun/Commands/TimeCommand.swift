import ArgumentParser
import Compute
import Layers
import Nets
import Prototxt
import Schema
import Solvers

/// Times the layers of a net, and whole training steps of a solver.
struct TimeCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "time",
    abstract: "Time each layer of a net, forward and backward, or whole training steps.",
    discussion: """
      Shows medians over the iterations, after one to warm up, and how near each layer comes \
      to the fastest matrix product that this machine can do. Whole passes are measured without a \
      clock between layers. Given a solver, whole training steps are measured too: reading, \
      forward, backward and update. Weights are not needed, and nothing is written.

      Examples:
        netrun time model.txt
        netrun time model.txt --phase TEST --forward-only --threads 1
        netrun time solver.txt --whole
        netrun time -model model.prototxt -iterations 20
      """)

  @Argument(help: "The net or the solver, a text file.")
  var file: String?

  @Option(help: ArgumentHelp("The net, as Caffe gives it.", valueName: "file"))
  var model: String?

  @Option(
    help: ArgumentHelp(
      "Weights for the net, separated by commas; without them those of its fillers.",
      valueName: "files"))
  var weights: [String] = []

  @Option(help: "How many passes to measure.")
  var iterations = 50

  @Option(help: "TRAIN or TEST: which of the net's layers take part; TRAIN if nothing is said.")
  var phase: String?

  @OptionGroup var state: StateOptions

  @Flag(help: "Leave the backward pass out.")
  var forwardOnly = false

  @Flag(help: "Measure no layers: a net's whole passes alone, a solver's whole steps alone.")
  var whole = false

  @Flag(help: "Print JSON.")
  var json = false

  @Option(help: "auto, human, caffe or quiet: 'caffe' logs Caffe's own lines.")
  var log: LogStyle = .auto

  mutating func validate() throws {
    if iterations < 1 { throw ValidationError("--iterations must be 1 or more.") }
    if let phase, Phase(rawValue: phase.uppercased()) == nil {
      throw ValidationError("--phase must be TRAIN or TEST, not '\(phase)'.")
    }
  }

  mutating func run(_ console: Console) throws {
    let path = try Operand.one(file, model, option: "--model", what: "the net", command: "time")
    if SolverDescription.isDescribed(by: path) { return try timeSolver(path, console) }
    let phase = phase.flatMap { Phase(rawValue: $0.uppercased()) } ?? .train
    let loading = NetLoading(
      path: path, phase: phase, level: state.level ?? 0, stages: state.stages,
      threads: state.threads, runsBackward: !forwardOnly)
    let net = try loading.build("time", console)
    for file in Operand.list(weights) { try net.loadWeights(path: file) }
    if log == .caffe {
      let log = CaffeLog(console.chatter)
      log.log("caffe.cpp:343", "Use CPU.")
      log.logBuilding(of: net, state: CaffeLog.state(net))
      let timing = try net.timing(iterations: iterations, forwardOnly: forwardOnly)
      log.logTiming(net, timing, iterations: iterations)
      return
    }
    try net.forward()
    if !forwardOnly { net.backward() }
    try show(net, path, steps: [], first: ProcessClock.seconds, console)
  }

  private func timeSolver(_ path: String, _ console: Console) throws {
    for (isGiven, option) in [
      (phase != nil, "--phase"), (!weights.isEmpty, "--weights"), (forwardOnly, "--forward-only"),
      (log == .caffe, "--log caffe"),
    ] where isGiven {
      throw Diagnostic.error(
        "\(option) is for a net, but \(path) is a solver", help: "give the net instead",
        kind: .usage)
    }
    let (description, warnings) = try SolverDescription.load(path)
    console.show(warnings)
    var options = Solver.Options()
    options.threads = state.threads
    options.level = state.level
    options.stages = state.stages
    options.keeps = .only([])
    options.observe = { event in
      switch event {
      case .warning(let warning): console.show([warning])
      case .remark(let text): console.remark(text)
      default: break
      }
    }
    let solver = try Solver(
      timing: description, path: path, steps: iterations + 1, options: options)
    _ = try solver.timeSteps(1)
    let first = ProcessClock.seconds
    let steps = try solver.timeSteps(iterations)
    try show(solver.trainNet, path, steps: steps, first: first, console)
  }

  /// Measures a net's passes and shows them with a solver's steps, if there are any.
  private func show(
    _ net: Net, _ path: String, steps: [Double], first: Double?, _ console: Console
  ) throws {
    let threads = net.context.workers.count
    // Before and after, since other programs may disturb either.
    let before = whole ? nil : MatrixSpeed.measure(threads: threads, seconds: 0.2)
    let timing =
      whole && !steps.isEmpty
      ? nil
      : try net.timing(iterations: iterations, forwardOnly: forwardOnly, layerByLayer: !whole)
    let peak = before.map { max($0, MatrixSpeed.measure(threads: threads, seconds: 0.2)) }
    let report = TimingReport(
      net, timing, steps: steps, first: first, peak: peak, forwardOnly: forwardOnly)
    if json {
      console.print(report.json(path, iterations: iterations).indented())
    } else if log != .quiet {
      console.out.write(report.rendered(console.outStyle, width: console.outTerminal?.width))
    }
  }
}
