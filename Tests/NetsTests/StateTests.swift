import Compute
import Layers
import Prototxt
import Schema
import Testing

@testable import Nets

@Suite("Which layers take part")
struct StateTests {
  /// The names of the layers that are in, of `a`, `b` and so on with the given rules.
  private func included(_ rules: [String], _ state: NetState) throws -> String {
    let names = ["a", "b", "c", "d"]
    let text = zip(names, rules).map { "layer { name: '\($0)' \($1) }" }.joined()
    return try TextFormat.parse(text, as: .net).messages("layer").filter(state.includes)
      .map { $0.string("name") }.joined()
  }

  @Test("By phase: rules to include and rules to exclude")
  func phase() throws {
    let rules = [
      "include { phase: TRAIN }", "include { phase: TEST }", "exclude { phase: TEST }", "",
    ]
    #expect(try included(rules, NetState(phase: .train)) == "acd")
    #expect(try included(rules, NetState(phase: .test)) == "bd")
  }

  @Test("By stage: all that a rule names must be set")
  func stages() throws {
    let rules = [
      "include { stage: 'x' }", "include { stage: 'x' stage: 'y' }",
      "include { stage: 'x' } include { stage: 'y' }", "exclude { stage: 'y' }",
    ]
    #expect(try included(rules, NetState(phase: .test)) == "d")
    #expect(try included(rules, NetState(phase: .test, stages: ["x"])) == "acd")
    #expect(try included(rules, NetState(phase: .test, stages: ["y"])) == "c")
    #expect(try included(rules, NetState(phase: .test, stages: ["x", "y"])) == "abc")
    #expect(try included(rules, NetState(phase: .test, stages: ["x", "z"])) == "acd")
  }

  @Test("By stages that must not be set")
  func notStages() throws {
    let rules = [
      "include { not_stage: 'x' }", "include { not_stage: 'x' not_stage: 'y' }",
      "exclude { not_stage: 'x' }", "include { stage: 'y' not_stage: 'x' }",
    ]
    #expect(try included(rules, NetState(phase: .test)) == "ab")
    #expect(try included(rules, NetState(phase: .test, stages: ["x"])) == "c")
    #expect(try included(rules, NetState(phase: .test, stages: ["y"])) == "ad")
  }

  @Test("By level, ends included")
  func levels() throws {
    let rules = [
      "include { min_level: 2 }", "include { max_level: -1 }",
      "include { min_level: 1 max_level: 3 }", "exclude { min_level: 3 }",
    ]
    #expect(try included(rules, NetState(phase: .test)) == "d")
    #expect(try included(rules, NetState(phase: .test, level: 2)) == "acd")
    #expect(try included(rules, NetState(phase: .test, level: 3)) == "ac")
    #expect(try included(rules, NetState(phase: .test, level: 4)) == "a")
    #expect(try included(rules, NetState(phase: .test, level: -1)) == "bd")
  }

  @Test("A rule holds if all it names holds; several rules are alternatives")
  func combined() throws {
    let rules = [
      "include { phase: TRAIN stage: 'x' min_level: 1 }",
      "include { phase: TRAIN } include { stage: 'x' }",
      "exclude { phase: TRAIN stage: 'x' }", "exclude { phase: TRAIN } exclude { stage: 'x' }",
    ]
    #expect(try included(rules, NetState(phase: .train)) == "bc")
    #expect(try included(rules, NetState(phase: .train, level: 1, stages: ["x"])) == "ab")
    #expect(try included(rules, NetState(phase: .test, stages: ["x"])) == "bc")
    #expect(try included(rules, NetState(phase: .test)) == "cd")
  }

  @Test("An empty rule always holds")
  func emptyRules() throws {
    #expect(try included(["include { }", "exclude { }"], NetState(phase: .train)) == "a")
  }

  @Test("A layer with both kinds of rules is an error, each of them")
  func both() {
    expectRefused(
      """
      layer { name: 'a' type: 'Input' top: 'a' include { phase: TRAIN } 1️⃣exclude { stage: 'x' } }
      layer { name: 'b' type: 'Input' top: 'b' 2️⃣exclude { min_level: 1 } include { } }
      """,
      "layer 'a' has both include and exclude rules | include is here | "
        + "keep one kind: a layer with include rules is left out unless one is met",
      "layer 'b' has both include and exclude rules | include is here | "
        + "keep one kind: a layer with include rules is left out unless one is met")
  }

  @Test("The file's own state: its level counts unless one is given, and its stages are added")
  func ownState() throws {
    let text =
      "state { phase: TEST level: 2 stage: 'file' }\n" + Graph.data(["x"])
      + Graph.layer("ReLU", "low", ["x"], ["low"], "include { max_level: 2 stage: 'file' }")
      + Graph.layer("ReLU", "high", ["x"], ["high"], "include { min_level: 3 }")
      + Graph.layer("ReLU", "both", ["x"], ["both"], "include { stage: 'file' stage: 'given' }")
      + Graph.layer("ReLU", "train", ["x"], ["train"], "include { phase: TRAIN }")
    #expect(try Graph.net(text).outputs.map(\.name) == ["low", "train"])
    let given = try Graph.net(text, .test, level: 3, stages: ["given"])
    #expect(given.outputs.map(\.name) == ["both", "high"])
  }

  @Test("A layer's own phase is that of its computation")
  func layerPhase() throws {
    let net = try Graph.net(
      Graph.data(["x"]) + Graph.layer("Dropout", "drop", ["x"], ["y"], "phase: TEST"))
    try net.forward()
    let (x, y) = (try #require(net.blob("x")), try #require(net.blob("y")))
    #expect(x.array == y.array)
  }
}
