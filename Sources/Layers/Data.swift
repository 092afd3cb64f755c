import Compute
import Datasets
import Glibc
import Prototxt
import Schema

/// Brings records of an LMDB into the net, batch by batch, in the order of their keys.
///
///     top[0] = (image − mean) · scale, cropped and mirrored
///     top[1] = label
///
/// Records are read, decoded and transformed on a thread of their own, `prefetch` batches ahead.
final class Data: SourceLayer {
  static let reference = LayerReference(
    "Data", .data,
    summary: "Brings records of an LMDB into the net, in the order of their keys, round and round.",
    formula: "top[0] = (image − mean) · scale, cropped and mirrored; top[1] = label",
    shapes: "top[0]: batch_size × channels × height × width, the sizes those of the batch's first "
      + "record or of the crop; top[1]: batch_size",
    notes: "The data base goes on at its first record after its last, in the middle of a batch. "
      + "Encoded images (PNG, JPEG) come out as blue, green, red. mirror draws in both phases, as "
      + "in Caffe; a crop is drawn at TRAIN and the middle at TEST. A source that is not found "
      + "from the current folder is looked for beside the net's file and above it.",
    arity: Arity(0...0, 1...2),
    parameters: [
      ParameterTable(
        "data_param",
        [
          "source": "The LMDB: a folder.",
          "batch_size": "Records per batch; must be given.",
          "backend":
            "LMDB. LEVELDB, Caffe's default, cannot be read; an LMDB is read all the same.",
          "prefetch": "Batches that are read ahead.",
          "rand_skip": "Without effect, as in Caffe 1.0.",
          "force_encoded_color": "Without effect, as in Caffe 1.0; see transform_param.",
          "scale": "Without effect here, as in Caffe; see transform_param.",
          "mean_file": "Without effect here, as in Caffe; see transform_param.",
          "crop_size": "Without effect here, as in Caffe; see transform_param.",
          "mirror": "Without effect here, as in Caffe; see transform_param.",
        ]),
      ParameterTable(
        "transform_param",
        [
          "scale": "What values are multiplied by, after the mean is taken off.",
          "mirror": "Turns one half of the images, drawn at random, left to right.",
          "crop_size": "Cuts squares: anywhere at TRAIN, from the middle at TEST; 0 does not cut.",
          "mean_file": "A mean image of the size of the whole images; not with mean_value.",
          "mean_value": "What is taken off: one value, or one for each channel.",
          "force_color": "Encoded images get three channels.",
          "force_gray": "Encoded images get one channel.",
        ]),
    ])
  static let samples = [
    LayerSample(
      "data_param { source: 'Tests/Goldens/data/gray_lmdb' batch_size: 5 backend: LMDB }",
      bottoms: [], tops: 2, phase: .test, hasGradient: false),
    LayerSample(
      "data_param { source: 'Tests/Goldens/data/color_lmdb' batch_size: 3 backend: LMDB }"
        + " transform_param { crop_size: 4 mirror: true scale: 0.5 }",
      bottoms: [], tops: 1, hasGradient: false),
  ]

  let batchSize: Int
  let recordCount: Int?
  private let spec: LayerSpec
  private let source: DatumSource?
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
    let parameters = spec.parameters("data_param")
    var problems = Diagnostics()
    let batchSize = Data.collect(&problems) { try spec.positive(parameters, "batch_size") } ?? 1
    self.batchSize = batchSize
    let settings = Data.collect(&problems) { try Data.settings(spec, context) }
    let path = Data.collect(&problems) { try Data.path(spec, parameters, context) }
    guard let settings, let path, !problems.hasErrors else { throw problems }
    Data.remarkUnused(spec, parameters, context)
    guard context.opensSources else {
      source = nil
      prefetcher = nil
      recordCount = nil
      counters = []
      shapes = try Data.assumedShapes(spec, settings, batchSize, context)
      return
    }
    let transform = ImageTransform(
      settings, isTraining: spec.phase == .train, random: context.random(spec, "transform"))
    let owner = "layer '\(spec.name)' (\(spec.type))"
    do {
      let source = try DatumSource(
        path: path, batchSize: batchSize, transform: transform, owner: owner)
      let (size, isEncoded) = try source.look()
      if !isEncoded, settings.color != .unchanged {
        context.remark(
          "\(owner): force_color and force_gray have no effect: the images are not encoded")
      }
      self.source = source
      recordCount = source.count
      let depth = source.depth(max(1, parameters.int("prefetch")), for: size)
      prefetcher = Prefetcher(source, depth: depth, tops: spec.tops.count)
      let top: Shape = [batchSize, size.channels, size.height, size.width]
      shapes = Array([top, [batchSize]].prefix(spec.tops.count))
      counters = source.startCounters
    } catch {
      throw Data.located(error, spec, parameters)
    }
  }

  // MARK: Parameters

  /// Runs a step and keeps what goes wrong.
  private static func collect<Result>(
    _ problems: inout Diagnostics, _ step: () throws -> Result
  ) -> Result? {
    do {
      return try step()
    } catch let error as Diagnostic {
      problems.append(error)
    } catch let error as Diagnostics {
      problems.all += error.all
    } catch {
      problems.append(.error("\(error)"))
    }
    return nil
  }

  private static func settings(
    _ spec: LayerSpec, _ context: LayerContext
  ) throws -> TransformSettings {
    try TransformSettings(
      spec.parameters("transform_param"), owner: "layer '\(spec.name)' (\(spec.type))",
      files: context.files.candidates, opensFiles: context.opensSources)
  }

  /// The folder to open: the first that there is of those that `source` may mean.
  private static func path(
    _ spec: LayerSpec, _ parameters: Message, _ context: LayerContext
  ) throws -> String {
    let given = parameters.string("source")
    guard !given.isEmpty else {
      throw spec.error(
        "source is missing", at: parameters.location("source"),
        help: "add source: \"…\", the folder of an LMDB")
    }
    guard context.opensSources else { return given }
    let candidates = context.files.candidates(given)
    guard let path = candidates.first(where: { access($0, F_OK) == 0 }) else {
      var error = DatumSource.missing(candidates)
      error.message = "layer '\(spec.name)' (\(spec.type)): source '\(given)': \(error.message)"
      error.location = parameters.location("source")
      error.path = nil
      throw error
    }
    if path != candidates.first {
      context.remark("layer '\(spec.name)' (\(spec.type)): source '\(given)' is '\(path)'")
    }
    if parameters.enumName("backend") == "LEVELDB", DatumSource.isLMDB(path) {
      let how = parameters.has("backend") ? "is" : "is not given, which means"
      context.remark(
        "layer '\(spec.name)' (\(spec.type)): backend \(how) LEVELDB, but '\(path)' is an LMDB: "
          + "read as such")
    }
    return path
  }

  /// Names what is given but has no effect, as in Caffe.
  private static func remarkUnused(
    _ spec: LayerSpec, _ parameters: Message, _ context: LayerContext
  ) {
    let owner = "layer '\(spec.name)' (\(spec.type))"
    for field in ["rand_skip", "force_encoded_color"] where parameters.has(field) {
      context.remark("\(owner): \(field) has no effect, as in Caffe 1.0")
    }
    for field in ["scale", "mean_file", "crop_size", "mirror"] where parameters.has(field) {
      context.remark(
        "\(owner): \(field) in data_param has no effect, as in Caffe: it belongs into "
          + "transform_param")
    }
    if parameters.int("prefetch") == 0 {
      context.remark("\(owner): prefetch: 0 counts as 1")
    }
  }

  private static func assumedShapes(
    _ spec: LayerSpec, _ settings: TransformSettings, _ batchSize: Int, _ context: LayerContext
  ) throws -> [Shape] {
    var first = spec.tops.first.flatMap { context.assumedShapes[$0] }
    if first == nil, settings.cropSize > 0 {
      let means = settings.meanValues.count
      let isKnown = settings.color != .unchanged || means > 1
      let channels = settings.color == .gray ? 1 : means > 1 ? means : 3
      first = Shape.checked([batchSize, channels, settings.cropSize, settings.cropSize])
      if !isKnown {
        context.remark(
          "layer '\(spec.name)' (\(spec.type)): is taken to have 3 channels, since its data are "
            + "not opened")
      }
    }
    guard let first else {
      throw spec.error(
        "its shape is that of its data, which are not opened",
        at: spec.message.location("top"),
        help: "give the shape of '\(spec.tops.first ?? "")': \(batchSize)×channels×height×width")
    }
    let labels = spec.tops.dropFirst().map { context.assumedShapes[$0] ?? [first.leadingCount] }
    return [first] + labels
  }

  /// Adds the place of `source` to what was found in it.
  private static func located(
    _ error: any Error, _ spec: LayerSpec, _ parameters: Message
  ) -> any Error {
    guard var diagnostic = error as? Diagnostic else { return error }
    let owner = "layer '\(spec.name)' (\(spec.type))"
    if !diagnostic.message.hasPrefix(owner) {
      diagnostic.message = "\(owner): '\(diagnostic.path ?? "")' \(diagnostic.message)"
    }
    diagnostic.location = parameters.location("source")
    return diagnostic
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

  func recordName(sample: Int) -> String? { names.quoted(sample) }

  var waitedMilliseconds: Double { prefetcher?.waitedMilliseconds ?? 0 }

  func beginSinglePass() {
    restart { source in
      source.rewind(drawingFrom: counters)
      source.wraps = false
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
  private func restart(_ step: (DatumSource) throws -> Void) {
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
