import Prototxt
import Schema
import Solvers

/// Shows a training run in the style that was asked for.
///
/// By itself it is for people on a terminal, and Caffe's lines on `stderr` in a pipe or a file; with
/// `2> train.log` a person at the terminal still sees the run, since Caffe's users log so.
final class TrainingView {
  private let console: Console
  private let caffe: CaffeTrainingLog?
  private let human: HumanTrainingLog?
  private var remarks: Set<String> = []

  init(_ style: LogStyle, _ console: Console, _ setting: CaffeTrainingLog.Setting) {
    self.console = console
    let isWatched = console.chatterTerminal != nil
    let logsCaffe = style == .caffe || (style == .auto && !isWatched)
    let showsPeople =
      style == .human || (style == .auto && (isWatched || console.outTerminal != nil))
    caffe = logsCaffe ? CaffeTrainingLog(CaffeLog(console.chatter), setting) : nil
    human = showsPeople ? HumanTrainingLog(console) : nil
    caffe?.begin()
  }

  /// Takes down what is known of the run before its loop begins.
  func begin(_ plan: RunPlan) { human?.begin(plan) }

  func handle(_ event: SolverEvent) {
    if case .warning(let warning) = event { return warn(warning) }
    // Several nets of one file have the same to say.
    if case .remark(let text) = event, !remarks.insert(text).inserted { return }
    caffe?.handle(event)
    human?.handle(event)
  }

  /// Shows a warning that does not come from the solver.
  func warn(_ warning: Diagnostic) {
    guard caffe != nil || human != nil else { return console.show([warning]) }
    caffe?.handle(.warning(warning))
    human?.handle(.warning(warning))
  }

  /// Leaves the terminal clean, whatever happened.
  func end() { human?.end() }
}
