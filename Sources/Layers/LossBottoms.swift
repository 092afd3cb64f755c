import Compute
import Schema

// What the losses ask of their bottoms.

extension LayerSpec {
  /// The number of samples of two bottoms, whose first axes must be alike.
  ///
  /// - Throws: a diagnostic that names both shapes if they are not.
  func lossSamples(_ bottoms: [Shape], of index: Int = 1) throws -> Int {
    let (first, second) = (bottoms[0], bottoms[index])
    guard first.axes > 0, second.axes > 0, first[0] == second[0] else {
      throw error(
        "'\(self.bottoms[0])' is \(first.display) and '\(self.bottoms[index])' is "
          + "\(second.display), but the first axes must be alike",
        at: message.location("bottom", index),
        help: "the first axis counts the samples, and each needs its own target")
    }
    return first[0]
  }

  /// The number of samples of two bottoms that hold equally many values for each.
  ///
  /// - Throws: a diagnostic that names both shapes if they do not.
  func pairedLossSamples(_ bottoms: [Shape]) throws -> Int {
    let samples = try lossSamples(bottoms)
    guard bottoms[0].count == bottoms[1].count else {
      throw error(
        "'\(self.bottoms[0])' (\(bottoms[0].display)) holds \(bottoms[0].count) values, but "
          + "'\(self.bottoms[1])' (\(bottoms[1].display)) holds \(bottoms[1].count)",
        at: message.location("bottom", 1), help: "there must be one target for each value")
    }
    return samples
  }

  /// A bottom whose axes behind the first are all one of classes, with one label for each sample.
  ///
  /// - Throws: a diagnostic that names both shapes if the labels do not fit.
  func flatClasses(_ bottoms: [Shape]) throws -> ClassAxis {
    let samples = try lossSamples(bottoms)
    guard bottoms[1].count == samples else {
      throw error(
        "'\(self.bottoms[1])' (\(bottoms[1].display)) holds \(bottoms[1].count) labels for the "
          + "\(samples) samples of '\(self.bottoms[0])' (\(bottoms[0].display))",
        at: message.location("bottom", 1), help: "there must be one label for each sample")
    }
    return ClassAxis([samples, bottoms[0].count(from: 1)], axis: 1)
  }
}

/// The label that a loss leaves out, if any.
struct IgnoredLabel {
  private let value: Int32?

  /// Reads `ignore_label` of `loss_param`.
  init(_ parameters: Message) {
    value = parameters.optionalInt("ignore_label").map { Int32(clamping: $0) }
  }

  /// Lends the label to a kernel.
  func lend<Result>(_ body: (UnsafePointer<Int32>?) -> Result) -> Result {
    guard let value else { return body(nil) }
    return withUnsafePointer(to: value) { body($0) }
  }
}
