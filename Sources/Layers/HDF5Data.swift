import Compute
import Datasets
import Glibc
import Prototxt
import Schema

/// Brings rows of HDF5 files into the net, batch by batch, file by file.
///
///     topᵢ = the next batch_size rows of the data set that is named like the top
///
/// The first axis of a data set counts the samples. Numbers of all sizes are rounded to float32.
final class HDF5Data: SourceLayer {
  static let reference = LayerReference(
    "HDF5Data", .data,
    summary: "Brings rows of the data sets of HDF5 files into the net, file by file.",
    formula: "topᵢ = the next batch_size rows of the data set that is named like the top",
    shapes: "topᵢ: batch_size × the shape of a row, which is the same in all files",
    notes: "The first axis of a data set counts the samples; all data sets of a file have as many. "
      + "Whole numbers and doubles are rounded to float32. After the last row of the last file "
      + "comes the first one again, in the middle of a batch. Files named in the list are looked "
      + "for from the current folder, then beside the net's file and above it, then beside the "
      + "list. Each file is held in memory as a whole, and only one at a time. As in Caffe, a "
      + "transformation is refused: what is in the files is what the net gets.",
    arity: Arity(0...0, 1...Arity.unlimited),
    parameters: [
      ParameterTable(
        "hdf5_data_param",
        [
          "source": "A text file that names HDF5 files, separated by white space.",
          "batch_size": "Rows per batch; must be given.",
          "shuffle":
            "Each round goes through the files, and through the rows of each file, in an order of its own.",
        ])
    ])
  static let samples = [
    LayerSample(
      "hdf5_data_param { source: 'Tests/Goldens/data/one.txt' batch_size: 5 }", bottoms: [],
      hasGradient: false)
  ]

  let batchSize: Int
  let recordCount: Int?
  private let spec: LayerSpec
  private let source: HDF5Source?
  private let prefetcher: Prefetcher?
  private let remark: @Sendable (String) -> Void
  /// The next batch's shapes as they were last told.
  private var shapes: [Shape]
  /// The next batch, if its shapes have been told.
  private var pending: Batch?
  /// The names of the records that the tops hold.
  private var names = RecordNames()
  /// The place behind the records that the tops hold.
  private var counters: [UInt64]
  /// What went wrong when a saved place was looked for.
  private var failure: (any Error)?

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    remark = context.remark
    let parameters = spec.parameters("hdf5_data_param")
    var problems = Diagnostics()
    let batchSize = try problems.keeping { try spec.positive(parameters, "batch_size") } ?? 1
    self.batchSize = batchSize
    try problems.keeping {
      try spec.refuseTransform(help: "scale the data in the files, or by a Power or Scale layer")
    }
    let path = try problems.keeping { try HDF5Data.path(spec, parameters, context) }
    guard let path, !problems.hasErrors else { throw problems }
    guard context.opensSources else {
      source = nil
      prefetcher = nil
      recordCount = nil
      counters = []
      shapes = try HDF5Data.assumedShapes(spec, context)
      return
    }
    let owner = "layer '\(spec.name)' (\(spec.type))"
    let folder = FileResolver.folder(of: path)
    let files = context.files
    let list = try HDF5List(path: path, names: spec.tops) { name in
      name.hasPrefix("/") ? [name] : files.candidates(name) + ["\(folder)/\(name)"]
    }
    shapes = try list.rowShapes.enumerated().map { index, row in
      guard let shape = Shape.checked([batchSize] + row) else {
        throw spec.error(
          "top '\(spec.tops[index])' of \(batchSize)×\(row) would not fit in memory",
          at: parameters.location("batch_size"))
      }
      return shape
    }
    let source = try HDF5Source(
      list, batchSize: batchSize, shuffles: parameters.bool("shuffle"),
      random: context.random(spec, "order"), owner: owner)
    self.source = source
    recordCount = source.count
    prefetcher = Prefetcher(source, depth: source.depth, tops: spec.tops.count)
    counters = source.startCounters
  }

  // MARK: Parameters

  /// The list of files: the first that there is of those that `source` may mean.
  private static func path(
    _ spec: LayerSpec, _ parameters: Message, _ context: LayerContext
  ) throws -> String {
    let given = parameters.string("source")
    let location = parameters.location("source")
    guard !given.isEmpty else {
      throw spec.error(
        "source is missing", at: location,
        help: "add source: \"…\", a text file that names HDF5 files")
    }
    guard context.opensSources else { return given }
    let candidates = context.files.candidates(given)
    guard let path = candidates.first(where: { access($0, F_OK) == 0 }) else {
      var error = spec.error(
        "source '\(given)': there is no such file", at: location,
        notes: candidates.count > 1 ? candidates.map { Note("tried '\($0)'") } : [],
        help: "a text file that names HDF5 files is expected")
      error.kind = .missingInput
      throw error
    }
    if path != candidates.first {
      context.remark("layer '\(spec.name)' (\(spec.type)): source '\(given)' is '\(path)'")
    }
    return path
  }

  private static func assumedShapes(_ spec: LayerSpec, _ context: LayerContext) throws -> [Shape] {
    try spec.tops.enumerated().map { index, top in
      guard let shape = context.assumedShapes[top] else {
        throw spec.error(
          "the shape of '\(top)' is that of its data, which are not opened",
          at: spec.message.location("top", index), help: "give the shape of '\(top)'")
      }
      return shape
    }
  }

  // MARK: Batches

  func reshape(_ bottoms: [Shape]) throws -> [Shape] { shapes }

  func nextShapes(_ bottom: [Blob]) throws -> [Shape] {
    if let failure { throw failure }
    guard let prefetcher else { throw unopened() }
    if pending == nil {
      pending = try prefetcher.next()
      guard let pending else { throw EndOfData() }
      if !zip(pending.blobs, shapes).allSatisfy({ $0.shape == $1 }) {
        shapes = pending.blobs.map(\.shape)
      }
    }
    return shapes
  }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    if pending == nil { _ = try nextShapes(bottom) }
    guard let batch = pending, let prefetcher else { throw unopened() }
    pending = nil
    for (top, blob) in zip(top, batch.blobs) { top.exchangeValues(with: blob) }
    swap(&names, &batch.names)
    swap(&counters, &batch.counters)
    prefetcher.recycle(batch)
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {}

  private func unopened() -> Diagnostic {
    spec.error("its data were not opened, so that nothing can be computed")
  }

  // MARK: Source

  func recordName(sample: Int) -> String? { source?.recordName(names, sample: sample) }

  var waitedMilliseconds: Double { prefetcher?.waitedMilliseconds ?? 0 }

  func beginSinglePass() {
    restart { source in
      source.wraps = false
      source.rewind(drawingFrom: counters)
    }
  }

  /// The place behind the batch that the tops hold; setting it goes there, on to endless rounds.
  var state: LayerState {
    get { LayerState(counters: counters) }
    set {
      counters = newValue.counters
      restart { source in
        source.wraps = true
        if let remark = try source.restore(newValue.counters) { self.remark(remark) }
      }
    }
  }

  /// Stops reading ahead, and lets it begin elsewhere.
  private func restart(_ step: (HDF5Source) throws -> Void) {
    guard let prefetcher, let source else { return }
    if let pending { prefetcher.recycle(pending) }
    pending = nil
    prefetcher.stop()
    failure = nil
    do {
      try step(source)
    } catch {
      failure = error
    }
  }
}
