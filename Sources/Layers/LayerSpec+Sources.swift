import Compute
import Datasets
import Prototxt
import Schema

/// What the layers that read records have in common.
extension LayerSpec {
  /// How messages name the layer.
  var owner: String { "layer '\(name)' (\(type))" }

  /// What `transform_param` says.
  func transformSettings(_ context: LayerContext) throws -> TransformSettings {
    try TransformSettings(
      parameters("transform_param"), owner: owner, files: context.files.candidates,
      opensFiles: context.opensSources)
  }

  /// The path to open: the first that there is of those that `source` may mean; as it is written if
  /// nothing is opened.
  ///
  /// - Parameters:
  ///   - parameters: The message with the field `source`.
  ///   - what: What it is, such as `the folder of an LMDB`.
  ///   - context: Where to look.
  ///   - missing: What to say if none of the paths is there.
  /// - Returns: The path.
  /// - Throws: a diagnostic at the field.
  func sourcePath(
    _ parameters: Message, what: String, _ context: LayerContext,
    missing: ([String]) -> Diagnostic
  ) throws -> String {
    let given = parameters.string("source")
    guard !given.isEmpty else {
      throw error(
        "source is missing", at: parameters.location("source"), help: "add source: \"…\", \(what)")
    }
    guard context.opensSources else { return given }
    let candidates = context.files.candidates(given)
    guard let path = context.files.existing(given) else {
      var problem = missing(candidates)
      problem.message = "\(owner): source '\(given)': \(problem.message)"
      problem.location = parameters.location("source")
      problem.path = nil
      throw problem
    }
    if path != candidates.first { context.remark("\(owner): source '\(given)' is '\(path)'") }
    return path
  }

  /// Names fields that are given but have no effect, as in Caffe.
  func remarkUnused(
    _ parameters: Message, plain: [String], transforms: [String], in field: String,
    _ context: LayerContext
  ) {
    for name in plain where parameters.has(name) {
      context.remark("\(owner): \(name) has no effect, as in Caffe 1.0")
    }
    for name in transforms where parameters.has(name) {
      context.remark(
        "\(owner): \(name) in \(field) has no effect, as in Caffe: it belongs into "
          + "transform_param")
    }
  }

  /// The shapes of tops whose data are not opened.
  ///
  /// - Parameters:
  ///   - size: The size of an image, if the parameters tell it.
  ///   - batchSize: Images per batch.
  ///   - context: What was assumed elsewhere.
  /// - Returns: A shape for each top.
  /// - Throws: a diagnostic if it cannot be known.
  func assumedShapes(
    _ size: ImageSize?, _ batchSize: Int, _ context: LayerContext
  ) throws -> [Shape] {
    let known = size.flatMap { Shape.checked([batchSize, $0.channels, $0.height, $0.width]) }
    guard let first = tops.first.flatMap({ context.assumedShapes[$0] }) ?? known else {
      throw error(
        "its shape is that of its data, which are not opened", at: message.location("top"),
        help: "give it: --shape \(tops.first ?? "")=\(batchSize),CHANNELS,HEIGHT,WIDTH")
    }
    let labels = tops.dropFirst().map { context.assumedShapes[$0] ?? [first.leadingCount] }
    return [first] + labels
  }

  /// Adds the place of `source` to what was found in it.
  func located(_ error: any Error, _ parameters: Message) -> any Error {
    guard var diagnostic = error as? Diagnostic else { return error }
    if !diagnostic.message.hasPrefix(owner) {
      diagnostic.message = "\(owner): '\(diagnostic.path ?? "")' \(diagnostic.message)"
    }
    diagnostic.location = parameters.location("source")
    return diagnostic
  }
}

extension Diagnostic {
  /// What to say of a list that is at none of the paths that were tried.
  static func missingList(_ candidates: [String], what: String) -> Diagnostic {
    .error(
      "there is no such file",
      notes: candidates.count > 1 ? candidates.map { Note("tried '\($0)'") } : [],
      help: "\(what) is expected", kind: .missingInput)
  }
}

/// The lines of reference that layers with a transform share.
enum SourceReference {
  /// Of `data_param`, for the layers that take only one thing from it.
  static let prefetch = ParameterTable(
    "data_param",
    [
      "prefetch": "Batches that are read ahead.",
      "source": "Without effect here.", "batch_size": "Without effect here.",
      "backend": "Without effect here.", "rand_skip": "Without effect here.",
      "force_encoded_color": "Without effect here.", "scale": "Without effect here.",
      "mean_file": "Without effect here.", "crop_size": "Without effect here.",
      "mirror": "Without effect here.", "shuffle": "Without effect here.",
    ])
  static let transform = ParameterTable(
    "transform_param",
    [
      "scale": "What values are multiplied by, after the mean is taken off.",
      "mirror": "Turns one half of the images, drawn at random, left to right.",
      "crop_size": "Cuts squares: anywhere at TRAIN, from the middle at TEST; 0 does not cut.",
      "mean_file":
        "A mean image (.binaryproto or .npy) of the size of the whole images; not with mean_value.",
      "mean_value": "What is taken off: one value, or one for each channel.",
      "force_color": "Encoded images get three channels.",
      "force_gray": "Encoded images get one channel.",
      "rotation": "At TRAIN: turns each image by up to so many degrees, either way.",
      "min_zoom": "At TRAIN: enlarges each image about its middle by a factor from this one on.",
      "max_zoom": "At TRAIN: enlarges each image about its middle by a factor up to this one.",
      "brightness": "At TRAIN: adds up to this part of 255, either way.",
      "contrast": "At TRAIN: spreads values about their mean by 1 ± up to this.",
      "saturation": "At TRAIN: spreads colours about their grey by 1 ± up to this.",
      "erase": "At TRAIN: how often a rectangle of the result is set to 0, the mean.",
      "max_erase_area": "The largest part of the image that erase takes.",
    ])
}
