import Compute
import Datasets
import Prototxt
import Schema

/// Brings windows of images into the net, drawn at random: the training data of R-CNN.
///
///     top[0] = (window − mean) · scale, brought to a square of crop_size
///     top[1] = class, 0 for background
///
/// Batches are made on a thread of their own, some ahead.
final class WindowData: FedLayer {
  static let reference = LayerReference(
    "WindowData", .data,
    summary: "Brings windows of images into the net, drawn at random: the training data of R-CNN.",
    formula: "top[0] = (window − mean) · scale, brought to a square; top[1] = class",
    shapes: "top[0]: batch_size × 3 × crop_size × crop_size; top[1]: batch_size",
    notes:
      "The file lists, for each image: a line '# number', its path, three lines with channels, "
      + "rows and columns, the number of windows, and for each window a line of class, overlap and "
      + "the corners x1 y1 x2 y2. A batch begins with background. As in Caffe, crop_size, mirror "
      + "and the mean are read from transform_param, but scale from window_data_param; of a mean "
      + "image the middle is taken; what lies outside of an image is 0.",
    arity: Arity(0...0, 1...2),
    parameters: [
      ParameterTable(
        "window_data_param",
        [
          "source": "The list of images and windows: a text file.",
          "batch_size": "Windows per batch; must be given.",
          "root_folder": "Put in front of each path as it is, so it should end in a slash.",
          "fg_threshold": "From which overlap on a window shows an object.",
          "bg_threshold": "Below which overlap a window shows background.",
          "fg_fraction": "The share of a batch that shows objects.",
          "context_pad": "Pixels of surroundings on each side of the crop.",
          "crop_mode": "warp brings windows to a square by force; square takes more around them.",
          "scale": "What values are multiplied by, after the mean is taken off.",
          "cache_images": "Without effect: the system keeps files that are read often.",
          "mean_file": "Without effect here, as in Caffe; see transform_param.",
          "crop_size": "Without effect here, as in Caffe; see transform_param.",
          "mirror": "Without effect here, as in Caffe; see transform_param.",
        ]),
      ParameterTable(
        "transform_param",
        [
          "crop_size": "The side of the square; must be given.",
          "mirror": "Turns one half of the windows, drawn at random, left to right.",
          "mean_file": "A mean image, at least as large as the crop; not with mean_value.",
          "mean_value": "What is taken off: one value, or one for each channel.",
          "scale": "Without effect here, as in Caffe; see window_data_param.",
          "force_color": "Without effect: images have three channels.",
          "force_gray": "Without effect: images have three channels.",
          "rotation": "Without effect here.",
          "min_zoom": "Without effect here.",
          "max_zoom": "Without effect here.",
          "brightness": "Without effect here.",
          "contrast": "Without effect here.",
          "saturation": "Without effect here.",
          "erase": "Without effect here.",
          "max_erase_area": "Without effect here.",
        ]),
      SourceReference.prefetch,
    ])
  static let samples = [
    LayerSample(
      "window_data_param { source: 'Tests/DatasetsTests/Windows/windows.txt' batch_size: 4 "
        + "root_folder: 'Tests/Goldens/data/img/' context_pad: 2 fg_fraction: 0.5 } "
        + "transform_param { crop_size: 8 mirror: true mean_value: 100 }",
      bottoms: [], tops: 2, hasGradient: false)
  ]

  let spec: LayerSpec
  let batchSize: Int
  let feed: BatchFeed?
  let assumedShapes: [Shape]

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    let parameters = spec.parameters("window_data_param")
    var problems = Diagnostics()
    let batchSize = try problems.keeping { try spec.positive(parameters, "batch_size") } ?? 1
    self.batchSize = batchSize
    let transform = try problems.keeping { try spec.transformSettings(context) }
    let settings = try problems.keeping { try WindowData.settings(spec, parameters, transform) }
    let path = try problems.keeping {
      try spec.sourcePath(
        parameters, what: "a list of images and windows", context
      ) { .missingList($0, what: "a list of images and windows") }
    }
    guard let settings, let path, !problems.hasErrors else { throw problems }
    WindowData.remarkUnused(spec, parameters, context)
    let size = ImageSize(channels: 3, height: settings.crop, width: settings.crop)
    // As for other sources, the batches read ahead take a quarter of the memory at most.
    let most = Memory.physicalBytes / 4 / MemoryLayout<Float>.stride
    guard let top = Shape.checked([batchSize, 3, settings.crop, settings.crop]), top.count <= most
    else {
      throw spec.error("a batch of \(batchSize) windows of \(size) does not fit into memory")
    }
    assumedShapes = Array([top, [batchSize]].prefix(spec.tops.count))
    guard context.opensSources else {
      feed = nil
      return
    }
    let listFolder = FileResolver.folder(of: path)
    let files = context.files
    let source = try WindowSource(
      WindowList(path: path), settings, batchSize: batchSize,
      random: context.random(spec, "windows"), owner: spec.owner
    ) { name in
      name.hasPrefix("/") ? [name] : files.candidates(name) + ["\(listFolder)/\(name)"]
    }
    feed = BatchFeed(
      source,
      depth: max(1, min(spec.parameters("data_param").int("prefetch"), most / max(1, top.count))),
      shapes: assumedShapes, remark: context.remark)
  }

  private static func settings(
    _ spec: LayerSpec, _ parameters: Message, _ transform: TransformSettings?
  ) throws -> WindowSource.Settings {
    var settings = WindowSource.Settings()
    settings.root = parameters.string("root_folder")
    settings.padding = parameters.int("context_pad")
    settings.foreground = parameters.float("fg_threshold")
    settings.background = parameters.float("bg_threshold")
    settings.foregroundShare = parameters.float("fg_fraction")
    settings.scale = parameters.float("scale")
    let mode = parameters.string("crop_mode")
    settings.isSquare = mode == "square"
    guard ["warp", "square"].contains(mode) else {
      throw spec.error(
        "unknown crop_mode '\(mode)'", at: parameters.location("crop_mode"),
        label: closestMatch(to: mode, in: ["warp", "square"]).map { "did you mean '\($0)'?" },
        help: "it is 'warp' or 'square'")
    }
    guard (0...1).contains(settings.foregroundShare) else {
      throw spec.error(
        "fg_fraction is \(settings.foregroundShare), but must be from 0 to 1",
        at: parameters.location("fg_fraction"))
    }
    let given = spec.parameters("transform_param")
    settings.crop = try spec.positive(given, "crop_size")
    guard settings.crop <= 1 << 14, 2 * settings.padding < settings.crop else {
      throw spec.error(
        "context_pad \(settings.padding) on both sides leaves nothing of crop_size "
          + "\(settings.crop)", at: parameters.location("context_pad"))
    }
    guard let transform else { return settings }
    settings.mirrors = transform.mirrors
    settings.meanValues = transform.meanValues
    settings.meanImage = transform.meanImage
    try check(settings, spec, given)
    return settings
  }

  private static func check(
    _ settings: WindowSource.Settings, _ spec: LayerSpec, _ given: Message
  ) throws {
    guard [0, 1, 3].contains(settings.meanValues.count) else {
      throw spec.error(
        "mean_value is given \(settings.meanValues.count) times",
        at: given.location("mean_value"), help: "give it once, or once for each of 3 channels")
    }
    if let mean = settings.meanImage,
      mean.size.channels != 3 || min(mean.size.height, mean.size.width) < settings.crop
    {
      throw spec.error(
        "the mean image '\(mean.path)' has \(mean.size), but 3 channels and at least "
          + "\(settings.crop) rows and columns are needed", at: given.location("mean_file"))
    }
  }

  private static func remarkUnused(
    _ spec: LayerSpec, _ parameters: Message, _ context: LayerContext
  ) {
    spec.remarkUnused(
      parameters, plain: [], transforms: ["mean_file", "crop_size", "mirror"],
      in: "window_data_param", context)
    let given = spec.parameters("transform_param")
    if given.has("scale") {
      context.remark(
        "\(spec.owner): scale in transform_param has no effect, as in Caffe: it belongs into "
          + "window_data_param")
    }
    for name in ["force_color", "force_gray"] where given.has(name) {
      context.remark("\(spec.owner): \(name) has no effect: images have three channels")
    }
    let changes = [
      "rotation", "min_zoom", "max_zoom", "brightness", "contrast", "saturation", "erase",
    ]
    for name in changes where given.has(name) {
      context.remark("\(spec.owner): \(name) has no effect: windows are not changed at random")
    }
    if parameters.bool("cache_images") {
      context.remark(
        "\(spec.owner): cache_images has no effect: the system keeps files that are read often")
    }
  }
}
