import ArgumentParser
import Glibc
import Prototxt

/// The program.
@main
struct Netrun: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "netrun",
    abstract: "Train, test and time Caffe networks.",
    discussion: """
      A net is a text file (model.txt, or .prototxt), and so is a solver, which says how to train \
      it. Caffe's own command lines work too: netrun train -solver solver.prototxt.

        netrun train solver.txt
        netrun test model.txt
        netrun check solver.txt
        netrun layers Convolution

      --quiet (-q), with any command, leaves only results and errors.
      """,
    version: "netrun \(Version.current)",
    subcommands: [
      TrainCommand.self, TestCommand.self, CheckCommand.self, TimeCommand.self,
      RateSearchCommand.self, SummaryCommand.self,
      ConvertCommand.self, DatabaseCommand.self, MeanCommand.self, WeightsCommand.self,
      DeployCommand.self, PredictCommand.self, ExportCommand.self, ImportCommand.self,
      PlotCommand.self, DrawCommand.self, ViewCommand.self, ReportCommand.self, ExtractCommand.self,
      UpgradeCommand.self, LayersCommand.self, DoctorCommand.self, CompletionsCommand.self,
      ManCommand.self, DeviceQueryCommand.self,
    ])

  /// Runs a command line and ends the process.
  static func main() {
    // A reader that goes away (`netrun layers | head -1`) must not end the program.
    signal(SIGPIPE, SIG_IGN)
    let console = Console.standard()
    let code = run(Array(CommandLine.arguments.dropFirst()), console)
    Glibc.exit(code == 0 ? lostResults(console) : code)
  }

  /// Says so if results could not be written, to a full disk for instance; returns the exit code.
  private static func lostResults(_ console: Console) -> Int32 {
    guard let reason = (console.out as? DescriptorSink)?.failure else { return 0 }
    let error = Diagnostic.error(
      "the results cannot be written: \(String(cString: strerror(reason)))", kind: .inputOutput)
    return report(error, console)
  }

  /// Runs a command line; returns the exit code.
  static func run(_ given: [String], _ console: Console) -> Int32 {
    var given = given
    // Errors are told in any case.
    let speaking = QuietFlag.take(from: &given) ? console.quiet : console
    let adapted = CaffeArguments(given)
    do {
      try UnknownCommand.check(adapted.arguments, of: Netrun.self, path: "netrun")
      var command = try parseAsRoot(adapted.arguments)
      for note in adapted.notes { speaking.remark(note) }
      if var command = command as? any ConsoleCommand {
        try command.run(speaking)
      } else {
        try command.run()
      }
      return 0
    } catch {
      return report(error, console)
    }
  }

  private static func report(_ error: any Error, _ console: Console) -> Int32 {
    if let code = error as? ExitCode { return code.rawValue }
    let color = console.chatterTerminal?.hasColors ?? false
    if let failure = Failure(error, color: color) {
      console.chatter.write(failure.text)
      return failure.exitCode
    }
    let code = exitCode(for: error)
    let message = fullMessage(for: error)
    if code.isSuccess {
      if !message.isEmpty { console.print(message) }
    } else {
      console.chatter.write(message + "\n")
    }
    return code.rawValue
  }
}

/// A command that is told where its text goes.
protocol ConsoleCommand: ParsableCommand {
  mutating func run(_ console: Console) throws
}

extension ConsoleCommand {
  mutating func run() throws { try run(.standard()) }
}

/// Says what was probably meant by a first word that is no command.
enum UnknownCommand {
  static func check(
    _ arguments: some Collection<String>, of parent: any ParsableCommand.Type, path: String
  ) throws(Diagnostic) {
    let subcommands = parent.configuration.subcommands
    guard let word = arguments.first, !word.hasPrefix("-"), !subcommands.isEmpty else { return }
    let names = subcommands.map { $0._commandName }
    if let command = subcommands.first(where: { $0._commandName == word }) {
      return try check(arguments.dropFirst(), of: command, path: "\(path) \(word)")
    }
    if word == "help" { return }
    let shown = subcommands.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
    throw .error(
      "unknown command '\(word)'",
      help: closestMatch(to: word, in: names).map { "did you mean '\(path) \($0)'?" }
        ?? advice(word)
        ?? "commands are \(shown.joined(separator: ", ")); see \(path) --help",
      kind: .usage)
  }

  /// What to run on a file that stands where a command should.
  private static func advice(_ word: String) -> String? {
    switch DescribedFile(word) {
    case .solver: "to train with this solver: netrun train \(word)"
    case .net: "to test this net: netrun test \(word); to time it: netrun time \(word)"
    case nil: nil
    }
  }
}
