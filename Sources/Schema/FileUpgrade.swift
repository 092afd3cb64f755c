public import Prototxt

/// A file of a net or solver, of any of Caffe's years, brought into today's form.
///
/// A text stays a text, and a binary file binary, its weights included. What is of today's form
/// already is kept byte for byte, comments and all.
public struct FileUpgrade: Sendable {
  /// What a file describes.
  public enum Content: String, Sendable {
    /// A net, perhaps with weights.
    case net
    /// A solver.
    case solver
  }

  /// What the file describes.
  public let content: Content
  /// Whether it is a text.
  public let isText: Bool
  /// Whether it is a text with comments, which an upgrade loses.
  public let hasComments: Bool
  /// What was changed, in words; empty for a file of today's form.
  public let changes: [String]
  /// What could not be carried over, and what reading warned of.
  public let warnings: [Diagnostic]
  /// Whether anything could not be carried over.
  public let isIncomplete: Bool
  private let bytes: [UInt8]

  /// Reads a file.
  ///
  /// - Throws: What is wrong with it, or leaves it without a meaning.
  public init(path: String) throws(Diagnostics) {
    let file: MappedFile
    do { file = try MappedFile(path: path) } catch { throw Diagnostics(error) }
    isText = FileKind(file.bytes) == .text
    content = isText && FileUpgrade.isSolver(file) ? .solver : .net
    let upgraded: Message
    let read: [Diagnostic]
    let lost: [Diagnostic]
    switch content {
    case .net:
      let (original, warnings) = try NetDescription.read(path, omittingBlobs: false)
      let upgrade = try NetUpgrade(original)
      (upgraded, read, lost, changes) = (upgrade.net, warnings, upgrade.warnings, upgrade.changes)
    case .solver:
      let (original, warnings) = try SolverDescription.read(path)
      let upgrade = try SolverUpgrade(original)
      (upgraded, read, lost, changes) = (
        upgrade.solver, warnings, upgrade.warnings, upgrade.changes
      )
    }
    warnings = read + lost
    isIncomplete = !lost.isEmpty
    hasComments = isText && file.bytes.contains(UInt8(ascii: "#"))
    if changes.isEmpty {
      bytes = Array(file.bytes)
    } else {
      bytes =
        isText ? Array(TextFormat.print(upgraded).utf8) : WireFormat.encode(upgraded)
    }
  }

  private static func isSolver(_ file: MappedFile) -> Bool {
    let text = DescriptionText(file)
    do throws(Diagnostics) {
      try text.require(.net)
      return false
    } catch {
      return (try? text.require(.solver)) != nil
    }
  }

  /// Writes the file; it is there whole or not at all.
  public func write(to path: String) throws(Diagnostic) {
    try AtomicFile.write(bytes, to: path)
  }
}
