import Prototxt

/// What was found in all files.
struct CheckReport {
  /// Something that is wrong, or that a lint found.
  private struct Entry {
    let diagnostic: Diagnostic
    let lint: Lint?
    var reason: String?
  }

  private let files: [CheckedFile]
  private var entries: [Entry] = []
  /// Hints that were found but are not shown.
  private(set) var hiddenHints = 0

  /// Puts together what there is to say.
  ///
  /// - Parameters:
  ///   - files: What was checked.
  ///   - allowed: The names of lints that are not told.
  ///   - showsHints: Whether hints are told.
  init(_ files: [CheckedFile], allowed: Set<String>, showsHints: Bool) {
    self.files = files
    var said: Set<String> = []
    for file in files {
      for problem in file.problems where said.insert(problem.rendered(color: false)).inserted {
        entries.append(Entry(diagnostic: problem, lint: nil))
      }
      for (lint, finding) in CheckReport.findings(file, allowed) {
        guard said.insert("\(finding.place)\(lint.name)\(finding.text)").inserted else { continue }
        guard showsHints || lint.level == .warning else {
          hiddenHints += 1
          continue
        }
        var entry = Entry(diagnostic: finding.diagnostic(lint), lint: lint)
        // Once is enough.
        if said.insert(lint.name).inserted { entry.reason = lint.reason }
        entries.append(entry)
      }
    }
  }

  /// What lints find, in the order of the text: first that of the file, then those that it names.
  private static func findings(
    _ file: CheckedFile, _ allowed: Set<String>
  ) -> [(Lint, Finding)] {
    let found = Lint.all.filter { !allowed.contains($0.name) }.flatMap { lint in
      lint.find(file.subject).map { (lint, $0) }
    }
    func order(_ item: EnumeratedSequence<[(Lint, Finding)]>.Element) -> (Int, String, Int, Int) {
      let place = item.element.1.location
      let name = place?.file.name ?? ""
      return (name == file.path ? 0 : 1, name, place?.start ?? 0, item.offset)
    }
    return found.filter { !$0.1.isAllowed($0.0.name) }.enumerated()
      .sorted { order($0) < order($1) }.map(\.element)
  }

  private func count(_ severity: Diagnostic.Severity) -> Int {
    entries.count { $0.diagnostic.severity == severity }
  }

  /// The exit code: that of the signal that stopped the work, of the first error, or 1 if whatever is told counts, or 0.
  func exitCode(strict: Bool) -> Int32 {
    let errors = entries.filter { $0.diagnostic.severity == .error }
    let stopped = errors.first { if case .stopped = $0.diagnostic.kind { true } else { false } }
    return (stopped ?? errors.first)?.diagnostic.kind.exitCode
      ?? (strict && !entries.isEmpty ? Diagnostic.Kind.runFailed.exitCode : 0)
  }

  // MARK: Text

  /// Everything for people.
  func rendered(color: Bool) -> String {
    entries.map { entry in
      var diagnostic = entry.diagnostic
      if let reason = entry.reason { diagnostic.notes.insert(Note(reason), at: 0) }
      return diagnostic.rendered(color: color) + "\n"
    }.joined(separator: "\n")
  }

  /// How much was found, in a line.
  var summary: String {
    let parts = [
      (count(.error), "error"), (count(.warning), "warning"), (count(.note), "hint"),
    ].filter { $0.0 > 0 }.map { Numbers.count($0.0, $0.1) }
    let hidden =
      hiddenHints > 0 ? " (\(Numbers.count(hiddenHints, "hint")) not shown: --hints)" : ""
    return "\(Numbers.count(files.count, "file")) checked: "
      + (parts.isEmpty ? "no problems" : parts.joined(separator: ", ")) + hidden
  }

  // MARK: JSON

  /// Everything for programs.
  var json: JSON {
    .members([
      "files": .array(
        files.map {
          .members(["path": .string($0.path), "kind": .string($0.isSolver ? "solver" : "net")])
        }),
      "errors": .int(count(.error)), "warnings": .int(count(.warning)), "hints": .int(count(.note)),
      "findings": .array(entries.map(CheckReport.json)),
    ])
  }

  private static func json(_ entry: Entry) -> JSON {
    let diagnostic = entry.diagnostic
    let place = diagnostic.location
    let severity =
      switch diagnostic.severity {
      case .error: "error"
      case .warning: "warning"
      case .note: "hint"
      }
    let text = diagnostic.message
    let suffix = entry.lint.map { " [\($0.name)]" } ?? ""
    return .members([
      "severity": .string(severity), "lint": entry.lint.map { .string($0.name) },
      "file": (place?.file.name ?? diagnostic.path).map { .string($0) },
      "line": place.map { .int($0.line) }, "column": place.map { .int($0.column) },
      "message": .string(text.hasSuffix(suffix) ? String(text.dropLast(suffix.count)) : text),
      "reason": entry.lint.map { .string($0.reason) },
      "help": diagnostic.help.map { .string($0) },
    ])
  }
}

extension Finding {
  /// Where it is, in words.
  var place: String { location?.description ?? path ?? "" }

  /// What is told of it.
  func diagnostic(_ lint: Lint) -> Diagnostic {
    Diagnostic(
      severity: lint.level == .warning ? .warning : .note, kind: .badInput,
      message: "\(text) [\(lint.name)]", location: location, path: path, notes: notes,
      help: remedy ?? lint.remedy)
  }

  /// Whether a comment on its line, or on the line above, allows it: `# netrun: allow NAME`.
  func isAllowed(_ name: String) -> Bool {
    guard let location else { return false }
    return [location.line, location.line - 1].contains { number in
      guard number > 0 else { return false }
      let text = location.file.line(number)
      guard let comment = text.firstRange(of: "# netrun: allow ") else { return false }
      // A comment at the end of another line is about that line.
      let isOwnLine = text[..<comment.lowerBound].allSatisfy { $0 == " " || $0 == "\t" }
      guard number == location.line || isOwnLine else { return false }
      return text[comment.upperBound...].split { $0 == " " || $0 == "," }.contains { $0 == name }
    }
  }
}
