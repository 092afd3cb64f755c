public import Compute

/// One kind of layer, such as `InnerProduct`: what a net file names by `type`.
///
/// A layer reads its parameters once, in `init`, and infers shapes in `reshape`; afterwards nothing
/// is left to check when numbers flow. It computes in one of two ways: as a `SampleLayer`, which
/// takes any range of samples on any thread, or as a `BatchLayer`, which is called once for the
/// whole batch. A type is one file and one line in `LayerCatalog`.
public protocol Layer: AnyObject, SendableMetatype {
  /// The entry of the reference: type, formula, shapes, parameters, counts of bottoms and tops.
  static var reference: LayerReference { get }

  /// Small configurations that every automatic test runs.
  static var samples: [LayerSample] { get }

  /// Whether a top may have the name of the bottom at its place; the net refuses it otherwise.
  static var runsInPlace: Bool { get }

  /// Reads and checks the parameters.
  ///
  /// - Throws: a `Diagnostic` or `Diagnostics` that point at the offending fields.
  init(_ spec: LayerSpec, _ context: LayerContext) throws

  /// Infers the shapes of the tops, and makes the parameters at the first call.
  ///
  /// May be called again whenever the bottoms' shapes change; takes all memory that the layer
  /// needs for these shapes.
  /// - Throws: a `Diagnostic` if the layer cannot take bottoms of these shapes.
  func reshape(_ bottoms: [Shape]) throws -> [Shape]

  /// The learnable blobs, in the order of Caffe's files; empty before the first `reshape`.
  var parameters: [Blob] { get }

  /// The rates that the layer itself imposes on its parameters where the net gives none.
  var parameterRates: [ParameterRate] { get }

  /// Whether `force_backward` asks for the gradient of this bottom; not so for labels and indices.
  func takesGradient(bottom: Int) -> Bool

  /// Which tops are views of bottoms: they share the bottom's memory and need no copy.
  var views: LayerViews { get }

  /// Which values the backward pass reads, known after `reshape`; the net may overwrite the others.
  var backwardReads: BackwardReads { get }

  /// Multiplications and additions of a forward pass over the whole batch, each counted, known after
  /// `reshape`; 0 where they do not count beside the moving of memory.
  var operations: Int { get }

  /// Multiplications of values by weights whose products are added up: what is known as MAC.
  var multiplyAdds: Int { get }

  /// What must be saved, beside the parameters, for a run to go on exactly; empty if nothing.
  var state: LayerState { get set }
}

/// The memory that tops share with bottom 0.
public enum LayerViews: Sendable {
  /// Tops have memory of their own.
  case none
  /// All tops share the values of bottom 0, but not its gradient.
  case values
  /// The top shares both values and gradient of bottom 0.
  case valuesAndGradient
}

/// A learning-rate multiplier that a layer imposes.
public struct ParameterRate: Sendable, Equatable {
  /// Multiplies the solver's rate.
  public var rate: Float
  /// Multiplies the solver's weight decay.
  public var decay: Float

  /// Makes a pair of multipliers.
  public init(rate: Float = 1, decay: Float = 1) {
    self.rate = rate
    self.decay = decay
  }
}

/// What a layer carries from one pass to the next, for exact resumption.
public struct LayerState: Sendable, Equatable {
  /// Whole numbers: positions, counters.
  public var counters: [UInt64] = []
  /// Values: hidden states.
  public var values: [[Float]] = []

  /// Makes a state; empty by default.
  public init(counters: [UInt64] = [], values: [[Float]] = []) {
    self.counters = counters
    self.values = values
  }

  /// Whether there is nothing to save.
  public var isEmpty: Bool { counters.isEmpty && values.isEmpty }
}

extension Layer {
  /// The name written as `type` in a net file.
  public static var type: String { reference.type }

  /// Not in place.
  public static var runsInPlace: Bool { false }

  /// No parameters.
  public var parameters: [Blob] { [] }

  /// Nothing imposed.
  public var parameterRates: [ParameterRate] { [] }

  /// Every bottom takes a gradient.
  public func takesGradient(bottom: Int) -> Bool { true }

  /// No shared memory.
  public var views: LayerViews { .none }

  /// Everything.
  public var backwardReads: BackwardReads { .everything }

  /// Nothing to count.
  public var operations: Int { 0 }

  /// No products with weights.
  public var multiplyAdds: Int { 0 }

  /// No state.
  public var state: LayerState {
    get { LayerState() }
    set { _ = newValue }
  }
}

/// A layer that treats samples alone.
///
/// The net runs consecutive layers of this kind as one segment: it cuts the batch in chunks and
/// takes each chunk through the whole segment on one thread, so that activations stay in the
/// core's cache. All work is done in the thread that calls; any range may come on any thread.
public protocol SampleLayer: Layer {
  /// How many independent samples the blobs hold, known after `reshape`: usually the first axis;
  /// 1 where the parameters tie all samples together.
  ///
  /// Sample i of a blob with `count` values is the i-th of `sampleCount` equal, consecutive parts.
  var sampleCount: Int { get }

  /// How many floats of scratch a call needs, known after `reshape`.
  var scratchCount: Int { get }

  /// Whether `beginForward`, `endForward` or `beginBackward` touch values or gradients of bottoms, or of
  /// tops that other layers use.
  ///
  /// Where they do not, the net may keep just those of a chunk.
  var touchesWholeBatch: Bool { get }

  /// Called once before the samples of a forward pass, on one thread.
  func beginForward(_ bottom: [Blob], _ top: [Blob]) throws

  /// Computes the samples' part of the tops' values.
  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>)

  /// Called once after the samples of a forward pass, on one thread; sums over the batch go here.
  ///
  /// - Throws: a `LayerFault` if the values that came from outside cannot be used.
  func endForward(_ bottom: [Blob], _ top: [Blob]) throws

  /// Called once before the samples of a backward pass, on one thread; `pass` tells what is wanted,
  /// but its gradients are no place to add to yet.
  func beginBackward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass)

  /// Computes the samples' part of the gradients of the bottoms that `pass` asks for (written over),
  /// and adds to those of the parameters.
  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>)
}

extension SampleLayer {
  /// Only samples.
  public var touchesWholeBatch: Bool { false }

  /// No scratch.
  public var scratchCount: Int { 0 }

  /// Nothing to prepare.
  public func beginForward(_ bottom: [Blob], _ top: [Blob]) throws {}

  /// Nothing to finish.
  public func endForward(_ bottom: [Blob], _ top: [Blob]) throws {}

  /// Nothing to prepare.
  public func beginBackward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {}
}

/// What a backward call is to compute.
public struct BackwardPass {
  /// For each bottom, whether its gradient is wanted.
  public let propagate: [Bool]
  /// For each parameter, where to add its gradient; `nil` if it is not wanted.
  ///
  /// In a segment these are partial sums of one group of chunks, not the blob's own gradient.
  public let gradients: [UnsafeMutablePointer<Float>?]
  /// For each parameter, what its gradient is told to instead, piece by piece; only a
  /// `GradientStreaming` layer is given any, and only for parameters that it names.
  private let followers: [(any GradientFollower)?]

  /// Makes a request.
  public init(
    propagate: [Bool], gradients: [UnsafeMutablePointer<Float>?],
    followers: [(any GradientFollower)?] = []
  ) {
    self.propagate = propagate
    self.gradients = gradients
    self.followers = followers
  }

  /// Where the gradient by a parameter goes.
  public func target(_ parameter: Int) -> GradientTarget {
    if parameter < followers.count, let follower = followers[parameter] {
      return .follower(follower)
    }
    return gradients[parameter].map { .sum($0) } ?? .none
  }
}

/// A layer that is called once for the whole batch; it may share work among the context's workers.
public protocol BatchLayer: Layer {
  /// Computes the tops' values.
  ///
  /// - Throws: a `LayerFault` or `Diagnostic` if what came from outside cannot be used.
  func forward(_ bottom: [Blob], _ top: [Blob]) throws

  /// Computes the gradients of the bottoms that `pass` asks for (written over), and adds to those
  /// of the parameters.
  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass)
}

/// A layer of samples that computes a whole batch at once where that is quicker.
public protocol FlexibleLayer: SampleLayer, BatchLayer {
  /// Whether the net is to call it as a `BatchLayer`; known after `reshape`, from shapes alone.
  var takesWholeBatch: Bool { get }
}

/// A layer that can tell the gradient by a parameter piece by piece, so that it need not be stored.
public protocol GradientStreaming: BatchLayer {
  /// Whether it can do so for this parameter, at the shapes of the last `reshape`: then `backward` reads
  /// no value of it after having told its gradient.
  func streamsGradient(of parameter: Int) -> Bool
}

/// A layer whose tops' shapes depend on values, such as those of the next records.
public protocol DynamicLayer: BatchLayer {
  /// Called before each forward pass, when the bottoms' values are there: the tops' shapes.
  ///
  /// - Throws: a `Diagnostic` if the data cannot be read.
  func nextShapes(_ bottom: [Blob]) throws -> [Shape]
}

/// A layer that brings records into the net.
public protocol SourceLayer: DynamicLayer {
  /// What one of the samples of the last forward pass is, for messages: the record's key.
  func recordName(sample: Int) -> String?

  /// The number of records of one pass over the data; `nil` if it cannot be known.
  var recordCount: Int? { get }

  /// The number of samples of one forward pass.
  var batchSize: Int { get }

  /// Reads the records once through from the first one, without wrapping round: the last batch is
  /// smaller, and after it `nextShapes` throws `EndOfData`.
  func beginSinglePass()

  /// Milliseconds that forward passes have waited for records, in all.
  var waitedMilliseconds: Double { get }

  /// Whether each pass over the records has an order of its own, drawn at random.
  var shuffles: Bool { get }
}

extension SourceLayer {
  /// The records come as they are stored.
  public var shuffles: Bool { false }
}

/// Thrown by a source that was asked for a single pass, when it is over.
public struct EndOfData: Error {
  /// Makes the mark.
  public init() {}
}

/// A layer whose tops are set from outside: they are the inputs of the net.
public protocol InputLayer: BatchLayer {}

/// A layer that can apply a following in-place rectifier to what it writes.
public protocol ActivationFusing: Layer {
  /// The slope for negative values, or `nil` to leave them alone; set by the net's plan.
  var fusedNegativeSlope: Float? { get set }
}

/// A layer that is nothing but `x < 0 ? slope · x : x`, so that the one before may apply it.
public protocol Rectifier: SampleLayer {
  /// What negative inputs are multiplied by.
  var negativeSlope: Float { get }
}

/// A layer that multiplies each channel, of axis 1, by a number and adds another.
public protocol ChannelAffine: Layer {
  /// The blobs that the numbers are made of; nil if they depend on the batch, or are no numbers of
  /// channels of axis 1 alone.
  var affineParameters: [Blob]? { get }

  /// Applies the layer to what multiplies each channel, and what is added to it.
  func compose(_ scale: UnsafeMutablePointer<Float>, _ shift: UnsafeMutablePointer<Float>)
}

/// A layer that can take following layers of fixed numbers for each channel into its weights.
public protocol AffineFolding: ActivationFusing {
  /// Whether its outputs are channels of axis 1.
  var foldsChannels: Bool { get }
  /// The layers whose work this one does too; set by the net's plan.
  var folded: [any ChannelAffine] { get set }
}

/// Scale and bias of a following layer.
public struct LearnedAffine {
  let scale: Blob
  let bias: Blob?
  /// Where their gradients go, if they are wanted.
  let scaleGradient: UnsafeMutablePointer<Float>?
  let biasGradient: UnsafeMutablePointer<Float>?

  /// Takes over the parameters of a Scale; `nil` if the layer is something else.
  public init?(_ layer: any Layer, gradients: [UnsafeMutablePointer<Float>?]) {
    guard let layer = layer as? Scale, let blobs = layer.affineParameters else { return nil }
    scale = blobs[0]
    bias = blobs.count > 1 ? blobs[1] : nil
    scaleGradient = gradients[0]
    biasGradient = blobs.count > 1 ? gradients[1] : nil
  }
}

/// A layer that can do the work of a following Scale, forward and backward.
public protocol ScaleAbsorbing: ActivationFusing {
  /// Whether it could.
  var absorbsScale: Bool { get }
  /// What it has taken over; set by the net's plan.
  var absorbed: LearnedAffine? { get set }
}

/// A layer that adds up the gradients of its tops value by value, beginning with the first two, so that
/// the sum may lie where the first top's gradient does.
public protocol GradientSumming: SampleLayer {}

/// A value from outside that a layer cannot use, found while numbers flow.
public struct LayerFault: Error, Sendable {
  /// What is wrong.
  public let message: String
  /// The bottom that holds the value.
  public let bottom: Int
  /// The sample that it belongs to.
  public let sample: Int
  /// What to do.
  public let help: String?

  /// Makes a fault.
  public init(_ message: String, bottom: Int, sample: Int, help: String? = nil) {
    self.message = message
    self.bottom = bottom
    self.sample = sample
    self.help = help
  }
}
