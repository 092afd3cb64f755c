import CKernels
import Compute
import Prototxt
import Schema

/// A logistic loss in which a matrix says what each answer to each label is worth.
///
///     p = softmax(x)          loss = Σᵢ Σ_c −H[labelᵢ, c] · ln max(pᵢ[c], 10⁻²⁰) / normaliser
///
/// Shapes: `x` is any shape with K classes along `axis`; `label` has one value for each place along the
/// other axes; H is K × K, a third bottom or the blob in the file `source`; `loss` is a scalar; the
/// second top, if given, is `p`. With H the identity this is SoftmaxWithLoss.
///
/// Gradient: dx[c] = loss weight / normaliser · (p[c] · Σ H[label] − H[label, c]), and 0 where the label
/// is ignored.
final class InfogainLoss: SampleLayer {
  static let reference = LayerReference(
    "InfogainLoss", .loss,
    summary: "A logistic loss in which a matrix says what each answer to each label is worth.",
    formula: "p = softmax(x)\nloss = Σ over places and classes c of "
      + "−H[label, c] · ln max(p[c], 10⁻²⁰) / normaliser",
    shapes: "x: K classes along `axis`; label: one for each place along the other axes; H: K × K; "
      + "loss: scalar; second top: as x",
    notes: "x are scores: the softmax is part of this layer. H is the third bottom, or else the "
      + "blob in the file `source`. Labels are cut to whole numbers; one that names no class is an "
      + "error. Only x gets a gradient; the second top holds the probabilities and passes none.",
    arity: Arity(2...3, 1...2, automaticTop: true),
    parameters: [
      ParameterTable(
        "infogain_loss_param",
        [
          "source": "The file with H, a binary BlobProto; must be given unless H is a bottom.",
          "axis": "The axis of the classes; negative counts from the end.",
        ]),
      ParameterTable(
        "loss_param",
        [
          "ignore_label": "Labels of this value count nothing and get no gradient.",
          "normalization": "What the sum is divided by: FULL, the number of all labels; VALID, of "
            + "those not ignored; BATCH_SIZE, of the items before the axis; NONE, 1.",
          "normalize": "Refused: give normalization instead.",
          "class_weighting": "Of SoftmaxWithLoss only.",
          "weight_by_label_freqs": "Of SoftmaxWithLoss only.",
          "label_smoothing": "Of SoftmaxWithLoss only.",
          "focal_gamma": "Of SoftmaxWithLoss only.",
        ]),
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([4, 3]), .labels([4], classes: 3), matrix(3)]),
    LayerSample(
      "loss_param { ignore_label: 1 normalization: FULL } loss_weight: 0.5",
      bottoms: [.uniform([3, 4, 2, 2]), .labels([3, 2, 2], classes: 4), matrix(4)]),
    LayerSample(
      "loss_param { ignore_label: 0 normalization: BATCH_SIZE } infogain_loss_param { axis: -1 }"
        + " loss_weight: 1 loss_weight: 0",
      bottoms: [.uniform([3, 2, 3]), .labels([3, 2], classes: 3), matrix(3)], tops: 2),
    LayerSample(
      "loss_param { normalization: NONE ignore_label: 2 } infogain_loss_param { axis: 1 }",
      bottoms: [.uniform([2, 5]), .constants([2], [2, 4]), matrix(5)]),
  ]

  private static func matrix(_ classes: Int) -> LayerSample.Input {
    .constants(
      [1, 1, classes, classes],
      (0..<classes * classes).map { $0 % (classes + 1) == 0 ? 1 : Float($0 % 7) / 10 - 0.2 })
  }

  private let spec: LayerSpec
  private let normalization: LossNormalization
  private let ignored: IgnoredLabel
  private let fromBottom: Bool
  /// H, where it comes from a file.
  private var stored: Blob?
  private var extent = ClassAxis()
  private var divisor = 1.0
  private let probabilities = Blob("probabilities")
  private let rowSums = Blob("row sums")
  private let sums = LossSums()

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("loss_param")
    try LossTerms.refuse(spec, given)
    self.spec = spec
    normalization = LossNormalization(given, default: .valid)
    ignored = IgnoredLabel(given)
    fromBottom = spec.bottoms.count > 2
    var problems = Diagnostics()
    if given.has("normalize") {
      problems.append(
        spec.error(
          "takes no normalize", at: given.location("normalize"),
          help: "give normalization: VALID for true, normalization: BATCH_SIZE for false"))
    }
    if !fromBottom { stored = try problems.keeping { try InfogainLoss.load(spec, context) } ?? nil }
    try problems.throwIfErrors()
  }

  /// H as the file has it; `nil` if sources are not opened.
  private static func load(_ spec: LayerSpec, _ context: LayerContext) throws -> Blob? {
    let given = spec.parameters("infogain_loss_param")
    let source = given.string("source")
    let place = given.location("source")
    guard !source.isEmpty else {
      throw spec.error(
        "has no matrix H", at: place,
        help: "add infogain_loss_param { source: \"…\" }, or a third bottom")
    }
    guard context.opensSources else { return nil }
    guard let path = context.files.existing(source) else {
      var error = spec.error(
        "source '\(source)' is not there", at: place,
        help: "looked for \(context.files.candidates(source).joined(separator: ", "))")
      error.kind = .missingInput
      throw error
    }
    do {
      let file = try BlobFile(path: path)
      let blob = Blob("\(spec.name)/H", shape: Shape(file.blob.shape))
      file.blob.copy(into: blob.values)
      return blob
    } catch {
      var error = error
      error.notes.append(Note("layer '\(spec.name)' (\(spec.type)) takes H from it", at: place))
      throw error
    }
  }

  func takesGradient(bottom: Int) -> Bool { bottom == 0 }

  var backwardReads: BackwardReads { .bottoms(1, 2) }

  var touchesWholeBatch: Bool { true }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let given = spec.parameters("infogain_loss_param")
    let axis = try spec.axis(given, of: bottoms[0])
    extent = try spec.classAxis(bottoms, axis: axis)
    let classes = extent.classes
    if let shape = fromBottom ? bottoms[2] : stored?.shape, shape.count != classes * classes {
      throw spec.error(
        "H is \(shape.display), but '\(spec.bottoms[0])' (\(bottoms[0].display)) has \(classes) "
          + "classes along axis \(axis)",
        at: fromBottom ? spec.message.location("bottom", 2) : given.location("source"),
        help: "H must be \(classes) × \(classes)")
    }
    probabilities.reshape(bottoms[0])
    rowSums.reshape([classes])
    sums.reserve(sampleCount)
    if let stored { addRows(stored) }
    return [.scalar, bottoms[0]]
  }

  /// All samples at once where H is a bottom, since they all need the whole of it.
  var sampleCount: Int { fromBottom ? 1 : extent.sampleCount }

  private var outerPerSample: Int { fromBottom ? extent.outer : extent.outerPerSample }

  /// As of Softmax, and a logarithm and a product for each value.
  var operations: Int { 7 * probabilities.count }

  private func addRows(_ matrix: Blob) {
    let classes = extent.classes
    for row in 0..<classes {
      rowSums.values[row] = Float(nk_sum(matrix.values + row * classes, classes))
    }
  }

  func beginForward(_ bottom: [Blob], _ top: [Blob]) throws {
    guard fromBottom || stored != nil else {
      throw LayerFault(
        "the matrix H was not read, since sources are not opened here", bottom: 0, sample: 0)
    }
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    guard let matrix = fromBottom ? bottom[2] : stored else { return }
    if fromBottom { addRows(matrix) }
    let outer = outerPerSample
    let size = outer * extent.classes * extent.inner
    let p = probabilities.values
    let start = samples.lowerBound * size
    nk_softmax_forward(
      p + start, bottom[0].values + start, samples.count * outer, extent.classes, extent.inner)
    if top.count > 1 { nk_copy(top[1].values + start, p + start, samples.count * size) }
    for sample in samples {
      let first = sample * outer * extent.inner
      var counted = 0
      var bad = -1
      let loss = ignored.lend {
        nk_infogain_loss_forward(
          p + sample * size, bottom[1].values + first, matrix.values, $0, outer, extent.classes,
          extent.inner, &counted, &bad)
      }
      sums[sample] = .init(loss: loss, counted: counted, badLabel: bad < 0 ? -1 : first + bad)
    }
  }

  func endForward(_ bottom: [Blob], _ top: [Blob]) throws {
    let total = sums.total
    guard total.badLabel < 0 else {
      throw extent.fault(label: bottom[1].values[total.badLabel], at: total.badLabel)
    }
    divisor = normalization.divisor(
      counted: total.counted, outer: extent.outer, inner: extent.inner)
    top[0].values[0] = Float(total.loss / divisor)
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0], let matrix = fromBottom ? bottom[2] : stored else { return }
    let labels = samples.lowerBound * outerPerSample * extent.inner
    let start = labels * extent.classes
    let scale = Float(Double(top[0].gradient[0]) / divisor)
    ignored.lend {
      nk_infogain_loss_backward(
        bottom[0].gradient + start, probabilities.values + start, bottom[1].values + labels,
        matrix.values, rowSums.values, $0, scale, samples.count * outerPerSample, extent.classes,
        extent.inner)
    }
  }
}
