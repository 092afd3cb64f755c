public import Layers
public import Schema

/// What the `include` and `exclude` rules of layers are matched against.
public struct NetState: Sendable, Equatable {
  /// Training or testing.
  public var phase: Phase
  /// The level; 0 by default.
  public var level: Int
  /// The stages that are set.
  public var stages: [String]

  /// Makes a state.
  public init(phase: Phase, level: Int = 0, stages: [String] = []) {
    self.phase = phase
    self.level = level
    self.stages = stages
  }

  /// Lays a `NetState` message over this one: what it sets wins, and its stages are added.
  public mutating func merge(_ message: Message) {
    if message.has("phase") { phase = Phase(rawValue: message.enumName("phase")) ?? phase }
    if message.has("level") { level = message.int("level") }
    stages += message.strings("stage")
  }

  /// Whether all that a `NetStateRule` names holds.
  public func meets(_ rule: Message) -> Bool {
    if rule.has("phase"), rule.enumName("phase") != phase.rawValue { return false }
    if let least = rule.optionalInt("min_level"), level < least { return false }
    if let most = rule.optionalInt("max_level"), level > most { return false }
    return rule.strings("stage").allSatisfy(stages.contains)
      && !rule.strings("not_stage").contains(where: stages.contains)
  }

  /// Whether a layer takes part: no rule to include and none to exclude met, or any to include met.
  public func includes(_ layer: Message) -> Bool {
    let rules = layer.messages("include")
    return rules.isEmpty
      ? !layer.messages("exclude").contains(where: meets) : rules.contains(where: meets)
  }
}
