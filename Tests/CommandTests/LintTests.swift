import Foundation
import Nets
import Prototxt
import Testing

@testable import netrun

@Suite("Lints of netrun check")
struct LintTests {
  private let folder: TemporaryFolder
  private static let goldens = LogLines.folder.deletingLastPathComponent()
    .deletingLastPathComponent()

  init() throws {
    folder = try TemporaryFolder()
    for name in ["train_lmdb", "test_lmdb"] {
      try FileManager.default.createSymbolicLink(
        at: folder.url.appending(path: name),
        withDestinationURL: Self.goldens.appending(path: "solvers/digits_lmdb"))
    }
    let image = try #require(
      try FileManager.default.contentsOfDirectory(
        atPath: Self.goldens.appending(path: "data/img").path
      ).sorted().first { $0.hasSuffix(".png") })
    let path = Self.goldens.appending(path: "data/img/\(image)").path
    func list(_ labels: [Int]) -> String { labels.map { "\(path) \($0)\n" }.joined() }
    try folder.write(list([0, 0, 0, 0, 1, 1, 1, 1]), "sorted.txt")
    try folder.write(list((0..<23).map { $0 == 11 ? 1 : 0 }), "rare.txt")
  }

  /// Writes the net and the solver with changes, and returns what lints find in them.
  private func findings(
    _ changes: LintCase.Changes, readsLabels: Bool = false, weights: String? = nil
  ) throws -> [(lint: String, finding: Finding)] {
    var (net, solver) = (LintCase.netText, LintCase.solverText)
    if let weights {
      try folder.write(net, "net.txt")
      try writeWeights(weights)
    }
    for (old, new) in changes {
      #expect(net.contains(old) || solver.contains(old), "nothing to replace: \(old)")
      net.replace(old, with: new)
      solver.replace(old, with: new)
    }
    try folder.write(net, "net.txt")
    try folder.write(solver, "solver.txt")
    var options = CheckedFile.Options()
    options.readsLabels = readsLabels
    options.weights = weights.map { [folder.url.appending(path: $0).path] } ?? []
    let console = Console(
      out: StringSink(), chatter: StringSink(), outTerminal: nil, chatterTerminal: nil)
    let file = CheckedFile(folder.url.appending(path: "solver.txt").path, options, console)
    let errors = file.problems.filter { $0.severity == .error }
    #expect(errors.isEmpty, "\(errors.map { $0.rendered(color: false) })")
    return Lint.all.flatMap { lint in lint.find(file.subject).map { (lint.name, $0) } }
  }

  /// Weights of the net in net.txt.
  private func writeWeights(_ name: String) throws {
    var options = CheckedFile.Options()
    options.opensData = true
    let console = Console(
      out: StringSink(), chatter: StringSink(), outTerminal: nil, chatterTerminal: nil)
    let file = CheckedFile(folder.url.appending(path: "net.txt").path, options, console)
    let net = try #require(file.subject.nets.first?.net)
    try net.writeWeights(to: folder.url.appending(path: name).path)
  }

  @Test("Every lint has a case that it finds and one that it does not")
  func complete() {
    #expect(LintCase.all.map(\.lint).sorted() == Lint.all.map(\.name).sorted())
    #expect(Set(Lint.all.map(\.name)).count == Lint.all.count)
    for lint in Lint.all {
      #expect(lint.name.allSatisfy { $0.isLowercase || $0 == "-" }, "\(lint.name)")
      #expect(!lint.summary.isEmpty && !lint.reason.isEmpty && !lint.remedy.isEmpty)
    }
  }

  @Test("A net and a solver that are right are quiet, whatever is looked at")
  func quiet() throws {
    let found = try findings([:], readsLabels: true)
    #expect(found.isEmpty, "\(found.map { "\($0.lint): \($0.finding.text)" })")
  }

  @Test(
    "A lint finds what it is for, at its place, and not what only looks like it",
    arguments: LintCase.all)
  func cases(_ one: LintCase) throws {
    let found = try findings(one.bad, readsLabels: one.readsLabels, weights: one.weights)
      .filter { $0.lint == one.lint }
    let finding = try #require(found.first?.finding, "\(one.lint) finds nothing")
    if let location = finding.location {
      let line = location.file.line(location.line)
      #expect(!one.line.isEmpty && line.contains(one.line), "\(one.lint): \(line)")
    } else {
      #expect(one.line.isEmpty && finding.path != nil)
    }
    let other = try findings(one.good, readsLabels: one.readsLabels, weights: one.goodWeights)
      .filter { $0.lint == one.lint }
    #expect(other.isEmpty, "\(other.map(\.finding.text))")
  }

  @Test("The nets that come with the program are quiet")
  func models() throws {
    let models = Self.goldens.deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "models")
    var options = CheckedFile.Options()
    options.opensData = false
    let console = Console(
      out: StringSink(), chatter: StringSink(), outTerminal: nil, chatterTerminal: nil)
    for name in [
      "lenet/solver-synthetic", "squeezenet/solver", "mobilenet/model", "cifar10/deploy",
    ] {
      let path = models.appending(path: "\(name).txt").path
      let file = CheckedFile(path, options, console)
      #expect(file.problems.isEmpty, "\(file.problems.map { $0.rendered(color: false) })")
      let found = Lint.all.filter { $0.level == .warning }.flatMap { $0.find(file.subject) }
      #expect(found.isEmpty, "\(name): \(found.map(\.text))")
    }
  }
}
