public import Compute
public import Prototxt
public import Schema

/// The phase that a net is built for.
public enum Phase: String, Sendable {
  /// Training: dropout drops, batch statistics are taken.
  case train = "TRAIN"
  /// Testing and use.
  case test = "TEST"
}

/// One layer as the net file describes it, after the rules of phase and splitting.
public struct LayerSpec: Sendable {
  /// The `LayerParameter`.
  public let message: Message
  /// The phase that the layer is built for.
  public let phase: Phase

  /// The names of the bottoms as the net file gives them; the message may name split blobs instead.
  public let bottoms: [String]

  /// Makes a spec of a `LayerParameter`.
  ///
  /// - Parameters:
  ///   - message: The layer.
  ///   - phase: The phase that it is built for.
  ///   - bottoms: The names in the net file, if splits have given the message others.
  public init(_ message: Message, phase: Phase, bottoms: [String]? = nil) {
    self.message = message
    self.phase = phase
    self.bottoms = bottoms ?? message.strings("bottom")
  }

  /// The layer's name.
  public var name: String { message.string("name") }
  /// The layer's type, as written.
  public var type: String { message.string("type") }
  /// The names of the tops, with those made automatically.
  public var tops: [String] { message.strings("top") }

  /// The layer's parameters of one kind, such as `convolution_param`: defaults where not given.
  public func parameters(_ field: String) -> Message { message.message(field) }

  /// A diagnostic about this layer, at a place of its own or where the layer begins.
  public func error(
    _ text: String, at location: SourceRange? = nil, label: String? = nil, notes: [Note] = [],
    help: String? = nil
  ) -> Diagnostic {
    let place = location ?? message.location("type") ?? message.location
    return Diagnostic.error(
      "layer '\(name)' (\(type)): \(text)", at: place, label: label, notes: notes, help: help)
  }
}

/// What surrounds a layer while it is built.
public struct LayerContext: Sendable {
  /// The threads that batch layers may share work among.
  public let workers: Workers
  /// The seed that all random streams of the run derive from.
  public let seed: UInt64
  /// Finds the files that a net names.
  public let files: FileResolver
  /// Whether data sources are opened; `false` to look at a net whose data is not here.
  public let opensSources: Bool
  /// The shapes that the tops of unopened sources are given, by top name.
  public let assumedShapes: [String: Shape]
  /// Whether only shapes are wanted: parameters are not filled, and the net may be larger than the
  /// machine's memory.
  public let isSketch: Bool
  /// Whether layers shuffle their records that can, whatever the net says.
  public let shuffles: Bool
  /// Takes remarks for the user.
  public let remark: @Sendable (String) -> Void

  /// Makes a context.
  public init(
    workers: Workers, seed: UInt64 = 0, files: FileResolver = FileResolver(),
    opensSources: Bool = true, assumedShapes: [String: Shape] = [:], isSketch: Bool = false,
    shuffles: Bool = false, remark: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.workers = workers
    self.seed = seed
    self.files = files
    self.opensSources = opensSources
    self.assumedShapes = assumedShapes
    self.isSketch = isSketch
    self.shuffles = shuffles
    self.remark = remark
  }

  /// The random stream of a layer for one purpose.
  public func random(_ spec: LayerSpec, _ purpose: String) -> RandomStream {
    RandomStream(seed: seed, purpose: "\(spec.name)/\(purpose)")
  }
}
