import Schema

// The reference as text for a terminal and as Markdown. Types and defaults come from the schema, so that
// they are those that the reader of net files goes by.

extension LayerCatalog {
  /// All types by category, a line each: what `netrun layers` prints.
  public static func listing() -> String {
    let width = all.map { $0.type.count }.max() ?? 0
    return categories.map { category, references in
      let lines = references.map {
        wrapped("  " + padded($0.type, width) + "  ", $0.summary)
      }
      return category.rawValue + "\n" + lines.joined()
    }.joined(separator: "\n")
  }

  /// The page of all layers: what docs/layers.md holds.
  public static func markdown() -> String {
    var page = """
      # Layers

      Every layer type that netrun has, with what it computes and all its parameters. This page is
      made of the layers' own descriptions; `netrun layers` and `netrun layers TYPE` print the same.

      The parameters of a layer stand in the message that is named above their table, such as
      `inner_product_param { num_output: 10 }`. A dash in place of a default means that nothing is
      assumed where the parameter is not given.


      """
    for (category, references) in categories {
      let links = references.map { "[\($0.type)](#\($0.type.lowercased()))" }
      page += "- **\(category.rawValue)**: \(links.joined(separator: ", "))\n"
    }
    for (category, references) in categories {
      page += "\n## \(category.rawValue)\n"
      for reference in references { page += "\n" + reference.markdown() }
    }
    return page
  }

  /// The categories that have types, with these in alphabetical order.
  private static var categories: [(LayerReference.Category, [LayerReference])] {
    LayerReference.Category.allCases.compactMap { category in
      let references = all.map { $0.reference }.filter { $0.category == category }
      return references.isEmpty ? nil : (category, references)
    }
  }
}

extension LayerReference {
  /// All about one type: what `netrun layers TYPE` prints.
  public func plainText() -> String {
    var text = "\(type) (\(category.rawValue)\(isExtension ? ", not in Caffe" : ""))\n\n"
    text += wrapped("  ", summary) + "\n"
    for line in formula.split(separator: "\n") { text += "    \(line)\n" }
    text += "\n"
    let width = facts.map(\.name.count).max() ?? 0
    for fact in facts { text += wrapped("  " + padded(fact.name, width) + "  ", fact.value) }
    for table in parameters {
      text += "\n  \(table.field)\n"
      let rows = rows(of: table)
      let nameWidth = rows.map(\.name.count).max() ?? 0
      for row in rows {
        text += wrapped("    " + padded(row.name, nameWidth) + "  ", row.meaning)
        let margin = String(repeating: " ", count: nameWidth + 6)
        text += wrapped(margin, row.type + (row.value.map { ", default \($0)" } ?? ""))
      }
    }
    if !notes.isEmpty { text += "\n" + wrapped("  ", notes) }
    return text
  }

  /// The section of one type in the page of all.
  func markdown() -> String {
    var text = "### \(type)\n\n\(summary)\(isExtension ? " Caffe does not have it." : "")\n\n"
    text += "```text\n\(formula)\n```\n\n"
    for fact in facts { text += "- **\(fact.name)**: \(fact.value)\n" }
    for table in parameters {
      text += "\n`\(table.field)`\n\n| parameter | type | default | meaning |\n|---|---|---|---|\n"
      for row in rows(of: table) {
        let type = row.type.replacing("|", with: "\\|")
        text += "| `\(row.name)` | \(type) | \(row.value ?? "–") | \(row.meaning) |\n"
      }
    }
    if !notes.isEmpty { text += "\n\(notes)\n" }
    return text
  }

  // MARK: Facts

  private var facts: [(name: String, value: String)] {
    var facts = [
      ("Shapes", shapes), ("Bottoms", words(arity.bottoms)), ("Tops", topWords),
    ]
    if arity.bottoms.upperBound > 0, arity.tops.upperBound > 0 {
      let runsInPlace = LayerCatalog.type(named: type)?.runsInPlace ?? false
      facts.append(("In place", runsInPlace ? "yes: the top may have the bottom's name" : "no"))
    }
    return facts
  }

  private var topWords: String {
    if arity.equal { return "as many as bottoms" }
    return words(arity.tops) + (arity.automaticTop ? "; made automatically if left out" : "")
  }

  private func words(_ range: ClosedRange<Int>) -> String {
    switch (range.lowerBound, range.upperBound) {
    case (0, 0): "none"
    case (let least, let most) where least == most: "\(least)"
    case (let least, Arity.unlimited): "\(least) or more"
    case (let least, let most) where most == least + 1: "\(least) or \(most)"
    case (let least, let most): "\(least) to \(most)"
    }
  }

  // MARK: Parameters

  private struct Row {
    let name: String
    let type: String
    let value: String?
    let meaning: String
  }

  private func rows(of table: ParameterTable) -> [Row] {
    guard case .message(let message)? = MessageType.layer.field(named: table.field)?.kind else {
      return []
    }
    return table.meanings.compactMap { name, meaning in
      message.field(named: name).map { field in
        Row(name: name, type: field.typeText, value: field.defaultText, meaning: meaning)
      }
    }
  }
}

// MARK: - Columns

private func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

/// Lines of at most 80 columns, the first behind a start and the others as far indented.
private func wrapped(_ start: String, _ text: String) -> String {
  let margin = String(repeating: " ", count: start.count)
  var lines: [String] = []
  var line = start
  var isEmpty = true
  for word in text.split(separator: " ") {
    if !isEmpty, line.count + 1 + word.count > 80 {
      lines.append(line)
      line = margin
      isEmpty = true
    }
    line += (isEmpty ? "" : " ") + word
    isEmpty = false
  }
  return (lines + [line]).map { $0 + "\n" }.joined()
}
