internal import Prototxt
internal import Schema

/// What `transform_param` lets training change at random in each image: an extension of Caffe's.
///
/// Nothing is drawn for what is not asked for, so that nets of Caffe's draw what they always drew.
public struct Augmentation: Sendable, Equatable {
  /// The largest angle, in degrees, either way.
  public var rotation: Float = 0
  /// The factors by which images are enlarged about their middle.
  public var zoom: ClosedRange<Float> = 1...1
  /// What is added at most, either way, as a part of 255.
  public var brightness: Float = 0
  /// By how much at most the factor differs from 1 that spreads values about their mean.
  public var contrast: Float = 0
  /// By how much at most the factor differs from 1 that spreads colours about their grey.
  public var saturation: Float = 0
  /// How often a rectangle is erased.
  public var erase: Float = 0
  /// The largest part of an image that is erased.
  public var maxEraseArea: Float = 0.2

  /// Changes nothing.
  public init() {}

  /// Reads a `TransformationParameter`.
  ///
  /// - Throws: each number that is out of its range.
  init(_ message: Message, owner: String) throws(Diagnostics) {
    var problems = Diagnostics()
    func number(_ name: String, _ range: ClosedRange<Float>) -> Float {
      let value = message.float(name)
      if range.contains(value) { return value }
      problems.append(
        .error(
          "\(owner): \(name) is \(value), but must be from \(range.lowerBound) to \(range.upperBound)",
          at: message.location(name)))
      return range.lowerBound
    }
    rotation = number("rotation", 0...180)
    let least = number("min_zoom", 0.1...10)
    let most = number("max_zoom", 0.1...10)
    if least > most, !problems.hasErrors {
      let name = message.has("min_zoom") ? "min_zoom" : "max_zoom"
      problems.append(
        .error(
          "\(owner): min_zoom (\(least)) is larger than max_zoom (\(most))",
          at: message.location(name), help: "both are 1 if nothing is said"))
    }
    zoom = least...max(least, most)
    brightness = number("brightness", 0...1)
    contrast = number("contrast", 0...1)
    saturation = number("saturation", 0...1)
    erase = number("erase", 0...1)
    maxEraseArea = number("max_erase_area", 0.02...0.9)
    try problems.throwIfErrors()
  }

  /// Whether images stay where and as they are, before they are cropped.
  var keepsPixels: Bool {
    rotation == 0 && zoom == 1...1 && brightness == 0 && contrast == 0 && saturation == 0
  }
}
