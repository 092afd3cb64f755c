import ArgumentParser
import Datasets
import Layers
import Nets
import Pictures
import Prototxt
import Schema
import Solvers

/// Scores weights on a net's test data.
struct TestCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Score trained weights on the data of a net's test phase.",
    discussion: """
      Without --iterations the data is gone through exactly once, the last smaller batch included. \
      Without --weights the snapshot of the highest iteration beside the net, or of a solver
      beside it, is taken. \
      --report writes a page: what is taken for what, class by class, and the worst answers with \
      their pictures; with --against also what other weights answer otherwise.

      Examples:
        netrun test model.txt
        netrun test model.txt --weights lenet_iter_10000.caffemodel --json
        netrun test model.txt --report report.html --names labels.txt
        netrun test model.txt --weights b.caffemodel --against a.caffemodel --report ab.html
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

  @Option(
    help: ArgumentHelp("Write a page about answers and mistakes (.html).", valueName: "file"))
  var report: String?

  @Option(
    help: ArgumentHelp("Other weights, whose answers are compared.", valueName: "file"))
  var against: String?

  @Option(
    help: ArgumentHelp(
      "Names of the classes, a line each, that of class 0 first.", valueName: "file"))
  var names: String?

  @Flag(help: "Print JSON; with --report or --against, what the page tells too.")
  var json = false

  @Option(help: "auto, human, caffe or quiet: 'caffe' logs Caffe's own lines.")
  var log: LogStyle = .auto

  mutating func validate() throws {
    if let iterations, iterations < 1 {
      throw ValidationError("--iterations must be 1 or more.")
    }
    if names != nil, report == nil, against == nil {
      throw ValidationError("--names goes with --report or --against.")
    }
  }

  mutating func run(_ console: Console) throws {
    let path = try Operand.one(file, model, option: "--model", what: "the net", command: "test")
    let target = try report.map { path throws(Diagnostic) in
      try PictureFile(path, allowed: [.html])
    }
    let classNames = try names.map { path throws(Diagnostic) in try ClassNames(path: path) }
    var loading = NetLoading(
      path: path, phase: .test, level: state.level ?? 0, stages: state.stages,
      threads: state.threads)
    let blobs = report == nil && against == nil ? nil : scoreBlobs(path)
    if let blobs { loading.keeps = [blobs.scores, blobs.labels] }
    let net = try loading.build("test", console)
    if report != nil || against != nil, blobs == nil { throw noScores(path) }
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
    let earlier = try blobs.flatMap { try evaluateOther($0, loading, console) }
    let evaluation = blobs.map { Evaluation($0, earlier: earlier) }
    let start = Clock.seconds
    let run = try TestRun.run(net, iterations: iterations) {
      caffe?.logBatch($0, $1)
      evaluation?.add(net)
    }
    guard let run else { return }
    var report = ScoreReport(
      net: net, run: run, model: path, weights: files, seconds: Clock.seconds - start)
    report.classification = evaluation?.json(classNames)
    report.comparison = against.flatMap { evaluation?.comparison(with: FilePath.name($0)) }
    caffe?.logScores(run.means, loss: run.loss)
    if json {
      console.print(report.json.indented())
    } else if log == .auto || log == .human {
      console.out.write(report.rendered(console.outStyle))
    }
    if let target, let evaluation {
      try write(evaluation, classNames, report, to: target, net)
      if log != .quiet { console.remark("the report is \(target.path)") }
    }
  }

  // MARK: The page

  private func scoreBlobs(_ path: String) -> ScoreBlobs? {
    ScoreBlobs.find(path: path, level: state.level ?? 0, stages: state.stages)
  }

  private func noScores(_ path: String) -> Diagnostic {
    .error(
      "no layer of the test phase compares scores of classes with labels", path: path,
      help: "a report needs a layer Accuracy or SoftmaxWithLoss; without one leave out "
        + (report == nil ? "--against" : "--report"))
  }

  /// What the other weights answer, if there are any.
  private func evaluateOther(
    _ blobs: ScoreBlobs, _ loading: NetLoading, _ console: Console
  ) throws -> Evaluation? {
    guard let against else { return nil }
    // Warnings were shown when the net was built first.
    let quiet = Console(
      out: console.out, chatter: StringSink(), outTerminal: nil, chatterTerminal: nil)
    let net = try loading.build("test", quiet)
    let weights = try net.loadWeights(path: against)
    if log != .quiet, !weights.fresh.isEmpty {
      WeightNotes.lines(weights).forEach(console.remark)
    }
    let evaluation = Evaluation(blobs)
    _ = try TestRun.run(net, iterations: iterations) { _, _ in evaluation.add(net) }
    return evaluation
  }

  private func write(
    _ evaluation: Evaluation, _ names: ClassNames?, _ report: ScoreReport, to target: PictureFile,
    _ net: Net
  ) throws {
    let weights = report.weights.map(FilePath.name).joined(separator: ", ")
    var page = Page(title: "\(net.name.isEmpty ? FilePath.name(report.model) : net.name): test")
    page.paragraph("\(report.model) with \(report.weights.joined(separator: ", "))")
    EvaluationPage(
      evaluation: evaluation, names: names, weights: weights,
      earlierWeights: against.map(FilePath.name) ?? ""
    ).add(to: &page)
    page.section("Outputs of the net")
    page.table(
      [.init("output"), .init("mean", isNumber: true)],
      report.run.means.map { [$0.name, Numbers.general($0.value)] })
    try AtomicFile.write(page.document, to: target.path)
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
