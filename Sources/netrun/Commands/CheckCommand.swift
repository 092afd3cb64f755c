import ArgumentParser
import Prototxt

/// Finds what is wrong before a run, rather than in it.
struct CheckCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Find errors and likely mistakes in nets, solvers and their data, before a run.",
    discussion: """
      Nets and solvers are told apart by what is in them. A solver is checked with its nets, a net in both \
      phases, and their data are opened. All errors of all files are told at once, then what lints \
      find: what is allowed and yet probably not meant. --list explains them. A comment lets one \
      pass, on its line or above it: # netrun: allow NAME

      The exit code is 0 if there are no errors; with --strict it is 1 if anything else is told. \
      Errors give 65, files that are not there 66.

      Examples:
        netrun check solver.txt
        netrun check solver.txt --data
        netrun check train_val.prototxt --no-data --shape data=64,3,224,224
        netrun check solver.txt --weights bvlc_alexnet.caffemodel
        netrun check models/*/*.txt --no-data --allow unscaled-input --strict
      """)

  @Argument(
    help: "Nets and solvers: text files.",
    completion: .file(extensions: ["txt", "prototxt"]))
  var files: [String] = []

  @Flag(help: "Read all labels, and compare them with the net's outputs.")
  var data = false

  @Flag(name: .customLong("no-data"), help: "Do not open the data, which need not be here.")
  var withoutData = false

  @Option(
    help: ArgumentHelp(
      "The shape of a data layer's or input's top, where nothing else tells it.",
      valueName: "top=sizes"))
  var shape: [AssumedShape] = []

  @Option(
    help: ArgumentHelp(
      "Weights that training is to begin with, a .caffemodel; several by commas.",
      valueName: "files"), completion: .file())
  var weights: [String] = []

  @Option(
    help: ArgumentHelp("A lint that is not told; may be given several times.", valueName: "lint"),
    completion: .list(Lint.all.map(\.name)))
  var allow: [String] = []

  @Flag(help: "Tell hints too.")
  var hints = false

  @Flag(help: "Let the exit code be 1 if there are warnings, or hints that are told.")
  var strict = false

  @Flag(help: "List and explain all lints.")
  var list = false

  @Option(help: "The level that rules with min_level and max_level are matched against.")
  var level: Int?

  @Option(help: "Stages that rules are matched against, separated by commas.")
  var stage: [String] = []

  @Flag(help: "Print JSON.")
  var json = false

  mutating func validate() throws {
    if data, withoutData {
      throw ValidationError("--data reads the data that --no-data does not open: give one of them.")
    }
    if let level, Int32(exactly: level) == nil {
      throw ValidationError("--level must be a number of 32 bits.")
    }
  }

  mutating func run(_ console: Console) throws {
    if list {
      if json {
        console.print(Lint.catalogueJSON.indented())
      } else {
        console.out.write(Lint.catalogue(console.outStyle))
      }
      return
    }
    let allowed = Set(allow.flatMap { $0.split(separator: ",").map(String.init) })
    try CheckCommand.requireKnown(allowed)
    guard !files.isEmpty else {
      throw Diagnostic.error(
        "there is nothing to check", help: "netrun check FILE…; see netrun check --help",
        kind: .usage)
    }
    var options = CheckedFile.Options()
    options.level = level
    options.stages = stage.flatMap { $0.split(separator: ",").map(String.init) }
    options.weights = Operand.list(weights)
    options.shapes = shape
    options.opensData = !withoutData
    options.readsLabels = data
    var checked: [CheckedFile] = []
    for file in files {
      checked.append(CheckedFile(file, options, console))
      if checked.last?.wasStopped == true { break }
    }
    let report = CheckReport(checked, allowed: allowed, showsHints: hints)
    if json {
      console.print(report.json.indented())
    } else {
      let text = report.rendered(color: console.outStyle.isOn)
      if !text.isEmpty { console.out.write(console.isQuiet ? text : text + "\n") }
      if !console.isQuiet { console.print(report.summary) }
    }
    let code = report.exitCode(strict: strict)
    if code != 0 { throw ExitCode(code) }
  }

  private static func requireKnown(_ names: Set<String>) throws(Diagnostic) {
    let known = Lint.all.map(\.name)
    guard let name = names.sorted().first(where: { !known.contains($0) }) else { return }
    throw .error(
      "there is no lint '\(name)'",
      help: closestMatch(to: name, in: known).map { "did you mean '\($0)'?" }
        ?? "netrun check --list lists them",
      kind: .usage)
  }
}
