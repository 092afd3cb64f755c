import Foundation

/// The targets of docs/architecture.md, and what each may import.
struct TargetTable {
  struct Row {
    let name: String
    let mayImport: Set<String>
  }

  /// In the order of the table.
  let rows: [Row]
  /// What any target may import.
  let system: Set<String>

  var names: [String] { rows.map(\.name) }

  init(_ text: String) {
    let lines = text.components(separatedBy: "\n")
    rows = lines.compactMap { line in
      let cells = line.components(separatedBy: "|")
      guard cells.count == 5, let name = Self.quoted(cells[1]).first else { return nil }
      return Row(name: name, mayImport: Set(Self.quoted(cells[3])))
    }
    let line = lines.first { $0.contains("any target may import these modules of the system") }
    system = Set(Self.quoted(line ?? ""))
  }

  /// What a target may import: its row, what those may import in turn, save C modules, and the system's.
  func closure(of target: String) -> Set<String> {
    var result = system
    var open = rows.first { $0.name == target }.map { Array($0.mayImport) } ?? []
    while let next = open.popLast() {
      guard result.insert(next).inserted, let row = rows.first(where: { $0.name == next }) else {
        continue
      }
      open += row.mayImport.filter { !Self.isC($0) }
    }
    return result
  }

  /// C modules are named with a C before a second capital.
  private static func isC(_ name: String) -> Bool {
    name.hasPrefix("C") && name.dropFirst().first?.isUppercase == true
  }

  /// The words between backticks.
  private static func quoted(_ text: String) -> [String] {
    text.matches(of: /`([^`]+)`/).map { String($0.output.1) }
  }
}

/// What Package.swift says of the targets in Sources.
enum PackageText {
  /// The dependencies of each target, products of other packages included.
  static func dependencies(_ text: String) -> [String: Set<String>] {
    let short = text.matches(of: /\btarget\("(\w+)",\s*\[([^\]]*)\]\)/).map { $0.output }
    let long = text.matches(of: /name: "(\w+)",\s*dependencies: \[([^\]]*)\]/).map { $0.output }
    return Dictionary(
      (short + long).map { (String($0.1), names($0.2)) }, uniquingKeysWith: { first, _ in first })
  }

  private static func names(_ list: Substring) -> Set<String> {
    let withoutPackages = list.replacing(/package: "[^"]*"/, with: "")
    return Set(withoutPackages.matches(of: /"([^"]+)"/).map { String($0.output.1) })
  }
}

/// The modules that one Swift file of Sources imports.
struct SourceImports {
  let path: String
  let target: String
  let modules: [String]

  init(path: String, text: String) {
    self.path = path
    target = path.components(separatedBy: "/").dropFirst().first ?? ""
    modules = text.components(separatedBy: "\n").compactMap { line in
      guard line.contains("import ") else { return nil }
      return line.prefixMatch(
        of: /\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:\w+\s+)?import\s+(?:\w+\s+)?(\w+)/
      ).map {
        String($0.output.1)
      }
    }
  }

  static func all() throws -> [SourceImports] {
    try Repository.files("Sources").filter { $0.hasSuffix(".swift") }
      .map { try SourceImports(path: $0, text: Repository.text($0)) }
  }
}
