public import Compute
public import Layers

/// One layer in its place in the net.
public final class Node {
  /// The layer as described.
  public let spec: LayerSpec
  /// The layer.
  public let layer: any Layer
  /// How the layer is run.
  private(set) var kind: Kind
  /// The blobs that the layer reads.
  public let bottoms: [Blob]
  /// The blobs that the layer writes; the same objects as the bottoms where it works in place.
  public let tops: [Blob]
  /// The weight of each top in the net's loss.
  public let lossWeights: [Float]
  /// For each bottom, whether its gradient is computed.
  public internal(set) var propagates: [Bool]
  /// For each parameter, whether its gradient is computed.
  public internal(set) var learns: [Bool] = []
  /// Whether the layer runs backward.
  public internal(set) var needsBackward = false
  /// Whether an earlier layer does this one's work; set by the plan.
  public internal(set) var isFused = false
  /// Whether an earlier layer does this one's work backward too.
  var isAbsorbed = false
  /// Whether anything is to be done backward.
  var runsBackward: Bool { needsBackward && !isAbsorbed }
  /// The shapes that the layer was last reshaped for.
  var shapes: [Shape]?

  enum Kind {
    case sample(any SampleLayer)
    case batch(any BatchLayer)
    case dynamic(any DynamicLayer)
  }

  init?(
    spec: LayerSpec, layer: any Layer, bottoms: [Blob], tops: [Blob], lossWeights: [Float],
    propagates: [Bool]
  ) {
    switch layer {
    case let layer as any SampleLayer: kind = .sample(layer)
    case let layer as any DynamicLayer: kind = .dynamic(layer)
    case let layer as any BatchLayer: kind = .batch(layer)
    default: return nil
    }
    self.spec = spec
    self.layer = layer
    self.bottoms = bottoms
    self.tops = tops
    self.lossWeights = lossWeights
    self.propagates = propagates
  }

  /// The layer's name.
  public var name: String { spec.name }

  /// The names of the tops as the net names them.
  public var topNames: [String] { tops.map(\.name) }

  /// The layer's source of records, if it is one.
  public var source: (any SourceLayer)? { layer as? any SourceLayer }

  /// Where the gradients of the parameters go that are wanted.
  var gradients: [UnsafeMutablePointer<Float>?] { layer.parameters.indices.map(gradient) }

  /// Where the gradient of a parameter goes, if it is wanted.
  func gradient(_ index: Int) -> UnsafeMutablePointer<Float>? {
    needsBackward && learns[index] ? layer.parameters[index].gradient : nil
  }

  /// Whether top `index` is bottom `index`.
  func isInPlace(_ index: Int) -> Bool {
    index < bottoms.count && index < tops.count && bottoms[index] === tops[index]
  }

  /// Infers the shapes of the tops and gives them to the blobs.
  ///
  /// - Parameter room: How many floats the tops may take.
  /// - Throws: what the layer says of the shapes, or that the tops are too large.
  func reshape(room: Int = Memory.physicalFloats) throws {
    let bottomShapes = bottoms.map(\.shape)
    guard shapes != bottomShapes else { return }
    try apply(try layer.reshape(bottomShapes), room: room)
    shapes = bottomShapes
    if let layer = layer as? any FlexibleLayer {
      kind = layer.takesWholeBatch ? .batch(layer) : .sample(layer)
    }
  }

  /// Gives the tops their shapes, and the memory that views share.
  ///
  /// - Throws: a diagnostic, before memory is taken, if a top is too large.
  func apply(_ topShapes: [Shape], room: Int = Memory.physicalFloats) throws {
    try requireRoom(topShapes, room)
    for (index, (top, shape)) in zip(tops, topShapes).enumerated() where !isInPlace(index) {
      let views = layer.views
      if views != .none, let bottom = bottoms.first {
        top.shareValues(with: bottom)
        if views == .valuesAndGradient, propagates.first == true {
          top.shareGradient(with: bottom)
        }
      }
      top.reshape(shape)
    }
  }
}
