import ArgumentParser
import Pictures
import Prototxt
import Schema
import Solvers

/// Draws the curves of training runs.
struct PlotCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "plot",
    abstract: "Draw loss, accuracy and learning rate of training runs.",
    discussion: """
      Reads the metrics that 'netrun train' writes beside its snapshots, and logs of Caffe's. A \
      solver or a snapshot_prefix stands for its metrics. Several runs are drawn one over the \
      other. Without --output the curves are drawn in the terminal.

      Examples:
        netrun plot runs/lenet.metrics.jsonl
        netrun plot a.metrics.jsonl b.metrics.jsonl -o runs.svg
        netrun plot caffe.INFO --x seconds --log-scale -o run.html
      """)

  /// What runs along a chart.
  enum Along: String, ExpressibleByArgument, CaseIterable {
    case iterations, seconds
  }

  @Argument(help: "Metrics, logs, solvers or prefixes of snapshots.")
  var files: [String]

  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("Write a picture (.svg) or a page (.html).", valueName: "file"))
  var output: String?

  @Option(name: .customLong("x"), help: "iterations or seconds: what runs along.")
  var along = Along.iterations

  @Flag(help: "Show losses on a logarithmic axis.")
  var logScale = false

  @Option(help: "What stands above the curves.")
  var title: String?

  @Option(help: "What a run is called, for each in turn; by itself what tells the files apart.")
  var name: [String] = []

  mutating func validate() throws {
    if name.count > files.count {
      throw ValidationError("--name is given more often than there are files.")
    }
  }

  mutating func run(_ console: Console) throws {
    let target = try output.map { path throws(Diagnostic) in
      try PictureFile(path, allowed: [.svg, .html])
    }
    var problems = Diagnostics()
    var logs: [RunLog] = []
    for file in files {
      do throws(Diagnostic) {
        logs.append(try RunLog(path: PlotCommand.metrics(file)))
      } catch { problems.append(error) }
    }
    try problems.throwIfErrors()
    let names = PlotCommand.names(files, given: name)
    let charts = RunCharts(
      zip(names, logs).map { ($0, $1) }, bySeconds: along == .seconds, isLogarithmic: logScale)
    guard !charts.panels.isEmpty else {
      throw Diagnostic.error(
        "the runs do not tell of seconds", path: files.first, help: "leave out --x seconds")
    }
    let title =
      title ?? (names.count == 1 ? FilePath.name(files[0]) : names.joined(separator: ", "))
    guard let target else { return show(charts, console) }
    try AtomicFile.write(
      target.kind == .svg ? charts.picture(title: title).document : page(charts, title),
      to: target.path)
    console.print(
      "\(target.path): \(charts.panels.map { $0.title.lowercased() }.joined(separator: ", "))")
  }

  private func page(_ charts: RunCharts, _ title: String) -> String {
    var page = Page(title: title)
    page.pictures(charts.pictures(width: 520))
    page.section("What the runs came to")
    page.table(
      [
        .init("curve"), .init("run"), .init("last", isNumber: true), .init("least", isNumber: true),
        .init("most", isNumber: true), .init("at \(charts.xTitle)", isNumber: true),
      ], charts.table)
    return page.document
  }

  private func show(_ charts: RunCharts, _ console: Console) {
    let width = min(console.outTerminal?.width ?? 80, 120)
    let parts = charts.panels.map { panel in
      LetterChart(
        panel: panel, xTitle: charts.xTitle, width: width,
        height: panel.title == "Learning rate" ? 5 : 11
      ).rendered(console.outStyle)
    }
    console.out.write(parts.joined(separator: "\n"))
  }

  // MARK: Which files

  /// The file of metrics that is meant by a solver or a prefix; any other path is the file's own.
  static func metrics(_ path: String) -> String {
    let beside = "\(path).metrics.jsonl"
    if !FilePath.exists(path) { return FilePath.exists(beside) ? beside : path }
    guard [".txt", ".prototxt"].contains(where: path.hasSuffix),
      let solver = try? SolverDescription.load(path).solver
    else { return path }
    let name = Solver.prefix(solver.string("snapshot_prefix"), path) + ".metrics.jsonl"
    return FilePath.exists(name) ? name : FilePath.find(name, near: path) ?? name
  }

  /// What the runs are called: what was given, else the part of the paths in which they differ.
  static func names(_ files: [String], given: [String]) -> [String] {
    var names = files.map { file in
      var name = file
      for ending in [".metrics.jsonl", ".metrics.csv", ".log", ".txt", ".prototxt"]
      where name.hasSuffix(ending) {
        name.removeLast(ending.count)
        break
      }
      return name
    }
    let short = names.map(FilePath.name)
    if Set(short).count == short.count { names = short }
    for (index, name) in given.enumerated() where index < names.count { names[index] = name }
    return names
  }
}
