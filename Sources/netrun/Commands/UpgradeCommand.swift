import ArgumentParser
import Prototxt
import Schema

/// Brings files of Caffe's earlier years into today's form.
struct UpgradeCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "upgrade",
    abstract: "Bring a net, solver or weights of an earlier Caffe into today's form.",
    discussion: """
      Reads texts and binary files of 2013 (V0), 2014 (V1) and today, by their content. A text stays a \
      text, and a binary file binary with its weights. A file of today's form is copied as it is; \
      otherwise a text loses its comments. The other commands read all forms themselves, so this is \
      only for other programs, or to read. The exit code is 1 if something could not be carried over.

      Examples:
        netrun upgrade old.prototxt new.prototxt
        netrun upgrade old.caffemodel new.caffemodel
        netrun upgrade solver.prototxt solver.prototxt --force
      """)

  @Argument(help: "The net, solver or .caffemodel to read.")
  var file: String

  @Argument(help: ArgumentHelp("The file to write.", valueName: "target"))
  var target: String

  @Flag(help: "Replace the target if it is there.")
  var force = false

  @Flag(help: "Print JSON.")
  var json = false

  mutating func run(_ console: Console) throws {
    let upgrade = try FileUpgrade(path: file)
    console.show(upgrade.warnings)
    if !force, FilePath.exists(target) {
      throw Diagnostic.error(
        "is there already", path: target, help: "choose another name, or replace it with --force",
        kind: .inputOutput)
    }
    try upgrade.write(to: target)
    if json {
      console.print(report(upgrade).indented())
    } else if upgrade.changes.isEmpty {
      console.print("\(file) is a \(upgrade.content.rawValue) of today's form; \(target) is a copy")
    } else {
      console.print("\(target): the \(upgrade.content.rawValue) of \(file) in today's form")
      for change in upgrade.changes { console.print("  \(change)") }
      if upgrade.hasComments { console.remark("comments are not in \(target)") }
    }
    if upgrade.isIncomplete { throw ExitCode(Diagnostic.Kind.runFailed.exitCode) }
  }

  private func report(_ upgrade: FileUpgrade) -> JSON {
    .members([
      "file": .string(file), "target": .string(target),
      "content": .string(upgrade.content.rawValue), "is_text": .bool(upgrade.isText),
      "changes": .array(upgrade.changes.map { .string($0) }),
      "is_complete": .bool(!upgrade.isIncomplete),
    ])
  }
}
