import Compute
import Prototxt
import Schema

/// A source whose records are handed over by the program around the net.
public protocol MemorySource: SourceLayer {
  /// Hands over records and their labels, from which batches are taken in order, round and round.
  ///
  /// - Parameters:
  ///   - data: The values of one record after the other.
  ///   - labels: A label for each record.
  /// - Throws: a diagnostic if the counts do not fit each other or the batch.
  func setData(_ data: [Float], labels: [Float]) throws
}

/// Brings records into the net that the program around it hands over.
///
///     top[0] = the next batch_size records, as they are
///     top[1] = their labels
///
/// As in Caffe the labels' shape is N when the net is built and N × 1 × 1 × 1 when numbers flow.
final class MemoryData: MemorySource {
  static let reference = LayerReference(
    "MemoryData", .data,
    summary: "Brings records into the net that the program around it hands over.",
    formula: "top[0] = the next batch_size records, as they are; top[1] = their labels",
    shapes: "top[0]: batch_size × channels × height × width; top[1]: batch_size, and batch_size × "
      + "1 × 1 × 1 in a pass",
    notes: "A Swift program calls setData(_:labels:); the command line cannot run such a net. "
      + "Records are taken in order, round and round, so their number must be a multiple of "
      + "batch_size. They are taken as they are: transform_param has no effect on them.",
    arity: Arity(0...0, 2...2),
    parameters: [
      ParameterTable(
        "memory_data_param",
        [
          "batch_size": "Records per batch; must be given.",
          "channels": "The number of channels; must be given.",
          "height": "The number of rows; must be given.",
          "width": "The number of columns; must be given.",
        ]),
      ParameterTable(
        "transform_param",
        [
          "scale": "Without effect here.",
          "mirror": "Without effect here.",
          "crop_size": "Without effect here.",
          "mean_file": "Without effect here.",
          "mean_value": "Without effect here.",
          "force_color": "Without effect here.",
          "force_gray": "Without effect here.",
          "rotation": "Without effect here.",
          "min_zoom": "Without effect here.",
          "max_zoom": "Without effect here.",
          "brightness": "Without effect here.",
          "contrast": "Without effect here.",
          "saturation": "Without effect here.",
          "erase": "Without effect here.",
          "max_erase_area": "Without effect here.",
        ]),
    ])
  static let samples = [
    LayerSample(
      "memory_data_param { batch_size: 2 channels: 3 height: 2 width: 2 }", bottoms: [], tops: 2,
      hasGradient: false)
  ]

  let batchSize: Int
  private let spec: LayerSpec
  private let shape: Shape
  private var data: [Float] = []
  private var labels: [Float] = []
  /// How many records of this round have been taken.
  private var position = 0
  private var wraps = true

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    let parameters = spec.parameters("memory_data_param")
    var problems = Diagnostics()
    let sizes = try ["batch_size", "channels", "height", "width"].compactMap { field in
      try problems.keeping { try spec.positive(parameters, field) }
    }
    try problems.throwIfErrors()
    try spec.checkCount(sizes, "a batch", at: parameters.location)
    shape = Shape(sizes)
    batchSize = sizes[0]
    if spec.message.has("transform_param") {
      context.remark(
        "\(spec.owner): transform_param has no effect: records are taken as they are handed over")
    }
  }

  // MARK: Records

  private var recordSize: Int { shape.count / batchSize }

  var recordCount: Int? { labels.isEmpty ? nil : labels.count }

  func setData(_ data: [Float], labels: [Float]) throws {
    guard !labels.isEmpty, data.count == labels.count * recordSize else {
      throw spec.error(
        "\(data.count) values and \(labels.count) labels do not belong together",
        help: "each record has \(recordSize) values and one label, and there must be one at least")
    }
    guard labels.count.isMultiple(of: batchSize) else {
      throw spec.error(
        "\(labels.count) records cannot be taken in batches of \(batchSize)",
        at: spec.parameters("memory_data_param").location("batch_size"),
        help: "hand over a multiple of batch_size")
    }
    // A place that was saved may be set before the records are there.
    if !self.labels.isEmpty || position > labels.count { position = 0 }
    self.data = data
    self.labels = labels
  }

  func recordName(sample: Int) -> String? {
    guard !labels.isEmpty, sample < batchSize, position >= batchSize else { return nil }
    return "\(position - batchSize + sample)"
  }

  var waitedMilliseconds: Double { 0 }

  func beginSinglePass() {
    position = 0
    wraps = false
  }

  /// How many records of this round have been taken.
  var state: LayerState {
    get { LayerState(counters: [UInt64(position)]) }
    set {
      wraps = true
      let saved = newValue.counters.first.flatMap { Int(exactly: $0) } ?? 0
      let isThere = labels.isEmpty || saved <= labels.count
      position = isThere && saved.isMultiple(of: batchSize) ? saved : 0
    }
  }

  // MARK: Passes

  func reshape(_ bottoms: [Shape]) throws -> [Shape] { [shape, [batchSize]] }

  func nextShapes(_ bottom: [Blob]) throws -> [Shape] {
    guard !labels.isEmpty else {
      throw spec.error(
        "no records have been handed over",
        help: "a program does that by setData; to read records from a file, use the layer type "
          + "Data, ImageData or HDF5Data")
    }
    if position == labels.count, !wraps { throw EndOfData() }
    return [shape, [batchSize, 1, 1, 1]]
  }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    if position == labels.count { position = 0 }
    copy(data, from: position * recordSize, to: top[0])
    copy(labels, from: position, to: top[1])
    position += batchSize
  }

  private func copy(_ values: [Float], from start: Int, to top: Blob) {
    values.withUnsafeBufferPointer { values in
      guard let base = values.baseAddress else { return }
      top.values.update(from: base + start, count: top.count)
    }
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {}
}
