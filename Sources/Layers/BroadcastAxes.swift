import Compute
import Prototxt
import Schema

/// Some consecutive axes of a blob, along which Scale and Bias have one number for each place.
///
/// The blob is (outer, channels, inner), where `channels` are the places along the axes.
struct BroadcastAxes {
  let outer: Int
  let channels: Int
  let inner: Int
  /// How many samples are independent: the first axis, or 1 where the numbers come from a bottom and
  /// tie all samples together.
  let sampleCount: Int
  /// Whether the first axis is among those that have numbers, so that each sample has its own.
  private let isSplit: Bool
  /// Whether there is but one number for all values.
  private let isSingle: Bool

  init() {
    (outer, channels, inner, sampleCount, isSplit, isSingle) = (1, 1, 1, 1, false, true)
  }

  /// The axes of `shape` from `axis` on that have the sizes of `numbers`.
  init(_ shape: Shape, axis: Int, numbers: Shape, fromBottom: Bool) {
    outer = shape.count(from: 0, to: axis)
    channels = numbers.count
    inner = shape.count(from: axis + numbers.axes)
    isSingle = numbers.axes == 0
    isSplit = axis == 0 && !isSingle
    sampleCount = isSplit || !fromBottom ? shape.leadingCount : 1
  }

  /// A run of the blob: where its values begin, and which numbers go with them.
  struct Run {
    let start: Int
    let channels: Range<Int>
    let inner: Int

    /// How many values the run has.
    var count: Int { channels.count * inner }
  }

  /// Calls `body` for each run of the samples in turn; in a run every number occurs once.
  func forEachRun(_ samples: Range<Int>, _ body: (Run) -> Void) {
    guard !samples.isEmpty else { return }
    if isSplit {
      let each = channels / sampleCount
      let part = samples.lowerBound * each..<samples.upperBound * each
      body(Run(start: part.lowerBound * inner, channels: part, inner: inner))
    } else if isSingle {
      let each = inner / sampleCount
      body(
        Run(start: samples.lowerBound * each, channels: 0..<1, inner: samples.count * each))
    } else {
      let each = outer / sampleCount
      for item in samples.lowerBound * each..<samples.upperBound * each {
        body(Run(start: item * channels * inner, channels: 0..<channels, inner: inner))
      }
    }
  }
}

extension LayerSpec {
  /// The sizes of the numbers that `axis` and `num_axes` ask for.
  ///
  /// - Throws: a diagnostic if the bottom does not have so many axes.
  func broadcastShape(_ given: Message, of bottom: Shape) throws -> (axis: Int, numbers: Shape) {
    let axis = try axis(given, of: bottom)
    let count = given.int("num_axes")
    guard count >= -1 else {
      throw error(
        "num_axes is \(count), but must be -1 or more", at: given.location("num_axes"),
        help: "-1 takes all axes to the end, 0 one number for all values")
    }
    guard count <= bottom.axes - axis else {
      throw error(
        "num_axes is \(count), but the bottom (\(bottom.display)) has only \(bottom.axes - axis) "
          + "axes from axis \(axis) on",
        at: given.location("num_axes"))
    }
    let end = count == -1 ? bottom.axes : axis + count
    // One number belongs to no axis, whichever is named.
    return (count == 0 ? 0 : axis, Shape(Array(bottom.dimensions[axis..<end])))
  }

  /// The axis from which the second bottom's sizes are those of the first.
  ///
  /// - Throws: a diagnostic that names both shapes if they differ.
  func broadcastAxis(_ given: Message, _ bottoms: [Shape]) throws -> Int {
    guard bottoms[1].axes > 0 else { return 0 }
    let axis = try axis(given, of: bottoms[0])
    try checkBroadcast(
      bottoms[1], "'\(self.bottoms[1])'", axis, of: bottoms[0],
      at: message.location("bottom", 1))
    return axis
  }

  /// Checks that numbers have the sizes of the bottom's axes from one on.
  func checkBroadcast(
    _ numbers: Shape, _ what: String, _ axis: Int, of bottom: Shape, at place: SourceRange?
  ) throws {
    let end = axis + numbers.axes
    guard end <= bottom.axes, Array(bottom.dimensions[axis..<end]) == numbers.dimensions else {
      throw error(
        "\(what) is \(numbers.display), which is not the part of '\(bottoms[0])' "
          + "(\(bottom.display)) from axis \(axis) on",
        at: place, help: "its sizes must be those of that many consecutive axes")
    }
  }
}
