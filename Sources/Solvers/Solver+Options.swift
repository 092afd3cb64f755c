public import Nets

extension Solver {
  /// Where a run goes on.
  public enum SnapshotChoice: Sendable {
    /// It begins anew.
    case none
    /// From a `.solverstate` or `.solverstate.h5`.
    case file(String)
    /// From the newest of these with the solver's prefix; anew if there is none.
    case automatic
  }

  /// What is said beside the solver file.
  public struct Options {
    /// How many threads compute; as many as the process may use if `nil`.
    public var threads: Int?
    /// In place of `random_seed`.
    public var seed: UInt64?
    /// Weight files, in place of those in the solver file.
    public var weights: [String] = []
    /// The state to go on from.
    public var snapshot = SnapshotChoice.none
    /// In place of the level in `train_state`.
    public var level: Int?
    /// Stages in addition to those in the files.
    public var stages: [String] = []
    /// Passes over the training data, in place of `max_iter`.
    public var epochs: Double?
    /// Seconds after which the run ends, as it does at `max_iter`.
    public var timeLimit: Double?
    /// Which score of the tests tells the best weights, which go to a file of their own.
    public var best: ScoreGoal?
    /// How many tests without a better score end the run; needs `best`.
    public var patience: Int?
    /// How many of the snapshots that the run writes stay, the newest; all of them if `nil`.
    public var keptSnapshots: Int?
    /// Whether the training data come in an order of their own in each pass, whatever the net says; a
    /// run that goes on does what it did.
    public var shuffles = false
    /// Whether layers that the weights to begin with do not fit are trained anew.
    public var finetunes = false
    /// Whether a run goes on when a loss or gradient is not finite.
    public var allowsNonFinite = false
    /// Which blobs of the nets keep what they hold when a pass is over; others share memory.
    public var keeps = Net.Keeping.all
    /// What signals ask.
    public var requests = StopRequests()
    /// Hears what happens.
    public var observe: (SolverEvent) -> Void = { _ in }

    /// Makes options: those of Caffe where nothing else is said.
    public init() {}
  }
}
