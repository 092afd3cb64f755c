internal import Prototxt

/// Gives the tree of a text its meaning: turns it into a message of the schema.
struct TextBinder {
  private(set) var diagnostics: [Diagnostic]

  /// Messages beyond this number are the same mistake once more.
  private static let limit = TextParser.diagnosticLimit

  /// Goes on with what the parser has found.
  init(diagnostics: [Diagnostic]) {
    self.diagnostics = diagnostics
  }

  /// Reads all fields of a message.
  mutating func message(
    _ text: TextMessage, as type: MessageType, at location: SourceRange?
  ) -> Message {
    var message = Message(type)
    message.location = location
    // Where each field of one value was set first.
    var seen: [Int: SourceRange] = [:]
    for textField in text.fields {
      guard let field = type.field(named: textField.name) else {
        report(.unknownField(textField, in: type, besides: text))
        continue
      }
      if !field.isRepeated {
        if let first = seen[field.index] {
          report(.setTwice(textField, first: first))
          continue
        }
        seen[field.index] = textField.nameRange
        if textField.isList {
          report(.list(textField))
          continue
        }
      }
      add(textField, to: &message, field)
    }
    for field in type.fields where field.label == .required && seen[field.index] == nil {
      report(.missing(field, in: type, at: location))
    }
    return message
  }

  private mutating func add(_ text: TextField, to message: inout Message, _ field: FieldType) {
    for textValue in text.values {
      switch (field.kind, textValue.content) {
      case (.message(let type), .message(let inner)):
        let value = self.message(inner, as: type, at: text.nameRange)
        message.append(field, .message(value), at: text.nameRange)
      case (.message(let type), _):
        report(.scalarForMessage(text, textValue, type))
      case (_, .message):
        report(.messageForScalar(text, field))
      default:
        var reader = ScalarReader(field: field, text: textValue)
        if let value = reader.read() { message.append(field, value, at: textValue.range) }
        if let problem = reader.problem { report(problem) }
      }
    }
  }

  private mutating func report(_ diagnostic: Diagnostic) {
    if diagnostics.count < Self.limit { diagnostics.append(diagnostic) }
  }
}

// MARK: - What can be wrong with a field

extension Diagnostic {
  fileprivate static func unknownField(
    _ field: TextField, in type: MessageType, besides text: TextMessage
  ) -> Diagnostic {
    let place = "unknown field '\(field.name)' in \(type.name)"
    if let advice = ForkFields.advice(field.name, in: type.name) {
      return .error(place, at: field.nameRange, help: advice)
    }
    let match = closestMatch(to: field.name, in: type.fields.map(\.name))
    return .error(
      place, at: field.nameRange,
      label: match.map { "did you mean '\($0)'?" },
      help: match == nil ? home(of: field.name, around: type, text) : nil)
  }

  /// Where a field of that name would be known.
  private static func home(
    of name: String, around type: MessageType, _ text: TextMessage
  ) -> String? {
    let owners = MessageType.all.filter { $0.field(named: name) != nil }
    // Best is a message that can stand here, in a layer the one that belongs to its type.
    var inside = type.fields.filter { field in
      if case .message(let inner) = field.kind { return owners.contains(inner) }
      return false
    }
    if let layerType = text.layerType {
      let own = inside.filter {
        $0.name.replacing("_", with: "") == layerType.lowercased() + "param"
      }
      if !own.isEmpty { inside = own }
    }
    if !inside.isEmpty, inside.count <= 3 {
      return "it belongs into " + inside.map { "'\($0.name) { }'" }.joined(separator: " or ")
    }
    if owners.isEmpty || owners.count > 3 { return nil }
    return "it is a field of " + owners.map(\.name).joined(separator: ", ")
  }

  fileprivate static func setTwice(_ field: TextField, first: SourceRange) -> Diagnostic {
    .error(
      "'\(field.name)' is set a second time", at: field.nameRange,
      notes: [Note("first set here", at: first)])
  }

  fileprivate static func list(_ field: TextField) -> Diagnostic {
    .error(
      "'\(field.name)' takes one value, not a list",
      at: field.values.first?.range ?? field.nameRange)
  }

  fileprivate static func missing(
    _ field: FieldType, in type: MessageType, at location: SourceRange?
  ) -> Diagnostic {
    .error("\(type.name) needs a value for '\(field.name)'", at: location)
  }

  fileprivate static func scalarForMessage(
    _ field: TextField, _ value: TextValue, _ type: MessageType
  ) -> Diagnostic {
    .error(
      "'\(field.name)' is a message, not a single value", at: value.range,
      help: "write \(field.name) { ... } with fields of \(type.name) in the braces")
  }

  fileprivate static func messageForScalar(_ text: TextField, _ field: FieldType) -> Diagnostic {
    .error(
      "'\(text.name)' takes \(field.kind.expectation), not a message", at: text.nameRange)
  }
}

extension TextMessage {
  /// The type of a layer, if that is what the message is.
  fileprivate var layerType: String? {
    let field = fields.first { $0.name == "type" }
    guard case .string(let bytes)? = field?.values.first?.content else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }
}
