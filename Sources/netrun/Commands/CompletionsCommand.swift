import ArgumentParser

/// Prints what a shell needs to complete command lines.
struct CompletionsCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "completions",
    abstract: "Print a script that lets a shell complete commands, options and files.",
    discussion: """
      Where the script goes:
        bash   netrun completions bash > ~/.local/share/bash-completion/completions/netrun
        zsh    netrun completions zsh > DIR/_netrun, DIR one of $fpath
        fish   netrun completions fish > ~/.config/fish/completions/netrun.fish
      """)

  /// A shell that there is a script for.
  enum Shell: String, ExpressibleByArgument, CaseIterable {
    case bash, zsh, fish
  }

  @Argument(help: "bash, zsh or fish.")
  var shell: Shell

  mutating func run(_ console: Console) throws {
    console.out.write(CompletionsCommand.script(shell))
  }

  /// The argument parser's script, made to offer files where no other values are known.
  static func script(_ shell: Shell) -> String {
    switch shell {
    case .bash:
      return Netrun.completionScript(for: .bash)
        .replacing(
          "complete -o filenames ", with: "complete -o bashdefault -o default -o filenames ")
    case .zsh:
      return Netrun.completionScript(for: .zsh).split(
        separator: "\n", omittingEmptySubsequences: false
      ).map(offeringFiles).joined(separator: "\n")
    case .fish:
      // Files are what is meant everywhere but in the first place, where commands are.
      let first = "-n '__netrun_should_offer_completions_for_positional \"netrun\" -eq 1'"
      return Netrun.completionScript(for: .fish).replacing(" -rfka ''", with: " -rF")
        .replacing("complete -c 'netrun' -f\n", with: "complete -c 'netrun' \(first) -f\n")
    }
  }

  /// The names of values that are files or folders.
  private static let fileNames: Set = [
    "file", "files", "binaryproto", "copy", "database", "first", "folder", "images", "labels",
    "model", "net", "out", "output", "path", "paths", "second", "solver", "source", "target",
    "weights",
  ]

  /// A line of zsh's script, `'--weights[…]:files:'`, with an action where it has none.
  private static func offeringFiles(_ line: Substring) -> String {
    guard line.hasSuffix(":'"), let name = line.dropLast(2).split(separator: ":").last,
      fileNames.contains(String(name))
    else { return String(line) }
    return line.dropLast() + "_files'"
  }
}
