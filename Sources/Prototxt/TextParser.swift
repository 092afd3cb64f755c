/// Reads protobuf's text format into a tree that knows where each part stands.
///
/// The grammar is that of Caffe's files: `key: value`, `key { ... }`, `key: { ... }`,
/// `key < ... >`, `key: [a, b]`, an optional comma or semicolon behind each field, `#` comments,
/// strings in either quotes that join up, numbers in three radixes.
public struct TextParser {
  /// What came of a text.
  public struct Result: Sendable {
    /// All that could be understood.
    public let message: TextMessage
    /// All that could not.
    public let diagnostics: [Diagnostic]
    /// Whether each brace has its partner.
    ///
    /// If not, fields may stand in the wrong message.
    public let isBalanced: Bool
  }

  /// How deep messages may lie in each other: far more than any schema has, far less than the
  /// stack holds.
  static let depthLimit = 100
  /// How many mistakes are worth telling.
  public static let diagnosticLimit = 100

  private let file: SourceFile
  private var lexer: TextLexer
  private var token: Token
  private var diagnostics: [Diagnostic] = []
  private var lastErrorLine = 0
  private var isBalanced = true

  /// Reads a text; goes on after mistakes, so that all of them are found.
  public static func parse(_ file: SourceFile) -> Result {
    var parser = TextParser(file)
    let fields = parser.fields(in: nil)
    parser.takeLexerDiagnostics()
    let whole = SourceRange(file: file, start: 0, end: file.bytes.count)
    return Result(
      message: TextMessage(fields: fields, range: whole),
      diagnostics: parser.diagnostics.sorted {
        ($0.location?.start ?? 0) < ($1.location?.start ?? 0)
      },
      isBalanced: parser.isBalanced)
  }

  private init(_ file: SourceFile) {
    self.file = file
    lexer = TextLexer(file)
    token = lexer.next()
  }

  /// A message whose closing brace is still to come.
  private struct Block {
    let name: Token
    let close: UInt8
    let depth: Int
    let column: Int?
    /// The first field inside that is not indented: a brace is probably missing before it.
    var suspect: Token?
  }

  // MARK: Fields

  private mutating func fields(in openBlock: Block?) -> [TextField] {
    var block = openBlock
    var fields: [TextField] = []
    while diagnostics.count + lexer.diagnostics.count < Self.diagnosticLimit {
      switch token.kind {
      case .end:
        if let block { reportUnclosed(block) }
        return fields
      case .symbol(UInt8(ascii: "}")), .symbol(UInt8(ascii: ">")):
        if closes(block) { return fields }
      case .identifier:
        noteIndentation(&block)
        if let field = field(depth: block?.depth ?? 0) { fields.append(field) }
      case .symbol(UInt8(ascii: "[")):
        report("extensions in square brackets are no part of Caffe's files", at: token)
        recover()
      default:
        report("expected the name of a field, found \(describe(token))", at: token)
        recover()
      }
    }
    return fields
  }

  /// Takes a closing brace.
  ///
  /// Returns whether the block ends with it.
  private mutating func closes(_ block: Block?) -> Bool {
    defer { advance() }
    guard let block else {
      isBalanced = false
      report("\(describe(token)) closes nothing", at: token)
      return false
    }
    if token.kind != .symbol(block.close) {
      report(
        "expected '\(text(block.close))', found \(describe(token))", at: token,
        notes: [Note("'\(text(block.name))' opened here", at: range(block.name))])
    }
    return true
  }

  private mutating func field(depth: Int) -> TextField? {
    let name = token
    advance()
    let hasColon = take(":")
    var values: [TextValue] = []
    var isList = false
    switch token.kind {
    case .symbol(UInt8(ascii: "{")), .symbol(UInt8(ascii: "<")):
      values.append(message(named: name, depth: depth))
    case .symbol(UInt8(ascii: "[")):
      isList = true
      values = list(named: name, depth: depth)
    default:
      if !hasColon, !reportMissingColon(after: name) { return nil }
      guard let value = scalar(of: name) else { return nil }
      values.append(value)
    }
    if !take(",") { _ = take(";") }
    return TextField(
      name: text(name), nameRange: range(name), values: values, isList: isList)
  }

  /// Reports it.
  ///
  /// Returns whether a value follows all the same.
  private mutating func reportMissingColon(after name: Token) -> Bool {
    report(
      "expected ':' or '{' after '\(text(name))', found \(describe(token))", at: token)
    switch token.kind {
    case .integer, .float, .string, .symbol(UInt8(ascii: "-")):
      return true
    case .identifier:
      if line(token) == line(name) { return true }
      return false
    default:
      recover()
      return false
    }
  }

  // MARK: Values

  private mutating func message(named name: Token, depth: Int) -> TextValue {
    let open = token
    guard depth < Self.depthLimit else {
      report("messages lie more than \(Self.depthLimit) deep in each other", at: open)
      skipBalanced()
      return TextValue(
        content: .message(TextMessage(fields: [], range: range(open))), range: range(open))
    }
    advance()
    let close = open.kind == .symbol(UInt8(ascii: "{")) ? UInt8(ascii: "}") : UInt8(ascii: ">")
    let inner = fields(
      in: Block(name: name, close: close, depth: depth + 1, column: indentation(of: name)))
    let whole = SourceRange(file: file, start: open.start, end: lastEnd)
    return TextValue(content: .message(TextMessage(fields: inner, range: whole)), range: whole)
  }

  private mutating func list(named name: Token, depth: Int) -> [TextValue] {
    let open = token
    advance()
    var values: [TextValue] = []
    if take("]") { return values }
    while true {
      switch token.kind {
      case .symbol(UInt8(ascii: "{")), .symbol(UInt8(ascii: "<")):
        values.append(message(named: name, depth: depth))
      default:
        guard let value = scalar(of: name) else { return values }
        values.append(value)
      }
      if take("]") { return values }
      guard take(",") else {
        report(
          "expected ',' or ']', found \(describe(token))", at: token,
          notes: [Note("the list begins here", at: range(open))])
        recover()
        return values
      }
    }
  }

  private mutating func scalar(of name: Token) -> TextValue? {
    let first = token
    let isNegative = take("-")
    let content: TextValue.Content
    switch token.kind {
    case .integer, .float:
      content = .number(
        TextNumber(
          digits: text(token), isNegative: isNegative, isInteger: token.kind == .integer))
      advance()
    case .identifier where !startsNextField(after: name):
      content = .word(text(token), isNegative: isNegative)
      advance()
    case .string where !isNegative:
      content = .string(joinedStrings())
    default:
      report(
        "expected a value for '\(text(name))', found \(describe(token))", at: token)
      if token.kind != .identifier { recover() }
      return nil
    }
    let whole = SourceRange(file: file, start: first.start, end: lastEnd)
    return TextValue(content: content, range: whole)
  }

  /// Whether the word at hand is no value but a field of its own on a later line.
  private func startsNextField(after name: Token) -> Bool {
    guard line(token) != line(name) else { return false }
    var lookahead = lexer
    return Self.followsName.contains(lookahead.next().kind)
  }

  private static let followsName: [Token.Kind] = [
    .symbol(UInt8(ascii: ":")), .symbol(UInt8(ascii: "{")), .symbol(UInt8(ascii: "<")),
  ]

  private mutating func joinedStrings() -> [UInt8] {
    var bytes: [UInt8] = []
    while token.kind == .string {
      let part = UnescapedString(file.bytes, token.start..<token.end)
      if let bad = part.badEscape {
        report(
          "the escape '\(text(Token(kind: .string, start: bad.lowerBound, end: bad.upperBound)))' means nothing",
          at: Token(kind: .string, start: bad.lowerBound, end: bad.upperBound),
          help: #"write \\ for a backslash"#)
      }
      bytes += part.bytes
      advance()
    }
    return bytes
  }

  // MARK: Tokens

  /// Where the token before the one at hand ends.
  private var lastEnd = 0

  private mutating func advance() {
    lastEnd = token.end
    token = lexer.next()
  }

  private mutating func take(_ symbol: Unicode.Scalar) -> Bool {
    guard token.kind == .symbol(UInt8(ascii: symbol)) else { return false }
    advance()
    return true
  }

  private func text(_ token: Token) -> String {
    String(decoding: file.bytes[token.start..<token.end], as: UTF8.self)
  }

  private func text(_ byte: UInt8) -> String { String(Character(Unicode.Scalar(byte))) }

  private func range(_ token: Token) -> SourceRange {
    SourceRange(file: file, start: token.start, end: token.end)
  }

  private func line(_ token: Token) -> Int { file.lineNumber(of: token.start) }

  private func describe(_ token: Token) -> String {
    guard token.kind != .end else { return "the end of the file" }
    let text = text(token)
    let isShort = text.count <= 40 && !text.contains("\n")
    guard isShort else { return token.kind == .string ? "a string" : "a long word" }
    return token.kind == .string ? text : "'\(text)'"
  }

  // MARK: Mistakes

  /// Reports one mistake for each line: those behind the first mostly follow from it.
  private mutating func report(
    _ message: String, at token: Token, notes: [Note] = [], help: String? = nil
  ) {
    takeLexerDiagnostics()
    let line = line(token)
    guard line != lastErrorLine else { return }
    lastErrorLine = line
    diagnostics.append(.error(message, at: range(token), notes: notes, help: help))
  }

  private mutating func takeLexerDiagnostics() {
    for diagnostic in lexer.takeDiagnostics() {
      let line = diagnostic.location?.line ?? 0
      guard line != lastErrorLine else { continue }
      lastErrorLine = line
      diagnostics.append(diagnostic)
    }
  }

  private mutating func reportUnclosed(_ block: Block) {
    guard isBalanced else { return }
    isBalanced = false
    var notes: [Note] = []
    if let suspect = block.suspect {
      notes.append(
        Note("'\(text(block.close))' is probably missing before this", at: range(suspect)))
    }
    report(
      "'\(text(block.name))' is not closed with '\(text(block.close))'", at: block.name,
      notes: notes)
  }

  private mutating func noteIndentation(_ block: inout Block?) {
    guard let outer = block?.column, block?.suspect == nil, let column = indentation(of: token),
      column <= outer
    else { return }
    block?.suspect = token
  }

  /// The column of a token that is the first of its line.
  private func indentation(of token: Token) -> Int? {
    var start = token.start
    while start > 0, file.bytes[start - 1] != UInt8(ascii: "\n") {
      guard file.bytes[start - 1].isBlank else { return nil }
      start -= 1
    }
    return token.start - start
  }

  /// Skips to where a field probably begins: a brace that closes, or a name on a new line.
  private mutating func recover() {
    let line = line(token)
    while true {
      switch token.kind {
      case .end, .symbol(UInt8(ascii: "}")), .symbol(UInt8(ascii: ">")):
        return
      case .symbol(UInt8(ascii: "{")), .symbol(UInt8(ascii: "<")), .symbol(UInt8(ascii: "[")):
        skipBalanced()
      case .identifier where self.line(token) != line:
        return
      default:
        advance()
      }
    }
  }

  /// Skips a bracket and all up to its partner.
  private mutating func skipBalanced() {
    var depth = 0
    repeat {
      switch token.kind {
      case .end:
        isBalanced = false
        return
      case .symbol(UInt8(ascii: "{")), .symbol(UInt8(ascii: "<")), .symbol(UInt8(ascii: "[")):
        depth += 1
      case .symbol(UInt8(ascii: "}")), .symbol(UInt8(ascii: ">")), .symbol(UInt8(ascii: "]")):
        depth -= 1
      default:
        break
      }
      advance()
    } while depth > 0
  }
}
