import Schema

/// `Python` layers that are known by module and class, and have a native layer in their place.
enum PythonLayers {
  /// The layer that does what a Python layer did; `nil` if it is not known.
  static func native(_ layer: Message) -> (any Layer.Type)? {
    let given = layer.message("python_param")
    switch (given.string("module"), given.string("layer")) {
    case ("pyloss", "EuclideanLossLayer"): return EuclideanLoss.self
    case ("rpn.proposal_layer", "ProposalLayer"): return Proposal.self
    default: return nil
    }
  }

  /// The numbers behind a key of a param_str, which is YAML or a Python dictionary:
  /// `'feat_stride': 16` or `scales: [8, 16]`.
  static func numbers(_ key: String, in text: String) -> [Double] {
    // A key is a whole word: 'anchor_scales' is not 'scales'.
    let isWord = { (c: Character) in c.isLetter || c.isNumber || c == "_" }
    var rest = text[...]
    while let word = rest.firstIndex(where: isWord) {
      let end = rest[word...].firstIndex { !isWord($0) } ?? rest.endIndex
      let found = rest[word..<end] == key
      rest = rest[end...]
      guard found else { continue }
      guard let colon = rest.firstIndex(where: { $0 == ":" || $0 == "=" }) else { return [] }
      rest = rest[rest.index(after: colon)...].drop { $0 == " " }
      if rest.first == "[" || rest.first == "(" {
        let inner = rest.dropFirst().prefix { $0 != "]" && $0 != ")" }
        return inner.split(whereSeparator: { $0 == "," || $0 == " " }).compactMap { Double($0) }
      }
      return Double(rest.prefix { "0123456789.+-e".contains($0) }).map { [$0] } ?? []
    }
    return []
  }
}
