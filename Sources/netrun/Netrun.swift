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
        netrun layers Convolution
      """,
    version: "netrun \(Version.current)",
    subcommands: [
      TrainCommand.self, TestCommand.self, TimeCommand.self, DoctorCommand.self,
      DeviceQueryCommand.self,
    ])

  /// Runs a command line and ends the process.
  static func main() {
    // A reader that goes away (`netrun layers | head -1`) must not end the program.
    signal(SIGPIPE, SIG_IGN)
    Glibc.exit(run(Array(CommandLine.arguments.dropFirst()), Console.standard()))
  }

  /// Runs a command line; returns the exit code.
  static func run(_ given: [String], _ console: Console) -> Int32 {
    let adapted = CaffeArguments(given)
    do {
      try UnknownCommand.check(adapted.arguments, subcommands: configuration.subcommands)
      var command = try parseAsRoot(adapted.arguments)
      for note in adapted.notes { console.remark(note) }
      if var command = command as? any ConsoleCommand {
        try command.run(console)
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
  static func check(_ arguments: [String], subcommands: [any ParsableCommand.Type]) throws {
    guard let word = arguments.first, !word.hasPrefix("-") else { return }
    let names = subcommands.flatMap { type in
      [type._commandName] + type.configuration.aliases
    }
    guard !names.contains(word), word != "help" else { return }
    throw Diagnostic.error(
      "unknown command '\(word)'", help: help(word, names), kind: .usage)
  }

  private static func help(_ word: String, _ names: [String]) -> String {
    if let guess = closestMatch(to: word, in: names) { return "did you mean 'netrun \(guess)'?" }
    switch DescribedFile(word) {
    case .solver: return "to train with this solver: netrun train \(word)"
    case .net: return "to test this net: netrun test \(word); to time it: netrun time \(word)"
    case nil: return "commands are \(names.joined(separator: ", ")); see netrun --help"
    }
  }
}
