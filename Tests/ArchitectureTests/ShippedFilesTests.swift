import Foundation
import Testing

@Suite struct ShippedFilesTests {
  @Test("model-mnist.txt is model.txt with other databases")
  func sameNet() throws {
    let digits = try Self.essence("models/lenet/model.txt")
    let mnist = try Self.essence("models/lenet/model-mnist.txt")
    #expect(digits.contains { $0.contains("data/digits/digits_train_lmdb") })
    #expect(digits.map { $0.replacing("data/digits/digits_", with: "data/mnist/mnist_") } == mnist)
  }

  @Test("deploy.txt has the layers that weights belong to, as model.txt has them")
  func sameLayers() throws {
    let model = Set(try Self.essence("models/lenet/model.txt"))
    let deploy = try Self.essence("models/lenet/deploy.txt")
    let start = try #require(deploy.firstIndex(of: #"name: "conv1""#))
    let end = try #require(deploy.firstIndex(of: #"name: "prob""#))
    #expect(Set(deploy[start..<end]).isSubset(of: model))
    for count in ["num_output: 20", "num_output: 50", "num_output: 500", "num_output: 10"] {
      #expect(deploy.contains(count))
    }
  }

  @Test("the newest version of the change log is the program's")
  func version() throws {
    let log = try Repository.text("CHANGELOG.md")
    let newest = try #require(log.firstMatch(of: /\n## (\d+\.\d+\.\d+)\n/)).output.1
    let program = try Repository.text("Sources/netrun/Version.swift")
    #expect(program.contains("\"\(newest)\""), "CHANGELOG.md says \(newest)")
  }

  @Test("links of the documentation lead somewhere")
  func links() throws {
    let pages =
      try ["README.md", "CONTRIBUTING.md"] + Repository.files("docs")
      + ["models/README.md", "models/lenet/README.md", "data/digits/README.md"]
    for page in pages where page.hasSuffix(".md") {
      let folder = Repository.top.appending(path: page).deletingLastPathComponent()
      for link in try Repository.text(page).matches(of: /\]\(([^)#:]+)\)/) {
        let target = folder.appending(path: String(link.output.1))
        #expect(
          FileManager.default.fileExists(atPath: target.path),
          "\(page) points to \(link.output.1), which is not there")
      }
    }
  }

  /// The lines of a net without comments, indentation and empty lines.
  private static func essence(_ path: String) throws -> [String] {
    try Repository.text(path).components(separatedBy: "\n")
      .map { line in
        String(line.prefix { $0 != "#" }).trimmingCharacters(in: .whitespaces)
      }
      .filter { !$0.isEmpty }
  }
}
