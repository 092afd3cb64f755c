import CKernels
import Compute
import Prototxt
import Schema

/// What `loss_param` adds to the loss of a softmax beyond Caffe: weights of classes, a target that is not
/// quite sure, and less weight for what is known already.
///
///     loss = w[label] · Σ_c −q[c] · ln p[c],  q[c] = (1 − s) · [c = label] + s / classes
///     loss = w[label] · (1 − p[label])^g · −ln p[label]                        with focal_gamma g
///
/// Gradient by the scores: w · (p − q), and with g the derivative of the second line.
final class LossTerms {
  private let weights: Buffer<Float>?
  private let weightCount: Int
  private let smoothing: Float
  private let gamma: Float

  /// Reads and checks the terms.
  init(_ spec: LayerSpec, _ given: Message) throws {
    let all = given.bool("weight_by_label_freqs") ? given.floats("class_weighting") : []
    smoothing = given.float("label_smoothing")
    gamma = given.float("focal_gamma")
    if let index = all.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
      throw spec.error(
        "class_weighting is \(all[index]) for class \(index), but must be 0 or more",
        at: given.location("class_weighting", index))
    }
    guard (0..<1).contains(smoothing) else {
      throw spec.error(
        "label_smoothing is \(smoothing), but must lie from 0 up to 1",
        at: given.location("label_smoothing"))
    }
    guard gamma >= 0, gamma.isFinite else {
      throw spec.error(
        "focal_gamma is \(gamma), but must be 0 or more", at: given.location("focal_gamma"))
    }
    guard gamma == 0 || smoothing == 0 else {
      throw spec.error(
        "label_smoothing and focal_gamma pull against each other",
        at: given.location("focal_gamma"),
        notes: [Note("label_smoothing is here", at: given.location("label_smoothing"))],
        help: "keep one of the two")
    }
    weightCount = all.count
    weights = all.isEmpty ? nil : Buffer()
    weights?.reserve(all.count)
    for (index, value) in all.enumerated() { weights?.pointer[index] = value }
  }

  /// Refuses the terms, for a loss that does not have them.
  static func refuse(_ spec: LayerSpec, _ given: Message) throws {
    let fields = ["class_weighting", "weight_by_label_freqs", "label_smoothing", "focal_gamma"]
    guard let field = fields.first(where: given.has) else { return }
    throw spec.error(
      "\(field) goes with SoftmaxWithLoss only", at: given.location(field),
      help: "take \(field) away")
  }

  /// Checks that there is a weight for each class.
  func check(_ spec: LayerSpec, classes: Int) throws {
    guard weights != nil, weightCount != classes else { return }
    throw spec.error(
      "class_weighting is given \(weightCount) times, but there are \(classes) classes",
      at: spec.parameters("loss_param").location("class_weighting"),
      help: "give one weight for each class, or none")
  }

  /// Whether the loss is Caffe's.
  var isPlain: Bool { weights == nil && smoothing == 0 && gamma == 0 }

  private var terms: nk_softmax_terms {
    nk_softmax_terms(
      weights: weights.map { UnsafePointer($0.pointer) }, smoothing: smoothing, gamma: gamma)
  }

  /// The sum of the losses of one sample.
  func forward(
    _ p: UnsafePointer<Float>, _ labels: UnsafePointer<Float>, _ ignored: UnsafePointer<Int32>?,
    _ extent: ClassAxis, _ counted: inout Int, _ bad: inout Int
  ) -> Double {
    if isPlain {
      return nk_softmax_loss_forward(
        p, labels, ignored, extent.outerPerSample, extent.classes, extent.inner, &counted, &bad)
    }
    var terms = terms
    return nk_softmax_terms_forward(
      p, labels, ignored, &terms, extent.outerPerSample, extent.classes, extent.inner, &counted,
      &bad)
  }

  /// The gradient by the scores of some samples.
  func backward(
    _ dx: UnsafeMutablePointer<Float>, _ p: UnsafePointer<Float>, _ labels: UnsafePointer<Float>,
    _ ignored: UnsafePointer<Int32>?, _ scale: Float, _ samples: Int, _ extent: ClassAxis
  ) {
    let outer = samples * extent.outerPerSample
    if isPlain {
      nk_softmax_loss_backward(
        dx, p, labels, ignored, scale, outer, extent.classes, extent.inner)
    } else {
      var terms = terms
      nk_softmax_terms_backward(
        dx, p, labels, ignored, &terms, scale, outer, extent.classes, extent.inner)
    }
  }
}
