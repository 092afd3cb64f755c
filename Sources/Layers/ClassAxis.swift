import Compute
import Schema

/// A blob seen along one axis, the classes': (outer, classes, inner), and cut in samples.
struct ClassAxis {
  /// The product of the axes before.
  let outer: Int
  /// The size of the axis.
  let classes: Int
  /// The product of the axes behind.
  let inner: Int
  /// How many samples are independent: the first axis, if it is before the classes.
  let sampleCount: Int

  init(_ shape: Shape, axis: Int) {
    outer = shape.count(from: 0, to: axis)
    classes = shape[axis]
    inner = shape.count(from: axis + 1)
    sampleCount = axis > 0 ? shape[0] : 1
  }

  /// An axis of one value.
  init() { (outer, classes, inner, sampleCount) = (1, 1, 1, 1) }

  /// How many predictions there are: one for each label.
  var predictions: Int { outer * inner }

  /// Outer items of one sample.
  var outerPerSample: Int { sampleCount > 0 ? outer / sampleCount : 0 }

  /// Values of one sample.
  var valuesPerSample: Int { outerPerSample * classes * inner }

  /// Predictions of one sample.
  var predictionsPerSample: Int { outerPerSample * inner }

  /// Why a label cannot be used; `canIgnore` tells whether the layer has an `ignore_label`.
  func fault(label: Float, at index: Int, canIgnore: Bool = true) -> LayerFault {
    let isWhole = label == label.rounded() && abs(label) < 1e9
    let text = isWhole ? String(Int(label)) : "\(label)"
    return LayerFault(
      "label \(text) is outside the \(classes) classes 0…\(classes - 1)", bottom: 1,
      sample: predictionsPerSample > 0 ? index / predictionsPerSample : 0,
      help: "give the layer as many classes as there are labels"
        + (canIgnore ? ", or name the label to leave out in ignore_label" : ""))
  }
}

extension LayerSpec {
  /// The axis of the classes in the first of two bottoms, which has a label for each prediction.
  ///
  /// - Throws: a diagnostic if there is no such axis or the number of labels does not fit.
  func classAxis(_ bottoms: [Shape], axis: Int) throws -> ClassAxis {
    let result = ClassAxis(bottoms[0], axis: axis)
    guard bottoms[1].count == result.predictions else {
      throw error(
        "the bottom of shape \(bottoms[0].display) holds \(result.predictions) predictions over "
          + "axis \(axis), but there are \(bottoms[1].count) labels (\(bottoms[1].display))",
        at: message.location("bottom", 1),
        help: "there must be one label for each place along all axes but the classes'")
    }
    return result
  }
}

extension Int {
  /// A number of a blob that stands for a label or an index, cut as Caffe's cast does.
  ///
  /// `nil` if it is NaN or too large for any label.
  init?(cut value: Float) {
    guard abs(value) < 0x1p31 else { return nil }
    self = Int(value)
  }
}
