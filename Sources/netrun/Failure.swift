import ArgumentParser
import Glibc
import Prototxt

/// What ends a command: the text for the user, and the exit code.
struct Failure {
  let text: String
  let exitCode: Int32

  /// Renders an error that a command threw; `nil` if it is one of the argument parser's.
  init?(_ error: any Error, color: Bool) {
    switch error {
    case let diagnostic as Diagnostic: self.init(Diagnostics(diagnostic), color: color)
    case let diagnostics as Diagnostics: self.init(diagnostics, color: color)
    default: return nil
    }
  }

  init(_ diagnostics: Diagnostics, color: Bool) {
    let errors = diagnostics.all.filter { $0.severity == .error }
    var text = diagnostics.rendered(color: color) + "\n"
    if errors.count > 1 { text += Numbers.count(errors.count, "error") + "\n" }
    self.text = text
    exitCode = errors.first?.kind.exitCode ?? Diagnostic.Kind.runFailed.exitCode
  }
}

extension Console {
  /// Shows warnings that came with a file.
  func show(_ warnings: [Diagnostic]) {
    guard !warnings.isEmpty else { return }
    chatter.write(
      Diagnostics(warnings).rendered(color: chatterTerminal?.hasColors ?? false) + "\n")
  }
}
