import ArgumentParser

/// Prints the manual page.
struct ManCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "man",
    abstract: "Print the manual page of netrun and all its commands.",
    discussion: """
      Examples:
        netrun man | man -l -
        netrun man > ~/.local/share/man/man1/netrun.1
      """)

  mutating func run(_ console: Console) throws {
    console.out.write(CommandPages.manual)
  }
}
