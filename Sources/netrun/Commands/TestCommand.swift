import ArgumentParser
import Layers
import Nets
import Prototxt
import Solvers

/// Scores weights on a net's test data.
struct TestCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Score trained weights on the data of a net's test phase.",
    discussion: """
      Without --iterations the data is gone through exactly once, the last smaller batch included. \
      Without --weights the snapshot of the highest iteration beside the net, or of a solver
      beside it, is taken.

      Examples:
        netrun test model.txt
        netrun test model.txt --weights lenet_iter_10000.caffemodel --json
        netrun test -model model.prototxt -weights lenet.caffemodel -iterations 100
      """)

  @Argument(help: "The net, a text file.")
  var file: String?

  @Option(help: ArgumentHelp("The net, as Caffe gives it.", valueName: "file"))
  var model: String?

  @Option(
    help: ArgumentHelp("The weights, a .caffemodel; several by commas.", valueName: "files"))
  var weights: [String] = []

  @Option(help: "How many batches, in place of one pass over the data.")
  var iterations: Int?

  @OptionGroup var state: StateOptions

  @Flag(help: "Print JSON.")
  var json = false

  @Option(help: "auto, human, caffe or quiet: 'caffe' logs Caffe's own lines.")
  var log: LogStyle = .auto

  mutating func validate() throws {
    if let iterations, iterations < 1 {
      throw ValidationError("--iterations must be 1 or more.")
    }
  }

  mutating func run(_ console: Console) throws {
    let path = try Operand.one(file, model, option: "--model", what: "the net", command: "test")
    let loading = NetLoading(
      path: path, phase: .test, level: state.level ?? 0, stages: state.stages,
      threads: state.threads)
    let net = try loading.build("test", console)
    guard iterations != nil || !net.sources.isEmpty else {
      throw Diagnostic.error(
        "the net's test phase has no data layer with a last record, so one pass has no end",
        path: path,
        help: "say how many batches: --iterations N; or add a data layer with "
          + "include { phase: TEST }")
    }
    let caffe = log == .caffe ? CaffeLog(console.chatter) : nil
    caffe?.log("caffe.cpp:275", "Use CPU.")
    caffe?.logBuilding(of: net, state: CaffeLog.state(net))
    let files = try load(net, path, console, caffe)
    if let iterations { caffe?.log("caffe.cpp:281", "Running for \(iterations) iterations.") }
    let start = Clock.seconds
    let run = try TestRun.run(net, iterations: iterations) { caffe?.logBatch($0, $1) }
    guard let run else { return }
    let report = ScoreReport(
      net: net, run: run, model: path, weights: files, seconds: Clock.seconds - start)
    caffe?.logScores(run.means, loss: run.loss)
    if json {
      console.print(report.json.indented())
    } else if log == .auto || log == .human {
      console.out.write(report.rendered(console.outStyle))
    }
  }

  /// Loads the weights that were given, or those that are found.
  private func load(
    _ net: Net, _ path: String, _ console: Console, _ caffe: CaffeLog?
  ) throws -> [String] {
    var files = Operand.list(weights)
    if files.isEmpty, net.nodes.contains(where: { !$0.layer.parameters.isEmpty }) {
      var search = WeightSearch(model: path)
      let found = try search.find(for: net)
      if log != .quiet { console.remark("weights are the newest snapshot, \(found)") }
      files = [found]
    }
    for file in files {
      let report = try net.loadWeights(path: file)
      for layer in report.ignored { caffe?.log("net.cpp:744", "Ignoring source layer \(layer)") }
      guard log != .quiet, !report.fresh.isEmpty else { continue }
      WeightNotes.lines(report).forEach(console.remark)
    }
    return files
  }
}
