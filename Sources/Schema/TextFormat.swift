public import Prototxt

/// Protobuf's text format: `.prototxt` files.
public enum TextFormat {
  /// Reads a text as a message of a kind.
  ///
  /// - Throws: All that is wrong with the text, in its order.
  /// - Returns: The message, and warnings if there are any.
  public static func parse(
    file: SourceFile, as type: MessageType
  ) throws(Diagnostics) -> (message: Message, warnings: [Diagnostic]) {
    try bind(TextParser.parse(file), as: type)
  }

  /// Gives a text that was parsed its meaning.
  static func bind(
    _ text: TextParser.Result, as type: MessageType
  ) throws(Diagnostics) -> (message: Message, warnings: [Diagnostic]) {
    var binder = TextBinder(diagnostics: text.diagnostics)
    var message = Message(type)
    // Where a brace is missing, the fields behind it would all be said to be unknown.
    if text.isBalanced { message = binder.message(text.message, as: type, at: nil) }
    let found = binder.diagnostics.sorted {
      ($0.location?.start ?? 0) < ($1.location?.start ?? 0)
    }
    try Diagnostics(found).throwIfErrors()
    return (message, found)
  }

  /// Reads a text that is in memory.
  public static func parse(
    _ text: String, as type: MessageType, name: String = "text"
  ) throws(Diagnostics) -> Message {
    try parse(file: SourceFile(name: name, bytes: Array(text.utf8)), as: type).message
  }
}
