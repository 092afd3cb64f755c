import Foundation
import Testing

/// What the table in docs/architecture.md says, against Package.swift and the files in Sources.
@Suite struct ArchitectureTests {
  let table: TargetTable
  let sources: [SourceImports]
  let dependencies: [String: Set<String>]

  init() throws {
    table = try TargetTable(Repository.text("docs/architecture.md"))
    sources = try SourceImports.all()
    dependencies = PackageText.dependencies(try Repository.text("Package.swift"))
  }

  @Test("every folder of Sources is a row of the table, and every row a folder")
  func folders() throws {
    let folders = try Repository.names("Sources")
    #expect(Set(table.names) == Set(folders))
    #expect(table.names.count == Set(table.names).count)
  }

  @Test("a target may import only targets that stand above it")
  func nothingImportsUpward() {
    var above: Set<String> = ["ArgumentParser"]
    for row in table.rows {
      let upward = row.mayImport.subtracting(above)
      #expect(
        upward.isEmpty, "\(row.name) may not import \(upward.sorted()): they do not stand above")
      above.insert(row.name)
    }
  }

  @Test("the table says what Package.swift says")
  func package() {
    for row in table.rows {
      #expect(
        dependencies[row.name, default: []] == row.mayImport,
        "dependencies of \(row.name): Package.swift first, docs/architecture.md second")
    }
  }

  @Test("every file imports only what the table allows")
  func imports() {
    #expect(sources.count > 50)
    for source in sources {
      let allowed = table.closure(of: source.target)
      for module in source.modules where !allowed.contains(module) {
        Issue.record(
          "\(source.path) imports \(module): add it to Package.swift and to docs/architecture.md, or move the code"
        )
      }
    }
  }

  @Test("the check sees an import that the table does not allow")
  func strangers() {
    let source = SourceImports(
      path: "Sources/Prototxt/X.swift", text: "import Glibc\n  @testable public import Nets\n")
    #expect(source.target == "Prototxt")
    #expect(source.modules == ["Glibc", "Nets"])
    #expect(table.closure(of: "Prototxt").isDisjoint(with: ["Nets", "Schema", "Foundation"]))
    #expect(table.closure(of: "Solvers").contains("Prototxt"))
    #expect(!table.closure(of: "Solvers").contains("COpenBLAS"))
  }
}
