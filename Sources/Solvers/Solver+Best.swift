import Glibc
import Nets
import Prototxt
import Schema

extension Solver {
  /// Writes the weights of a test that is the best so far to their own file.
  ///
  /// - Returns: whether they are there: a disk that is full for a while must not cost the run.
  func writeBest() throws -> Bool {
    try guardWeights()
    options.observe(.snapshotting(path: bestPath, kind: .best))
    do {
      if settings.snapshotsHDF5 {
        try trainNet.writeHDF5Weights(to: bestPath)
      } else {
        try trainNet.writeWeights(to: bestPath)
      }
      return true
    } catch let error as Diagnostic {
      if error.kind != .inputOutput { throw error }
      warn(error)
      return false
    }
  }

  /// Goes on with the best test so far, as long as its weights are there and the score is the same.
  func restoreWatch(from saved: Message) {
    guard let goal = watch?.goal else { return }
    let before = saved.string("best_by")
    if !before.isEmpty, before != goal.text {
      options.observe(
        .remark(
          "the best so far was told by \(before), and is now by \(goal.text): it begins anew, and "
            + "\(bestPath) will be replaced"))
    }
    watch?.restore(from: saved)
    guard let best = watch?.best, access(bestPath, F_OK) != 0 else { return }
    options.observe(
      .remark(
        "\(bestPath) is not there, the best weights of iteration \(best.iteration): the best begins anew"
      ))
    watch?.forgetBest()
  }

  /// What the tests of a run that is over have found, for a run that goes on from its snapshot.
  ///
  /// Those come after the last snapshot: what it holds is written again with the best score.
  func saveScores() throws {
    guard let watch, lastSnapshotIteration == iteration, let last = lastRunState else { return }
    var state = last.state
    watch.save(to: &state)
    try RunStateFile.write(state, to: last.path)
  }

  /// Whether a run ends early, after what was done last.
  func earlyEnd(_ clock: LoopClock) -> EarlyEnd? {
    if let limit = options.timeLimit, clock.elapsed >= limit { return .timeLimit(seconds: limit) }
    if let patience = options.patience, let watch, watch.testsSinceBest >= patience {
      return .patience(tests: watch.testsSinceBest)
    }
    return nil
  }
}
