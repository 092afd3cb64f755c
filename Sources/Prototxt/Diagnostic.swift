/// What is wrong, where, why, and what to do about it.
///
/// Whatever comes from a user, a file or a disk ends in one of these, never in a crash.
public struct Diagnostic: Error, Sendable {
  /// How bad it is.
  public enum Severity: Sendable {
    /// The work cannot be done.
    case error
    /// The work is done, perhaps not as it was meant.
    case warning
    /// A remark.
    case note
  }

  /// What sort of error ends the program; it decides the exit code.
  public enum Kind: Sendable, Equatable {
    /// The command line is wrong.
    case usage
    /// A file is not what it should be.
    case badInput
    /// A file is not there.
    case missingInput
    /// Reading or writing failed.
    case inputOutput
    /// The files were right, but the work failed.
    case runFailed
    /// A signal asked to stop.
    case stopped(signal: Int32)

    /// The program's exit code.
    public var exitCode: Int32 {
      switch self {
      case .usage: 64
      case .badInput: 65
      case .missingInput: 66
      case .inputOutput: 74
      case .runFailed: 1
      case .stopped(let signal): 128 + signal
      }
    }
  }

  /// How bad it is.
  public var severity: Severity
  /// What sort of error it is.
  public var kind: Kind
  /// What is wrong, in one line without a capital or a full stop.
  public var message: String
  /// The place in a text.
  public var location: SourceRange?
  /// The file that is meant, if it is not a text; shown in front in place of a location.
  public var path: String?
  /// What to write behind the caret that marks the location.
  public var label: String?
  /// Other places that explain it.
  public var notes: [Note]
  /// What to do, in one line.
  public var help: String?

  /// Says everything at once; most callers want ``error(_:at:path:label:notes:help:kind:)``.
  public init(
    severity: Severity, kind: Kind, message: String, location: SourceRange? = nil,
    path: String? = nil, label: String? = nil, notes: [Note] = [], help: String? = nil
  ) {
    self.severity = severity
    self.kind = kind
    self.message = message
    self.location = location
    self.path = path
    self.label = label
    self.notes = notes
    self.help = help
  }

  /// An error.
  public static func error(
    _ message: String, at location: SourceRange? = nil, path: String? = nil,
    label: String? = nil, notes: [Note] = [], help: String? = nil, kind: Kind = .badInput
  ) -> Diagnostic {
    Diagnostic(
      severity: .error, kind: kind, message: message, location: location, path: path,
      label: label, notes: notes, help: help)
  }

  /// A warning.
  public static func warning(
    _ message: String, at location: SourceRange? = nil, path: String? = nil,
    label: String? = nil, notes: [Note] = [], help: String? = nil, kind: Kind = .badInput
  ) -> Diagnostic {
    Diagnostic(
      severity: .warning, kind: kind, message: message, location: location, path: path,
      label: label, notes: notes, help: help)
  }
}

/// A remark that belongs to a diagnostic, with a place of its own.
public struct Note: Sendable {
  /// What there is to say.
  public let message: String
  /// The place that is meant.
  public let location: SourceRange?

  /// Says something about a place.
  public init(_ message: String, at location: SourceRange? = nil) {
    self.message = message
    self.location = location
  }
}

/// Several diagnostics together: all that is wrong with a file, not only the first of it.
public struct Diagnostics: Error, Sendable {
  /// The diagnostics, in the order in which they were found.
  public var all: [Diagnostic]

  /// Starts with some, or none.
  public init(_ all: [Diagnostic] = []) {
    self.all = all
  }

  /// Starts with one.
  public init(_ one: Diagnostic) {
    all = [one]
  }

  /// Whether any is an error.
  public var hasErrors: Bool { all.contains { $0.severity == .error } }

  /// Adds one.
  public mutating func append(_ diagnostic: Diagnostic) {
    all.append(diagnostic)
  }

  /// Runs a step; if it fails, keeps its diagnostic and goes on.
  public mutating func collecting<Result>(
    _ step: () throws(Diagnostic) -> Result
  ) -> Result? {
    do {
      return try step()
    } catch {
      all.append(error)
      return nil
    }
  }

  /// Runs a step that may find several problems; if it fails, keeps them all and goes on.
  public mutating func collecting<Result>(
    all step: () throws(Diagnostics) -> Result
  ) -> Result? {
    do {
      return try step()
    } catch {
      all += error.all
      return nil
    }
  }

  /// Throws all that was kept, if any of it is an error.
  public func throwIfErrors() throws(Diagnostics) {
    if hasErrors { throw self }
  }
}
