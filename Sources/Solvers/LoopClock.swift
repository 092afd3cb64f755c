import Glibc

/// Seconds since the loop began, and since the last display.
struct LoopClock {
  let start = LoopClock.now
  /// What the data had made the run wait before.
  let waited: Double
  private var lastTime = LoopClock.now
  private var lastIteration: Int

  init(waited: Double, iteration: Int) {
    self.waited = waited
    lastIteration = iteration
  }

  var elapsed: Double { LoopClock.now - start }

  /// Seconds and iterations since the last call.
  mutating func lap(_ iteration: Int) -> (seconds: Double, iterations: Int) {
    let now = LoopClock.now
    defer {
      lastTime = now
      lastIteration = iteration
    }
    return (now - lastTime, iteration - lastIteration)
  }

  static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
