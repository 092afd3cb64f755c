/// Which score of a test net tells the best weights of a run, and which way is better.
public struct ScoreGoal: Sendable, Equatable {
  /// Which of two scores is better.
  public enum Direction: String, Sendable, CaseIterable {
    /// The larger one.
    case max
    /// The smaller one.
    case min
  }

  /// The name of an output of a test net.
  public let output: String
  /// Which of two scores is better.
  public let direction: Direction

  /// Makes a goal.
  public init(output: String, direction: Direction) {
    self.output = output
    self.direction = direction
  }

  /// Reads `accuracy:max` or `loss:min`; `nil` if it is neither.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), colon != text.startIndex,
      let direction = Direction(rawValue: String(text[text.index(after: colon)...]))
    else { return nil }
    self.init(output: String(text[..<colon]), direction: direction)
  }

  /// The form that `init(_:)` reads.
  public var text: String { "\(output):\(direction.rawValue)" }

  /// Whether a score is better than another; what is no number never is.
  public func isBetter(_ value: Float, than other: Float?) -> Bool {
    guard !value.isNaN else { return false }
    guard let other, !other.isNaN else { return true }
    return direction == .max ? value > other : value < other
  }
}

/// The best test of a run.
public struct BestScore: Sendable, Equatable {
  /// The score.
  public let value: Float
  /// The iteration at which it was reached.
  public let iteration: Int

  /// Makes a score.
  public init(value: Float, iteration: Int) {
    self.value = value
    self.iteration = iteration
  }
}
