import Nets
public import Schema

extension Solver {
  /// Builds a solver whose steps are to be measured: no tests, no snapshots, no lines of a log, and
  /// no weights to begin with.
  ///
  /// - Throws: `Diagnostics` with everything that is wrong.
  public convenience init(
    timing description: Message, path: String?, steps: Int, options: Options
  ) throws {
    var description = description
    for field in [
      "test_net", "test_net_param", "test_state", "test_iter", "test_interval", "display",
      "snapshot", "debug_info", "weights",
    ] { description.clear(field) }
    // Some policies end there.
    description.set("max_iter", int: max(steps, description.int("max_iter")))
    var options = options
    // What numbers a net without training or data computes does not matter.
    options.allowsNonFinite = true
    try self.init(description, path: path, options: options)
  }

  /// Takes training steps as `solve` does: reading, forward, backward and update.
  ///
  /// - Throws: what a forward pass throws.
  /// - Returns: the seconds of each step.
  public func timeSteps(_ count: Int) throws -> [Double] {
    var clock = LoopClock(waited: trainNet.waitedMilliseconds, iteration: iteration)
    return try (0..<count).map { _ in
      let start = LoopClock.now
      _ = try step(&clock)
      return LoopClock.now - start
    }
  }
}
