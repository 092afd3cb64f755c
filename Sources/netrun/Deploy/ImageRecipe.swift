import Compute
import Datasets
import Layers
import Prototxt
import Schema

/// How an image becomes what a net takes: as its data layer says, or as the `Input` layer of a net
/// for use has recorded it.
///
/// The record is `transform_param` and `image_data_param` in the `Input` layer, in which Caffe looks
/// at neither: the net stays one of Caffe's.
struct ImageRecipe {
  /// Means, scale and crop.
  var transform = TransformSettings()
  /// The rows that images are resized to; 0 leaves them.
  var height = 0
  /// The columns that images are resized to; 0 leaves them.
  var width = 0
  /// How many channels images get; 0 if only the net's shape tells.
  var channels = 0
  /// Whether the net said anything at all.
  var isKnown = false

  init() {}

  /// Reads what a layer says: one of data, or an `Input` with a record.
  ///
  /// - Throws: all that is wrong with it.
  init(_ layer: Message, folder: String?) throws(Diagnostics) {
    let owner = "layer '\(layer.string("name"))' (\(layer.string("type")))"
    transform = try TransformSettings(
      layer.message("transform_param"), owner: owner,
      files: FileResolver(folder: folder).candidates)
    transform.mirrors = false
    let image = layer.message("image_data_param")
    height = image.int("new_height")
    width = image.int("new_width")
    if let large = ["new_height", "new_width"].first(where: { image.int($0) > 16384 }) {
      throw Diagnostics(
        .error(
          "\(owner): \(large) is \(image.int(large)), but images are resized to 16384 at most",
          at: image.location(large)))
    }
    if image.has("is_color") || layer.string("type") == "ImageData" {
      channels = image.bool("is_color") ? 3 : 1
    }
    isKnown = layer.has("transform_param") || layer.has("image_data_param")
  }

  /// The side of the square that is cut out; 0 for none.
  var crop: Int { transform.cropSize }

  /// The recipe in words.
  func text(_ channels: Int, isTenCrop: Bool = false) -> String {
    var parts: [String] = []
    if height > 0, width > 0 { parts.append("resized to \(height)×\(width)") }
    parts.append(channels == 1 ? "grey" : "blue, green, red")
    if let mean = transform.meanImage { parts.append("less the mean image \(mean.path)") }
    if !transform.meanValues.isEmpty {
      parts.append(
        "less " + transform.meanValues.map(Numbers.general).joined(separator: ", "))
    }
    if transform.scale != 1 { parts.append("times \(Numbers.general(transform.scale))") }
    if isTenCrop {
      parts.append("corners and middle, as they are and turned")
    } else if crop > 0 {
      parts.append("the middle \(crop)×\(crop)")
    }
    return parts.joined(separator: "; ")
  }

  // MARK: Recording

  /// Copies what a layer of data does to images to an `Input` layer, except for what only training
  /// does.
  static func record(_ source: Message, in input: inout Message) {
    let type = source.string("type")
    guard ["Data", "ImageData", "MemoryData", "WindowData"].contains(type) else { return }
    if source.has("transform_param") {
      var transform = source.message("transform_param")
      transform.clear("mirror")
      if !transform.setFields.isEmpty { input.set("transform_param", message: transform) }
    }
    guard type == "ImageData" else { return }
    let given = source.message("image_data_param")
    var image = Message("ImageDataParameter")
    for field in ["new_height", "new_width", "is_color"] where given.has(field) {
      image.set(field, given.value(field) ?? .bool(true))
    }
    if !image.setFields.isEmpty { input.set("image_data_param", message: image) }
  }

  /// Adds the size that the images of a database have, and whether they are grey.
  static func record(_ size: ImageSize, in input: inout Message) {
    var image = input.message("image_data_param")
    if !image.has("new_height") {
      image.set("new_height", int: size.height)
      image.set("new_width", int: size.width)
    }
    if !image.has("is_color") { image.set("is_color", bool: size.channels == 3) }
    input.set("image_data_param", message: image)
  }

  /// The size of the images of a database if it is the same for the first of them.
  static func size(ofDatabase path: String) -> ImageSize? {
    guard let reader = try? LMDBReader(path: path) else { return nil }
    let decoder = ImageDecoder()
    var found: ImageSize?
    for _ in 0..<32 {
      guard let record = (try? reader.next()).flatMap({ $0 }), let datum = try? Datum(record.value)
      else { break }
      var size = ImageSize(channels: datum.channels, height: datum.height, width: datum.width)
      if datum.isEncoded {
        guard (try? decoder.decode(datum.data, .unchanged)) != nil else { return nil }
        size = ImageSize(
          channels: decoder.channels, height: decoder.height, width: decoder.width)
      }
      guard size.height > 0, size.width > 0, found == nil || found == size else { return nil }
      found = size
    }
    return found
  }
}
