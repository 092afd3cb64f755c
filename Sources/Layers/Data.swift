import Compute
import Datasets
import Prototxt
import Schema

/// Brings records of an LMDB into the net, batch by batch, in the order of their keys or shuffled.
///
///     top[0] = (image − mean) · scale, cropped and mirrored
///     top[1] = label
///
/// Records are read, decoded and transformed on a thread of their own, `prefetch` batches ahead.
final class Data: FedLayer {
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
          "shuffle": "A new order of the records, drawn at random, for each pass; "
            + "train --shuffle asks for it, too. Caffe lacks it.",
          "rand_skip": "Without effect, as in Caffe 1.0.",
          "force_encoded_color": "Without effect, as in Caffe 1.0; see transform_param.",
          "scale": "Without effect here, as in Caffe; see transform_param.",
          "mean_file": "Without effect here, as in Caffe; see transform_param.",
          "crop_size": "Without effect here, as in Caffe; see transform_param.",
          "mirror": "Without effect here, as in Caffe; see transform_param.",
        ]),
      SourceReference.transform,
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

  let spec: LayerSpec
  let batchSize: Int
  let feed: BatchFeed?
  let assumedShapes: [Shape]

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    let parameters = spec.parameters("data_param")
    var problems = Diagnostics()
    let batchSize = try problems.keeping { try spec.positive(parameters, "batch_size") } ?? 1
    self.batchSize = batchSize
    let settings = try problems.keeping { try spec.transformSettings(context) }
    let path = try problems.keeping { try Data.path(spec, parameters, context) }
    guard let settings, let path, !problems.hasErrors else { throw problems }
    Data.remarkUnused(spec, parameters, context)
    guard context.opensSources else {
      feed = nil
      assumedShapes = try spec.assumedShapes(
        Data.assumedSize(spec, settings, context), batchSize, context)
      return
    }
    let transform = ImageTransform(
      settings, isTraining: spec.phase == .train, random: context.random(spec, "transform"))
    do {
      let shuffles = parameters.bool("shuffle") || context.shuffles
      let source = try DatumSource(
        path: path, batchSize: batchSize, transform: transform,
        order: shuffles ? context.random(spec, "order") : nil, owner: spec.owner)
      let (size, isEncoded) = try source.look()
      if !isEncoded, settings.color != .unchanged {
        context.remark(
          "\(spec.owner): force_color and force_gray have no effect: the images are not encoded")
      }
      let top: Shape = [batchSize, size.channels, size.height, size.width]
      assumedShapes = Array([top, [batchSize]].prefix(spec.tops.count))
      feed = BatchFeed(
        source, depth: source.depth(max(1, parameters.int("prefetch")), for: size),
        shapes: assumedShapes, remark: context.remark)
    } catch {
      throw spec.located(error, parameters)
    }
  }

  // MARK: Parameters

  private static func path(
    _ spec: LayerSpec, _ parameters: Message, _ context: LayerContext
  ) throws -> String {
    let path = try spec.sourcePath(
      parameters, what: "the folder of an LMDB", context, missing: DatumSource.missing)
    if parameters.enumName("backend") == "LEVELDB", DatumSource.isLMDB(path) {
      let how = parameters.has("backend") ? "is" : "is not given, which means"
      context.remark(
        "\(spec.owner): backend \(how) LEVELDB, but '\(path)' is an LMDB: read as such")
    }
    return path
  }

  private static func remarkUnused(
    _ spec: LayerSpec, _ parameters: Message, _ context: LayerContext
  ) {
    spec.remarkUnused(
      parameters, plain: ["rand_skip", "force_encoded_color"],
      transforms: ["scale", "mean_file", "crop_size", "mirror"], in: "data_param", context)
    if parameters.int("prefetch") == 0 {
      context.remark("\(spec.owner): prefetch: 0 counts as 1")
    }
  }

  /// The size of a crop, of as many channels as the parameters hint at.
  private static func assumedSize(
    _ spec: LayerSpec, _ settings: TransformSettings, _ context: LayerContext
  ) -> ImageSize? {
    let isGiven = spec.tops.first.flatMap { context.assumedShapes[$0] } != nil
    guard settings.cropSize > 0, !isGiven else { return nil }
    let means = settings.meanValues.count
    let channels = settings.color == .gray ? 1 : means > 1 ? means : 3
    if settings.color == .unchanged, means <= 1 {
      context.remark(
        "\(spec.owner): is taken to have 3 channels, since its data are not opened")
    }
    return ImageSize(channels: channels, height: settings.cropSize, width: settings.cropSize)
  }
}
