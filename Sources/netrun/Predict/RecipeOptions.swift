import ArgumentParser
import Prototxt
import Schema

/// Changes to how images become a net's input.
struct RecipeOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The size that images are brought to first.", valueName: "WxH"))
  var resize: String?

  @Option(help: "The side of the square that is cut from the middle; 0 for none.")
  var crop: Int?

  @Option(
    help: ArgumentHelp(
      "What is taken off: a number, one for each channel (blue, green, red), or a mean image's file.",
      valueName: "values"))
  var mean: String?

  @Option(help: "What values are multiplied by, after the mean is taken off.")
  var scale: Float?

  mutating func validate() throws {
    if let resize, ConvertImagesCommand.size(resize) == nil {
      throw ValidationError("--resize must be WIDTHxHEIGHT, such as 256x256.")
    }
    if let crop, crop < 0 || crop > 1 << 16 {
      throw ValidationError("--crop must be from 0 to \(1 << 16).")
    }
  }

  /// Whether means or scale are given.
  var isGiven: Bool { mean != nil || scale != nil }

  /// The recipe of an input with the changes; `nil` if there are none.
  func recipe(_ input: Message, folder: String?) throws -> ImageRecipe? {
    guard resize != nil || crop != nil || isGiven else { return nil }
    var layer = input
    var transform = layer.message("transform_param")
    if let crop { transform.set("crop_size", int: crop) }
    if let scale { transform.set("scale", float: scale) }
    if let mean {
      transform.clear("mean_file")
      transform.clear("mean_value")
      let values = mean.split(separator: ",").map { Float($0) }
      let known = values.compactMap { $0 }
      if known.count == values.count, !known.isEmpty {
        transform.set("mean_value", floats: known)
      } else {
        transform.set("mean_file", string: mean)
      }
    }
    layer.set("transform_param", message: transform)
    if let (width, height) = resize.flatMap(ConvertImagesCommand.size) {
      var image = layer.message("image_data_param")
      image.set("new_height", int: height)
      image.set("new_width", int: width)
      layer.set("image_data_param", message: image)
    }
    return try ImageRecipe(layer, folder: folder)
  }
}
