import Compute
import Datasets
import Prototxt
import Schema

/// Brings the images that a list names into the net, batch by batch.
///
///     top[0] = (image − mean) · scale, cropped and mirrored
///     top[1] = label
///
/// Files are read, decoded, resized and transformed on a thread of their own, batches ahead.
final class ImageData: FedLayer {
  static let reference = LayerReference(
    "ImageData", .data,
    summary: "Brings the images that a list names into the net, in the order of the list.",
    formula: "top[0] = (image − mean) · scale, cropped and mirrored; top[1] = label",
    shapes: "top[0]: batch_size × channels × height × width, the sizes new_height and new_width, "
      + "those of the crop, or those of the batch's first image; top[1]: batch_size",
    notes: "Each line of the list is a path, a space and a label, a whole number; the last space "
      + "counts. Images are PNG or JPEG and come out as blue, green, red, or gray. They are made "
      + "larger or smaller as OpenCV does: bilinear, without antialiasing. A file that cannot be "
      + "read, or a label that is no number, ends the run, with the line of the list. Paths are "
      + "taken from the current folder, then from the net's and those above it, then from that of "
      + "the list.",
    arity: Arity(0...0, 1...2),
    parameters: [
      ParameterTable(
        "image_data_param",
        [
          "source": "The list: a text file.",
          "batch_size": "Images per batch.",
          "root_folder": "Put in front of each path as it is, so it should end in a slash.",
          "new_height": "The rows of all images; only with new_width; 0 leaves them.",
          "new_width": "The columns of all images; only with new_height; 0 leaves them.",
          "is_color": "Three channels; false makes one, gray.",
          "shuffle": "A new order, drawn at random, for each pass over the list.",
          "rand_skip": "Up to as many images less one, drawn at random, are left out at first.",
          "scale": "Without effect here, as in Caffe; see transform_param.",
          "mean_file": "Without effect here, as in Caffe; see transform_param.",
          "crop_size": "Without effect here, as in Caffe; see transform_param.",
          "mirror": "Without effect here, as in Caffe; see transform_param.",
        ]),
      SourceReference.prefetch,
      SourceReference.transform,
    ])
  static let samples = [
    LayerSample(
      "image_data_param { source: 'Tests/Goldens/data/smooth.txt' batch_size: 4 new_height: 6 "
        + "new_width: 7 shuffle: true }", bottoms: [], tops: 2, hasGradient: false),
    LayerSample(
      "image_data_param { source: 'Tests/Goldens/data/names.txt' batch_size: 3 is_color: false "
        + "root_folder: 'Tests/Goldens/data/img/' } transform_param { crop_size: 4 mirror: true }",
      bottoms: [], phase: .test, hasGradient: false),
  ]

  let spec: LayerSpec
  let batchSize: Int
  let feed: BatchFeed?
  let assumedShapes: [Shape]

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    let parameters = spec.parameters("image_data_param")
    var problems = Diagnostics()
    let batchSize = try problems.keeping { try ImageData.batchSize(spec, parameters) } ?? 1
    self.batchSize = batchSize
    let settings = try problems.keeping { try spec.transformSettings(context) }
    let loading = try problems.keeping {
      var loading = try ImageData.loading(spec, parameters)
      if context.shuffles { loading.shuffles = true }
      return loading
    }
    let path = try problems.keeping {
      let what = "a text file with a path and a label on each line"
      return try spec.sourcePath(parameters, what: what, context) {
        .missingList($0, what: what)
      }
    }
    guard let settings, let loading, let path, !problems.hasErrors else { throw problems }
    spec.remarkUnused(
      parameters, plain: [], transforms: ["scale", "mean_file", "crop_size", "mirror"],
      in: "image_data_param", context)
    guard context.opensSources else {
      feed = nil
      assumedShapes = try spec.assumedShapes(
        ImageData.assumedSize(settings, loading), batchSize, context)
      return
    }
    let list = try ImageList(path: path)
    try ImageData.check(loading, list, spec, parameters)
    let listFolder = FileResolver.folder(of: path)
    let files = context.files
    let source = ImageListSource(
      list, loading, batchSize: batchSize,
      transform: ImageTransform(
        settings, isTraining: spec.phase == .train, random: context.random(spec, "transform")),
      random: context.random(spec, "order"), owner: spec.owner
    ) { name in
      name.hasPrefix("/") ? [name] : files.candidates(name) + ["\(listFolder)/\(name)"]
    }
    if let (written, found) = source.foundElsewhere {
      context.remark("\(spec.owner): image '\(written)' is '\(found)'")
    }
    let size = try source.look()
    let top: Shape = [batchSize, size.channels, size.height, size.width]
    assumedShapes = Array([top, [batchSize]].prefix(spec.tops.count))
    let depth = max(1, spec.parameters("data_param").int("prefetch"))
    feed = BatchFeed(
      source, depth: source.depth(depth, for: size), shapes: assumedShapes,
      remark: context.remark)
  }

  private static func batchSize(_ spec: LayerSpec, _ parameters: Message) throws -> Int {
    let size = parameters.int("batch_size")
    try spec.checkSize(size, "batch_size", least: 1, at: parameters.location("batch_size"))
    return size
  }

  private static func loading(
    _ spec: LayerSpec, _ parameters: Message
  ) throws -> ImageListSource.Settings {
    var settings = ImageListSource.Settings()
    settings.root = parameters.string("root_folder")
    settings.height = parameters.int("new_height")
    settings.width = parameters.int("new_width")
    settings.color = parameters.bool("is_color") ? .color : .gray
    settings.shuffles = parameters.bool("shuffle")
    settings.skip = parameters.int("rand_skip")
    let given = settings.height > 0 ? "new_height" : "new_width"
    guard (settings.height > 0) == (settings.width > 0) else {
      throw spec.error(
        "\(given) is given alone, but new_height and new_width go together",
        at: parameters.location(given),
        help: "add \(given == "new_height" ? "new_width" : "new_height")")
    }
    for (field, value) in [("new_height", settings.height), ("new_width", settings.width)] {
      guard value <= 1 << 16 else {
        throw spec.error(
          "\(field) is \(value), but images have at most \(1 << 16) rows and columns",
          at: parameters.location(field))
      }
    }
    return settings
  }

  private static func check(
    _ loading: ImageListSource.Settings, _ list: ImageList, _ spec: LayerSpec,
    _ parameters: Message
  ) throws {
    guard loading.skip <= list.count else {
      throw spec.error(
        "rand_skip is \(loading.skip), but '\(list.path)' names only \(list.count) images",
        at: parameters.location("rand_skip"))
    }
  }

  private static func assumedSize(
    _ settings: TransformSettings, _ loading: ImageListSource.Settings
  ) -> ImageSize? {
    let crop = settings.cropSize
    let height = crop > 0 ? crop : loading.height
    let width = crop > 0 ? crop : loading.width
    guard height > 0, width > 0 else { return nil }
    return ImageSize(channels: loading.color == .gray ? 1 : 3, height: height, width: width)
  }
}
