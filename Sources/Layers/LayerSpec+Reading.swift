public import Compute
public import Prototxt
public import Schema

extension LayerSpec {
  /// The shape that a `BlobShape` describes.
  ///
  /// - Throws: a diagnostic if a size is negative or the blob would not fit.
  public func shape(_ message: Message, at location: SourceRange?) throws -> Shape {
    let dimensions = message.ints("dim")
    if let index = dimensions.firstIndex(where: { $0 < 0 }) {
      throw error("a size of \(dimensions[index])", at: message.location("dim", index))
    }
    guard let shape = Shape.checked(dimensions) else {
      throw error(
        "a blob may have up to \(Shape.maximumAxes) axes and must fit in memory",
        at: location)
    }
    return shape
  }

  /// The axis that a parameter means, where a negative number counts from the end.
  ///
  /// - Throws: a diagnostic at the parameter if the bottom has no such axis.
  public func axis(_ parameters: Message, _ field: String = "axis", of bottom: Shape) throws -> Int
  {
    let given = parameters.int(field)
    guard let axis = bottom.axis(given) else {
      throw error(
        "axis \(given) of a blob with \(bottom.axes) axes (\(bottom.display))",
        at: parameters.location(field))
    }
    return axis
  }

  /// The filler that a field holding a `FillerParameter` describes; `fallback` if it is not set.
  ///
  /// - Throws: a diagnostic at the type if it is unknown.
  public func filler(
    _ parameters: Message, _ field: String, default fallback: Filler = Filler(.constant(0))
  ) throws -> Filler {
    guard parameters.has(field) else { return fallback }
    return try filler(parameters.message(field))
  }

  /// The filler that a `FillerParameter` describes.
  ///
  /// - Throws: a diagnostic at the type if it is unknown.
  public func filler(_ message: Message) throws -> Filler {
    let norm: Filler.VarianceNorm =
      switch message.enumName("variance_norm") {
      case "FAN_OUT": .fanOut
      case "AVERAGE": .average
      default: .fanIn
      }
    let sparse = message.int("sparse")
    let type = message.string("type")
    if sparse != -1, type != "gaussian" {
      throw error(
        "sparse goes with the gaussian filler only, not with '\(type)'",
        at: message.location("sparse"))
    }
    switch type {
    case "constant": return Filler(.constant(message.float("value")))
    case "uniform": return Filler(.uniform(min: message.float("min"), max: message.float("max")))
    case "gaussian":
      return Filler(
        .gaussian(mean: message.float("mean"), std: message.float("std"), sparse: sparse))
    case "positive_unitball": return Filler(.positiveUnitball)
    case "xavier": return Filler(.xavier(norm))
    case "msra": return Filler(.msra(norm))
    case "bilinear": return Filler(.bilinear)
    default:
      let known = [
        "constant", "uniform", "gaussian", "positive_unitball", "xavier", "msra", "bilinear",
      ]
      throw error(
        "unknown filler '\(type)'", at: message.location("type"),
        label: closestMatch(to: type, in: known).map { "did you mean '\($0)'?" },
        help: "the fillers are \(known.joined(separator: ", "))")
    }
  }

  /// Checks that a filler can fill a blob of the shape.
  public func check(_ filler: Filler, fits shape: Shape) throws {
    if case .bilinear = filler.kind, shape.axes != 4 || shape[2] != shape[3] {
      throw error(
        "the bilinear filler needs four axes and a square kernel, not \(shape.display)")
    }
  }

  /// Makes a parameter blob of the shape and fills it.
  ///
  /// - Throws: a diagnostic if it would be larger than a blob may be, or than the machine's memory.
  public func parameter(
    _ title: String, _ shape: Shape, _ filler: Filler, _ context: LayerContext
  ) throws -> Blob {
    try checkSize(of: shape, "its \(title)", at: nil)
    try check(filler, fits: shape)
    let blob = Blob("\(name)/\(title)", shape: shape)
    var random = context.random(self, title)
    if !context.isSketch { filler.fill(blob, &random) }
    return blob
  }
}

extension LayerSpec {
  /// A parameter that must be given and above 0.
  ///
  /// - Throws: a diagnostic at the parameter, or at the layer if it is missing.
  public func positive(_ parameters: Message, _ field: String) throws -> Int {
    guard parameters.has(field) else {
      throw error("\(field) is missing", at: parameters.location, help: "add \(field): …")
    }
    let value = parameters.int(field)
    guard value > 0 else {
      throw error("\(field) is \(value), but must be above 0", at: parameters.location(field))
    }
    return value
  }
}
