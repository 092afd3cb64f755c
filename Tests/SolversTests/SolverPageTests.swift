import Foundation
import Schema
import Testing

@testable import Solvers

/// The page that is made of the solver's own descriptions.
@Suite("The page about solvers")
struct SolverPageTests {
  private static let page = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/solvers.md")

  @Test("docs/solvers.md is what the code says")
  func isUpToDate() throws {
    let text = SolverReference.markdown()
    if ProcessInfo.processInfo.environment["NETRUN_UPDATE_DOCS"] == "1" {
      try Data(text.utf8).write(to: Self.page)
    }
    let written = try? String(decoding: Data(contentsOf: Self.page), as: UTF8.self)
    // Compared as a truth value: the two pages themselves would bury the message.
    let isUpToDate = written == text
    #expect(
      isUpToDate,
      "docs/solvers.md is out of date; run NETRUN_UPDATE_DOCS=1 swift test --filter SolverPage")
  }

  @Test("Every field of the schema is explained once, and none that the schema does not have")
  func fields() {
    let explained = SolverReference.sections.flatMap { $0.fields.map(\.key) }
    #expect(explained.sorted() == MessageType.solver.fields.map(\.name).sorted())
    let page = SolverReference.markdown()
    for name in explained {
      #expect(page.components(separatedBy: "\n| `\(name)` |").count == 2, "\(name)")
    }
  }

  @Test("Every rule and policy is there, and what it needs are fields")
  func rulesAndPolicies() throws {
    let page = SolverReference.markdown()
    for rule in UpdateRules.all { #expect(page.contains("\n### \(rule.type)\n")) }
    for policy in PolicyReference.all {
      #expect(page.contains("\n| `\(policy.name)` |"))
      for field in policy.needed + policy.optional {
        #expect(MessageType.solver.field(named: field) != nil, "\(field)")
      }
      // A policy that the code does not know would stay at base_lr.
      let message = try Training.message(
        "base_lr: 1 lr_policy: '\(policy.name)' gamma: 0.5 power: 2 stepsize: 1 stepvalue: 1 "
          + "max_iter: 9 plateau_winsize: 1")
      var check = SettingsCheck(message)
      let rates = RatePolicy(message, &check)
      var progress = RatePolicy.Progress()
      let last = (0..<5).map {
        rates.rate(at: $0, smoothedLoss: 1, progress: &progress).rate
      }.last
      #expect((last == 1) == (policy.name == "fixed"), "\(policy.name)")
    }
  }
}
