import Foundation
import Layers
import Testing

/// The pages that are made of the layers' descriptions.
@Suite struct LayerPageTests {
  private static let page = packageFolder.appending(path: "docs/layers.md")

  @Test("docs/layers.md is what the layers say of themselves")
  func pageIsUpToDate() throws {
    let text = LayerCatalog.markdown()
    if ProcessInfo.processInfo.environment["NETRUN_UPDATE_DOCS"] == "1" {
      try FileManager.default.createDirectory(
        at: Self.page.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: Self.page)
    }
    let written = try? String(decoding: Data(contentsOf: Self.page), as: UTF8.self)
    // Compared as a truth value: the two pages themselves would bury the message.
    let isUpToDate = written == text
    #expect(
      isUpToDate,
      "docs/layers.md is out of date; run NETRUN_UPDATE_DOCS=1 swift test --filter LayerPage")
  }

  @Test("the README names every type, chapter by chapter")
  func readme() throws {
    let path = packageFolder.appending(path: "README.md")
    var text = String(decoding: try Data(contentsOf: path), as: UTF8.self)
    let start = try #require(text.range(of: "| chapter | layer types |\n|---|---|\n"))
    let end = try #require(text[start.upperBound...].range(of: "\n\n"))
    let rows = LayerReference.Category.allCases.compactMap { category in
      let types = LayerCatalog.all.map { $0.reference }.filter { $0.category == category }
      return types.isEmpty
        ? nil : "| \(category.rawValue) | \(types.map(\.type).joined(separator: ", ")) |"
    }
    let table = rows.joined(separator: "\n")
    if ProcessInfo.processInfo.environment["NETRUN_UPDATE_DOCS"] == "1" {
      text.replaceSubrange(start.upperBound..<end.lowerBound, with: table)
      try Data(text.utf8).write(to: path)
    }
    let isUpToDate = text[start.upperBound...].hasPrefix(table + "\n\n")
    #expect(
      isUpToDate,
      "README.md is out of date; run NETRUN_UPDATE_DOCS=1 swift test --filter LayerPage")
  }

  @Test("the page and the list have every type")
  func everyType() {
    let page = LayerCatalog.markdown()
    let listing = LayerCatalog.listing()
    for type in LayerCatalog.all {
      #expect(page.contains("\n### \(type.type)\n"))
      #expect(listing.contains("  \(type.type) "))
    }
  }

  @Test("one type as text: formula, counts, types and defaults of parameters")
  func plainText() throws {
    let type = try #require(LayerCatalog.type(named: "Eltwise"))
    #expect(
      type.reference.plainText() == """
        Eltwise (Utility)

          Combines blobs value by value: a weighted sum, a product or the largest.

            SUM: y = Σ coeffᵢ · xᵢ
            PROD: y = Π xᵢ
            MAX: y = max xᵢ

          Shapes    bottoms and y: all alike
          Bottoms   2 or more
          Tops      1
          In place  no

          eltwise_param
            operation         SUM, PROD or MAX.
                              PROD | SUM | MAX, default SUM
            coeff             For SUM, what each bottom is multiplied by: none, or one
                              for each.
                              float, repeated
            stable_prod_grad  For PROD, whether the gradient multiplies the other
                              bottoms; false divides y by the bottom instead, which is
                              faster and fails at 0.
                              bool, default true

          With MAX, the second of the first two bottoms wins ties; a later one must be
          larger.

        """)
  }
}
