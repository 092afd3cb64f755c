import Layers
import Nets
import Prototxt
import Schema

/// What the lints look at: a solver with its nets, or a net as it is in each phase.
struct CheckSubject {
  /// The solver in today's form, if there is one.
  var solver: Message?
  /// The nets that could be built, the one for training first.
  var nets: [CheckedNet] = []
  /// Whether weights are loaded before training begins.
  var hasWeights = false
  /// What became of the weights; `nil` if none were given, or they do not fit.
  var weights: LoadedWeights?
  /// What the labels of the data are; `nil` if they were not read.
  var labels: [LabelScan]?

  /// The nets for training that have something to learn from.
  var trained: [CheckedNet] { nets.filter { $0.net.state.phase == .train && $0.hasLoss } }
  /// The nets for testing.
  var tested: [CheckedNet] { nets.filter { $0.net.state.phase == .test } }
}

/// What became of one weight file or more.
struct LoadedWeights {
  /// The files.
  private(set) var path: String
  /// Layers that took weights.
  private(set) var loaded: Set<String>
  /// Layers of a file that the net does not have.
  private(set) var ignored: [String]
  /// Layers of the net that no file says anything of.
  private(set) var fresh: [String]

  init(_ report: WeightReport) {
    path = report.path
    loaded = Set(report.loaded)
    ignored = report.ignored
    fresh = report.fresh
  }

  /// Adds what became of a further file.
  mutating func add(_ report: WeightReport) {
    path += ", \(report.path)"
    loaded.formUnion(report.loaded)
    ignored += report.ignored
    fresh.removeAll { !report.fresh.contains($0) }
  }
}
