import Foundation
import Testing

@testable import netrun

@Suite struct CommandPageTests {
  private static let top = LogLines.folder.appending(path: "../../../..").standardized

  @Test("docs/commands.md is what the commands say of themselves")
  func page() throws {
    let page = Self.top.appending(path: "docs/commands.md")
    let text = CommandPages.markdown
    if ProcessInfo.processInfo.environment["NETRUN_UPDATE_DOCS"] == "1" {
      try Data(text.utf8).write(to: page)
    }
    let written = try? String(contentsOf: page, encoding: .utf8)
    // Compared as a truth value: the two pages themselves would bury the message.
    let isUpToDate = written == text
    #expect(
      isUpToDate,
      "docs/commands.md is out of date; run NETRUN_UPDATE_DOCS=1 swift test --filter CommandPage")
  }

  @Test("The page and the manual have every command that help shows")
  func everyCommand() throws {
    let help = try Program.run("--help", in: FileManager.default.temporaryDirectory).out
    let start = try #require(help.range(of: "SUBCOMMANDS:\n")).upperBound
    let names = help[start...].split(separator: "\n").compactMap { line in
      line.wholeMatch(of: /\ \ ([a-z-]+)(?:\ \ .*)?/).map { String($0.output.1) }
    }
    #expect(names.count > 12 && names.contains("train") && names.contains("db"))
    for name in names {
      #expect(CommandPages.markdown.contains("\n## netrun \(name)\n"), "\(name)")
      let isGroup = ["convert", "db", "weights", "view"].contains(name)
      let title = isGroup ? "\n.SS netrun \(name) " : "\n.SS netrun \(name)\n"
      #expect(CommandPages.manual.contains(title), "\(name)")
    }
  }

  @Test("No line of the manual is taken for a command that is none")
  func manual() {
    let known: Set = [".TH", ".SH", ".SS", ".B", ".I", ".PP", ".TP", ".nf", ".fi"]
    for line in CommandPages.manual.split(separator: "\n") where line.hasPrefix(".") {
      #expect(known.contains(String(line.prefix { $0 != " " })), "\(line)")
    }
    #expect(!CommandPages.manual.split(separator: "\n").contains { $0.hasPrefix("'") })
  }

  @Test("bash completes commands and options, and falls back on files")
  func bash() throws {
    let folder = try TemporaryFolder()
    try folder.write(CompletionsCommand.script(.bash), "netrun.bash")
    try folder.write(
      """
      set -e
      source netrun.bash
      complete -p netrun
      COMP_WORDS=(netrun chec) COMP_CWORD=1 COMP_LINE="netrun chec" COMP_POINT=11
      _netrun netrun chec netrun || true
      printf 'command: %s\\n' "${COMPREPLY[@]}"
      COMP_WORDS=(netrun check --str) COMP_CWORD=2 COMP_LINE="netrun check --str" COMP_POINT=18
      _netrun netrun --str check || true
      printf 'option: %s\\n' "${COMPREPLY[@]}"
      """, "try.sh")
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = ["try.sh"]
    process.currentDirectoryURL = folder.url
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    #expect(text.contains("-o default"), "\(text)")
    #expect(text.contains("command: check"), "\(text)")
    #expect(text.contains("option: --strict"), "\(text)")
  }

  @Test("zsh and fish offer files where files are meant")
  func files() {
    #expect(CompletionsCommand.script(.zsh).contains("]:files:_files'"))
    #expect(!CompletionsCommand.script(.zsh).contains("]:iterations:_files'"))
    #expect(CompletionsCommand.script(.fish).contains("-l 'weights' -d"))
    #expect(!CompletionsCommand.script(.fish).contains(" -rfka ''"))
  }

  @Test("--quiet leaves results and errors, wherever it stands")
  func quiet() throws {
    let folder = try TemporaryFolder()
    let loud = try Program.run("test nowhere.txt -gpu all", in: folder.url)
    #expect(loud.errors.contains("note: ") && loud.errors.contains("error: "))
    for arguments in ["-q test nowhere.txt -gpu all", "test nowhere.txt -gpu all --quiet"] {
      let result = try Program.run(arguments, in: folder.url)
      #expect(result.status == 66)
      #expect(!result.errors.contains("note: ") && result.errors.contains("error: "))
    }
    #expect(try Program.run("--quiet layers", in: folder.url).out.contains("Convolution"))
    var arguments = ["check", "--", "--quiet"]
    #expect(!QuietFlag.take(from: &arguments) && arguments.count == 3)
  }
}
