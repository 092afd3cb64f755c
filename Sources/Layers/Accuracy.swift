import Compute
import Schema

/// The share of labels that are among the best scores.
///
///     right if fewer than top_k other classes have a score that is not below the label's
///     accuracy = right / counted          (0 if none counts)
///
/// Shapes: `x` is any shape with the classes along `axis`; `label` has one value for each place
/// along the other axes; the first top is a scalar, the second, if given, one value per class.
///
/// Ties count against: scores that are all equal give 0, and so does NaN. Never runs backward.
final class Accuracy: SampleLayer {
  static let reference = LayerReference(
    "Accuracy", .loss,
    summary: "The share of labels that are among the best scores.",
    formula: "right if fewer than top_k other classes score as high as the label or higher\n"
      + "accuracy = right / counted",
    shapes: "x: classes along `axis`; label: one for each place along the other axes; "
      + "accuracy: scalar; second top: one value for each class",
    notes:
      "Ties count against: scores that are all equal, or NaN, give 0. In the second top, a class "
      + "without labels in the batch has 0. Labels are cut to whole numbers; one that names no class "
      + "is an error. Passes no gradient.",
    arity: Arity(2...2, 1...2),
    parameters: [
      ParameterTable(
        "accuracy_param",
        [
          "top_k": "How many classes may be guessed.",
          "axis": "The axis of the classes; negative counts from the end.",
          "ignore_label": "Labels of this value do not count.",
        ])
    ])
  static let samples = [
    LayerSample(
      "", bottoms: [.uniform([6, 4]), .labels([6], classes: 4)], phase: .test, hasGradient: false),
    LayerSample(
      "accuracy_param { top_k: 2 axis: -1 ignore_label: 1 }",
      bottoms: [.uniform([2, 3, 4]), .labels([2, 3], classes: 4)], tops: 2, phase: .test,
      hasGradient: false),
    LayerSample(
      "accuracy_param { axis: 0 }", bottoms: [.uniform([3, 4]), .labels([4], classes: 3)],
      tops: 2, hasGradient: false),
  ]

  /// What became of one label.
  private enum Verdict {
    static let ignored: UInt8 = 0
    static let wrong: UInt8 = 1
    static let right: UInt8 = 2
    static let unusable: UInt8 = 3
  }

  private let spec: LayerSpec
  private let guesses: Int
  private let ignored: Int?
  private var extent = ClassAxis()
  private let verdicts = Buffer<UInt8>()
  /// For each class, how many labels there were and how many were right.
  private let classCounts = Buffer<(counted: Int, right: Int)>()

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("accuracy_param")
    self.spec = spec
    guesses = given.int("top_k")
    ignored = given.optionalInt("ignore_label")
    guard guesses > 0 else {
      throw spec.error("top_k is 0, so nothing could be right", at: given.location("top_k"))
    }
  }

  func takesGradient(bottom: Int) -> Bool { false }

  var backwardReads: BackwardReads { .nothing }

  var touchesWholeBatch: Bool { true }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let given = spec.parameters("accuracy_param")
    let axis = try spec.axis(given, of: bottoms[0])
    extent = try spec.classAxis(bottoms, axis: axis)
    guard guesses <= extent.classes else {
      throw spec.error(
        "top_k is \(guesses), but there are only \(extent.classes) classes "
          + "(axis \(axis) of \(bottoms[0].display))", at: given.location("top_k"))
    }
    verdicts.reserve(extent.predictions)
    classCounts.reserve(extent.classes)
    return [.scalar, [extent.classes]]
  }

  var sampleCount: Int { extent.sampleCount }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    let labels = bottom[1].values
    let inner = extent.inner
    let outer =
      samples.lowerBound * extent.outerPerSample..<samples.upperBound * extent.outerPerSample
    for item in outer {
      for place in 0..<inner {
        let index = item * inner + place
        let scores = bottom[0].values + item * extent.classes * inner + place
        verdicts.pointer[index] = verdict(scores, label: labels[index])
      }
    }
  }

  private func verdict(_ scores: UnsafePointer<Float>, label: Float) -> UInt8 {
    guard let label = Int(cut: label) else { return Verdict.unusable }
    if label == ignored { return Verdict.ignored }
    guard label >= 0, label < extent.classes else { return Verdict.unusable }
    let own = scores[label * extent.inner]
    var others = -1
    // Not below, rather than above or equal: NaN must not pass for right.
    for index in 0..<extent.classes where !(scores[index * extent.inner] < own) { others += 1 }
    return others < guesses ? Verdict.right : Verdict.wrong
  }

  func endForward(_ bottom: [Blob], _ top: [Blob]) throws {
    let labels = bottom[1].values
    let counts = classCounts.pointer
    counts.update(repeating: (0, 0), count: extent.classes)
    var counted = 0
    var right = 0
    for index in 0..<extent.predictions where verdicts.pointer[index] != Verdict.ignored {
      guard verdicts.pointer[index] != Verdict.unusable, let label = Int(cut: labels[index]) else {
        throw extent.fault(label: labels[index], at: index)
      }
      let isRight = verdicts.pointer[index] == Verdict.right
      counted += 1
      right += isRight ? 1 : 0
      counts[label].counted += 1
      counts[label].right += isRight ? 1 : 0
    }
    top[0].values[0] = counted > 0 ? Float(right) / Float(counted) : 0
    guard top.count > 1 else { return }
    for label in 0..<extent.classes {
      let count = counts[label]
      top[1].values[label] = count.counted > 0 ? Float(count.right) / Float(count.counted) : 0
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {}
}
