public import Nets
public import Prototxt

/// What a solver tells while it works; the command line makes log lines, tables and files of it.
///
/// Events come on the thread that called the solver, in the order in which Caffe logs them.
public enum SolverEvent {
  /// Something that the user should know and that stops nothing.
  case remark(String)
  /// A warning about a place in a file.
  case warning(Diagnostic)
  /// The nets are built, before weights are loaded: the training net, then the test nets.
  case built(train: Net, tests: [Net])
  /// Weights were copied from a file into all nets.
  case loadedWeights(WeightReport)
  /// A run goes on from a state; `isExact` if data position and random numbers go on too.
  case resumed(path: String, iteration: Int, isExact: Bool)
  /// The loop begins; `name` is the net's, `policy` the `lr_policy`.
  case solving(name: String, policy: String, type: String)
  /// A line of `debug_info`, without Caffe's log prefix.
  case debug(DebugLine)
  /// `display` iterations are over: Caffe's three kinds of lines.
  case display(DisplayReport)
  /// The gradients were scaled down as `clip_gradients` says.
  case clipped(norm: Float, limit: Float, scale: Float)
  /// `multistep` or `plateau` has taken another step, in an iteration that is not displayed.
  case rateStep(iteration: Int, step: Int)
  /// An iteration is over.
  case step(StepReport)
  /// A test pass begins.
  case testing(iteration: Int, net: Int)
  /// A test pass is over.
  case tested(TestReport)
  /// The weights, or the state, are about to be written to a file.
  case snapshotting(path: String, kind: SnapshotKind)
  /// The loss after the last iteration, where Caffe shows it.
  case finalLoss(iteration: Int, loss: Float)
  /// The run ends before its last iteration, as it would behind it; `finished` follows.
  case endsEarly(EarlyEnd)
  /// All iterations are done.
  case finished(iteration: Int)
  /// A signal ended the run before its last iteration; a snapshot was taken unless `nil`.
  case stopped(iteration: Int, snapshot: String?)
}

/// Which of the files of a snapshot.
public enum SnapshotKind: Sendable {
  /// A `.caffemodel`.
  case weights
  /// A `.solverstate`.
  case state
  /// The weights of the best test so far.
  case best
}

/// One number of a net's output.
public struct OutputValue: Sendable, Equatable {
  /// The blob's name.
  public let name: String
  /// The value: of one batch, or the mean over a test.
  public var value: Float
  /// The weight of the blob in the loss; 0 if it is none.
  public let lossWeight: Float

  /// Makes a value.
  public init(name: String, value: Float, lossWeight: Float) {
    self.name = name
    self.value = value
    self.lossWeight = lossWeight
  }
}

/// What Caffe logs every `display` iterations.
public struct DisplayReport: Sendable {
  /// The iteration, before its update.
  public let iteration: Int
  /// The mean loss over `average_loss` iterations.
  public let smoothedLoss: Float
  /// The learning rate of this iteration.
  public let rate: Float
  /// The step that `multistep` or `plateau` has taken in this iteration; Caffe says so before the
  /// rate.
  public let rateStep: Int?
  /// Seconds since the last display.
  public let seconds: Double
  /// Iterations since the last display.
  public let iterations: Int
  /// The outputs of the training net, one entry a value.
  public let outputs: [OutputValue]
}

/// One training iteration.
public struct StepReport: Sendable {
  /// The iteration, counted from 0.
  public let iteration: Int
  /// The last iteration's number plus one.
  public let maxIteration: Int
  /// The loss of this iteration's batches.
  public let loss: Float
  /// The mean loss over `average_loss` iterations.
  public let smoothedLoss: Float
  /// The learning rate.
  public let rate: Float
  /// Samples of this iteration: batch size times `iter_size`; 0 if the net has no data layer.
  public let samples: Int
  /// Records in one pass over the training data, if that can be known.
  public let epochSize: Int?
  /// Seconds since the loop began.
  public let elapsed: Double
  /// Milliseconds that the data made the iterations wait, in all.
  public let waitedMilliseconds: Double
}

/// One test.
public struct TestReport: Sendable {
  /// The iteration at which it was made.
  public let iteration: Int
  /// Which test net.
  public let net: Int
  /// The mean of each output value over the batches.
  public let outputs: [OutputValue]
  /// The mean loss, with `test_compute_loss`.
  public let loss: Float?
  /// Batches tested.
  public let batches: Int
  /// Seconds that it took.
  public let seconds: Double
  /// The score that tells the best weights, if it is one of this net's and the best so far.
  public var best: String?
}
