import Schema

extension SolverReference {
  /// The page of all fields, rules and policies: what docs/solvers.md holds.
  public static func markdown() -> String {
    var page = """
      # Solvers

      Everything that a solver file can say. Types and defaults are those of the schema, formulas those
      of the code: this page is made of them. A dash in place of a default means that nothing is assumed
      where the field is not given. What is marked **netrun** is ours: Caffe does not have it, and
      refuses a file with it.

      A whole solver with a comment for each line is `models/lenet/solver.txt`.

      """
    for section in sections {
      page += "\n## \(section.title)\n\n\(section.text)\n\n" + table(section)
    }
    page += """

      ## Update rules

      w is a weight, α the rate of the iteration times the `lr_mult` of the parameter, and g the gradient
      with its decay: clipped and divided by `iter_size`, plus weight_decay · decay_mult · w, or · sign(w)
      for L1. What a rule remembers begins at 0.

      """
    for rule in UpdateRules.all { page += "\n" + text(rule.reference) }
    page += """

      ## Policies

      t is the iteration, counted from 0, b is `base_lr` and γ `gamma`.

      | policy | rate | needs | may have | what it does |
      |---|---|---|---|---|

      """
    for policy in PolicyReference.all {
      let mark = policy.isExtension ? "**netrun**: " : ""
      page +=
        "| `\(policy.name)` | \(policy.formula) | \(list(policy.needed)) | "
        + "\(list(policy.optional)) | \(mark)\(policy.summary) |\n"
    }
    return page
  }

  private static func table(_ section: Section) -> String {
    var text = "| field | type | default | meaning |\n|---|---|---|---|\n"
    for (name, meaning) in section.fields {
      guard let field = MessageType.solver.field(named: name) else { continue }
      // What is ours is numbered from 10000.
      let mark = field.number >= 10000 ? "**netrun**: " : ""
      let type = field.typeText.replacing("|", with: "\\|")
      text += "| `\(name)` | \(type) | \(field.defaultText ?? "–") | \(mark)\(meaning) |\n"
    }
    return text
  }

  private static func text(_ rule: RuleReference) -> String {
    var text = "### \(rule.type)\n\n\(rule.isExtension ? "**netrun**: " : "")\(rule.summary)\n\n"
    text += "```text\n\(rule.formula)\n```\n"
    return rule.notes.isEmpty ? text : text + "\n\(rule.notes)\n"
  }

  private static func list(_ fields: [String]) -> String {
    fields.isEmpty ? "–" : fields.map { "`\($0)`" }.joined(separator: ", ")
  }
}
