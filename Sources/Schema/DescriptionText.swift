internal import Prototxt

/// A text that should be a net or a solver, and may be the other of the two.
struct DescriptionText {
  enum Kind {
    case net, solver

    var type: MessageType { self == .net ? .net : .solver }
  }

  private let file: SourceFile
  private let text: TextParser.Result

  init(_ mapped: MappedFile) {
    file = SourceFile(name: mapped.path, bytes: Array(mapped.bytes))
    text = TextParser.parse(file)
  }

  /// Gives the text its meaning.
  func bind(as kind: Kind) throws(Diagnostics) -> (Message, [Diagnostic]) {
    try TextFormat.bind(text, as: kind.type)
  }

  /// Says so if the text is clearly of the other kind.
  func require(_ kind: Kind) throws(Diagnostics) {
    let fields = text.message.fields
    guard !fields.isEmpty else {
      guard text.diagnostics.isEmpty else { return }
      throw Diagnostics(.error("is empty", path: file.name))
    }
    let other: Kind = kind == .net ? .solver : .net
    func known(_ name: String, _ kind: Kind) -> Bool { kind.type.field(named: name) != nil }
    let wanted = fields.count { known($0.name, kind) && !known($0.name, other) }
    let unwanted = fields.filter { known($0.name, other) && !known($0.name, kind) }
    guard wanted == 0, let proof = unwanted.first else { return }
    throw Diagnostics(mixUp(kind, proof))
  }

  private func mixUp(_ wanted: Kind, _ proof: TextField) -> Diagnostic {
    switch wanted {
    case .net:
      let field = text.message.fields.first { $0.name == "net" || $0.name == "train_net" }
      var help = "give the net instead of the solver"
      if case .string(let name)? = field?.values.first?.content {
        help = "its net is '\(String(decoding: name, as: UTF8.self))'"
      }
      return .error("this is a solver, not a net", at: proof.nameRange, help: help)
    case .solver:
      return .error(
        "this is a net, not a solver", at: proof.nameRange,
        help: "give the solver, which names the net in its field 'net'")
    }
  }
}
