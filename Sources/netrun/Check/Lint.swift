import Prototxt

/// Something in a net or solver that is allowed and yet probably not meant.
///
/// A new lint is one value of this type and one line in `Lint.all`.
struct Lint: Sendable {
  /// How sure it is that something should be changed.
  enum Level: String, Sendable {
    /// Most who see it will want to change something.
    case warning
    /// Good to know; shown only when it is asked for.
    case hint
  }

  /// The name, which stays as it is, so that scripts can allow it.
  let name: String
  let level: Level
  /// What it finds, in a line.
  let summary: String
  /// Why that is a problem.
  let reason: String
  /// What to do about it.
  let remedy: String
  /// Looks for it.
  let find: @Sendable (CheckSubject) -> [Finding]

  init(
    _ name: String, _ level: Level = .warning, summary: String, reason: String, remedy: String,
    find: @escaping @Sendable (CheckSubject) -> [Finding]
  ) {
    self.name = name
    self.level = level
    self.summary = summary
    self.reason = reason
    self.remedy = remedy
    self.find = find
  }
}

/// A place where a lint has found what it looks for.
struct Finding {
  /// What is there, in one line without a capital or a full stop.
  let text: String
  let location: SourceRange?
  /// The file, if it is no text.
  var path: String?
  var notes: [Note] = []
  /// What to do here, where that is more than what the lint says for all places.
  var remedy: String?

  init(
    _ text: String, at location: SourceRange?, path: String? = nil, notes: [Note] = [],
    remedy: String? = nil
  ) {
    self.text = text
    self.location = location
    self.path = path
    self.notes = notes
    self.remedy = remedy
  }
}
