import ArgumentParser
import Datasets
import Pictures
import Prototxt
import Schema

/// Tells of a training run on one page.
struct ReportCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write a page about a training run: curves, test, net, data, weights.",
    discussion: """
      A run is given by its solver, its net, its weights or its snapshot_prefix; the newest snapshot \
      is tested on the data of the test phase. The page needs no other file and no network. What is \
      not here, such as the data, is left out, and the page says so.

      Examples:
        netrun report solver.txt
        netrun report solver.txt -o lenet.html --names labels.txt
        netrun report snapshots/lenet --model model.txt
      """)

  @Argument(help: "A solver, a net, weights or a snapshot_prefix.")
  var run: String

  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp(
      "The page; by itself the snapshot_prefix with '.report.html'.", valueName: "file"))
  var output: String?

  @Option(help: ArgumentHelp("The net, where the run does not name it.", valueName: "file"))
  var model: String?

  @Option(help: ArgumentHelp("The weights, in place of the newest snapshot.", valueName: "file"))
  var weights: String?

  @Option(
    help: ArgumentHelp(
      "Names of the classes, a line each, that of class 0 first.", valueName: "file"))
  var names: String?

  @Option(help: "What stands above the page.")
  var title: String?

  @Option(help: "How many test batches, in place of one pass over the data.")
  var iterations: Int?

  @OptionGroup var state: StateOptions

  mutating func validate() throws {
    if let iterations, iterations < 1 {
      throw ValidationError("--iterations must be 1 or more.")
    }
  }

  mutating func run(_ console: Console) throws {
    let files = try RunFiles(run, model: model, weights: weights)
    let path = output ?? "\(files.prefix ?? FilePath.name(files.model)).report.html"
    let target = try PictureFile(path, allowed: [.html])
    let classNames = try names.map { path throws(Diagnostic) in try ClassNames(path: path) }
    let report = RunReport(
      files: files, names: classNames, state: state, iterations: iterations, console: console)
    try AtomicFile.write(try report.page(title: title).document, to: target.path)
    console.print(target.path)
  }
}
