import ArgumentParser

/// Pages that are made of the commands' own help.
enum CommandPages {
  /// A command, and what calls it.
  private struct Entry {
    let title: String
    let command: any ParsableCommand.Type
    let isGroup: Bool
  }

  /// All commands that help shows, groups before their own.
  private static let entries = entries(of: Netrun.self, "netrun")

  private static func entries(of parent: any ParsableCommand.Type, _ title: String) -> [Entry] {
    parent.configuration.subcommands.filter { $0.configuration.shouldDisplay }.flatMap { command in
      let name = "\(title) \(command._commandName)"
      let isGroup = !command.configuration.subcommands.isEmpty
      return [Entry(title: name, command: command, isGroup: isGroup)] + entries(of: command, name)
    }
  }

  /// What --help says, without the lines that are the same for all commands.
  private static func help(_ command: any ParsableCommand.Type, columns: Int) -> String {
    let text = Netrun.helpMessage(for: command, includeHidden: false, columns: columns)
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    lines.removeAll { line in
      ["--version ", "-h, --help "].contains { line.drop { $0 == " " }.hasPrefix($0) }
    }
    while lines.last?.isEmpty == true { lines.removeLast() }
    if lines.last == "OPTIONS:" { lines.removeLast() }
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines.joined(separator: "\n")
  }

  // MARK: Markdown

  /// The page docs/commands.md.
  static var markdown: String {
    var text = """
      # Commands

      What `netrun COMMAND --help` prints, command by command. This page is made by a test; to make it again:
      `NETRUN_UPDATE_DOCS=1 swift test --filter CommandPage`.

      Results go to stdout, all else to stderr. `--quiet` (`-q`), with any command, leaves only results and errors.
      `--json`, where it is offered, prints results for programs. Colours appear only on a terminal, and not if
      `NO_COLOR` is set. `netrun completions` and `netrun man` teach the shell and `man` about it all.

      | exit code | meaning |
      |---|---|

      """
    for (code, meaning) in exitCodes { text += "| \(code) | \(meaning) |\n" }
    text += "\n"
    for entry in entries {
      let anchor = entry.title.replacing(" ", with: "-")
      text += "- [`\(entry.title)`](#\(anchor)): \(entry.command.configuration.abstract)\n"
    }
    for entry in entries {
      text += "\n## \(entry.title)\n\n```text\n\(help(entry.command, columns: 100))\n```\n"
    }
    text +=
      "\n## Lints of netrun check\n\n| lint | finds | why that matters | what to do |\n|---|---|---|---|\n"
    for lint in Lint.all {
      let name = lint.level == .hint ? "`\(lint.name)` (hint)" : "`\(lint.name)`"
      text += "| \(name) | \(lint.summary) | \(lint.reason) | \(lint.remedy) |\n"
    }
    return text
  }

  /// What exit codes mean.
  private static let exitCodes: [(code: String, meaning: String)] = [
    ("0", "done"),
    ("1", "the run failed, or a check found what it was to be strict about"),
    ("64", "the command line is wrong"),
    ("65", "a file is not what it should be"),
    ("66", "a file is not there"),
    ("74", "reading or writing failed"),
    ("130, 143", "stopped by SIGINT or SIGTERM"),
  ]

  // MARK: Manual

  /// The manual page, in the language of man.
  static var manual: String {
    var lines = [
      ".TH NETRUN 1 \"\" \"netrun \(Version.current)\" \"User Commands\"",
      ".SH NAME", "netrun \\- \(roff(lowercased(Netrun.configuration.abstract)))", ".SH SYNOPSIS",
      ".B netrun", ".I command", "[options]", ".SH DESCRIPTION",
    ]
    for paragraph in Netrun.configuration.discussion.split(separator: "\n\n") {
      lines.append(".PP")
      lines += paragraph.hasPrefix(" ") ? preformatted(paragraph) : [roff(paragraph)]
    }
    lines += [".PP", "Results go to stdout, all else to stderr.", ".SH COMMANDS"]
    for entry in entries where !entry.isGroup {
      lines +=
        [".SS \(entry.title)"]
        + preformatted(help(entry.command, columns: 72).replacing("OVERVIEW: ", with: ""))
    }
    lines += [".SH EXIT STATUS"]
    for (code, meaning) in exitCodes { lines += [".TP", code, meaning] }
    lines += [
      ".SH ENVIRONMENT", ".TP", "NO_COLOR", "If it is set to anything, there are no colours.",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  private static func lowercased(_ sentence: String) -> String {
    let text = sentence.prefix(1).lowercased() + sentence.dropFirst()
    return text.hasSuffix(".") ? String(text.dropLast()) : text
  }

  /// Lines that are shown as they are.
  private static func preformatted(_ text: some StringProtocol) -> [String] {
    [".nf"] + text.split(separator: "\n", omittingEmptySubsequences: false).map { roff($0) }
      + [".fi"]
  }

  /// A line without what man takes for commands.
  private static func roff(_ line: some StringProtocol) -> String {
    let text = String(line).replacing("\\", with: "\\e").replacing("-", with: "\\-")
    return text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" + text : text
  }
}
