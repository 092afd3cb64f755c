internal import Compute
internal import Glibc
public import Prototxt
public import Schema

/// What `transform_param` says: how images become the numbers that a net takes.
///
/// A value becomes `(value − mean) · scale`; images may be cropped and mirrored.
public struct TransformSettings: Sendable {
  /// What values are multiplied by.
  public var scale: Float = 1
  /// Whether one half of the images is turned left to right.
  public var mirrors = false
  /// The side of the square that is cut out; 0 for the whole image.
  public var cropSize = 0
  /// What is subtracted: nothing, one value, or one per channel.
  public var meanValues: [Float] = []
  /// What is subtracted pixel by pixel.
  public var meanImage: MeanImage?
  /// How many channels encoded images get.
  public var color = ImageColor.unchanged
  /// What is changed at random in training.
  public var augmentation = Augmentation()

  /// The image as it is.
  public init() {}

  /// Reads a `TransformationParameter`.
  ///
  /// - Parameters:
  ///   - message: The `TransformationParameter`.
  ///   - owner: What messages begin with, such as `layer 'data' (Data)`.
  ///   - files: The paths to try for a path.
  ///   - opensFiles: Whether the mean file is read.
  /// - Throws: all that is wrong with it.
  public init(
    _ message: Message, owner: String, files: (String) -> [String], opensFiles: Bool = true
  ) throws(Diagnostics) {
    var problems = Diagnostics()
    scale = message.float("scale")
    mirrors = message.bool("mirror")
    cropSize = message.int("crop_size")
    meanValues = message.floats("mean_value")
    if message.bool("force_color"), message.bool("force_gray") {
      problems.append(
        .error(
          "\(owner): force_color and force_gray exclude each other",
          at: message.location("force_gray"),
          notes: [Note("force_color is here", at: message.location("force_color"))]))
    }
    color = message.bool("force_color") ? .color : message.bool("force_gray") ? .gray : .unchanged
    if message.has("mean_file"), !meanValues.isEmpty {
      problems.append(
        .error(
          "\(owner): mean_file and mean_value exclude each other",
          at: message.location("mean_value"),
          notes: [Note("mean_file is here", at: message.location("mean_file"))]))
    } else if message.has("mean_file"), opensFiles {
      meanImage = problems.collecting { () throws(Diagnostic) in
        try MeanImage(message, owner: owner, files: files)
      }
    }
    augmentation =
      problems.collecting(all: { () throws(Diagnostics) in
        try Augmentation(message, owner: owner)
      }) ?? Augmentation()
    try problems.throwIfErrors()
  }

  /// The size of the result for an image of a size.
  ///
  /// - Throws: a `DatumFault` if the image is smaller than the crop, or mean and image differ.
  public func outputSize(_ size: ImageSize) throws(DatumFault) -> ImageSize {
    guard cropSize <= size.height && cropSize <= size.width else {
      throw DatumFault(
        "its size of \(size) is smaller than crop_size \(cropSize)",
        help: "make crop_size smaller, or the images larger")
    }
    guard meanValues.count <= 1 || meanValues.count == size.channels else {
      throw DatumFault(
        "it has \(size.channels) channels, but mean_value is given \(meanValues.count) times",
        help: "give mean_value once, or once for each channel")
    }
    if let meanImage, meanImage.size != size {
      throw DatumFault(
        "its size is \(size), but the mean image '\(meanImage.path)' has \(meanImage.size)",
        help: "the mean must have the size of the whole images, before they are cropped")
    }
    return cropSize > 0
      ? ImageSize(channels: size.channels, height: cropSize, width: cropSize) : size
  }
}

/// The size of an image.
public struct ImageSize: Sendable, Equatable, CustomStringConvertible {
  /// The number of channels.
  public var channels: Int
  /// The number of rows.
  public var height: Int
  /// The number of columns.
  public var width: Int

  /// Makes a size.
  public init(channels: Int, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// How many numbers an image has.
  public var count: Int { channels * height * width }

  /// How it is told: channels×height×width.
  public var description: String { "\(channels)×\(height)×\(width)" }
}

/// The image that `mean_file` names.
public final class MeanImage: Sendable {
  /// The file it was read from.
  public let path: String
  /// Its size.
  public let size: ImageSize
  private let blob: Blob

  /// The values, channel by channel.
  public var values: UnsafePointer<Float> { UnsafePointer(blob.values) }

  fileprivate init(
    _ message: Message, owner: String, files: (String) -> [String]
  ) throws(Diagnostic) {
    let given = message.string("mean_file")
    let candidates = files(given)
    do throws(Diagnostic) {
      path = candidates.first { access($0, F_OK) == 0 } ?? given
      let shape: [Int]
      if let array = try MeanImage.numPyArray(path) {
        shape = array.shape
        blob = Blob("mean", shape: [array.values.count])
        blob.assign(array.values)
      } else {
        let file = try BlobFile(path: path)
        shape = Array(file.blob.shape)
        blob = Blob("mean", shape: [shape.reduce(1, *)])
        file.blob.copy(into: blob.values)
      }
      let sizes = Array(repeating: 1, count: max(0, 3 - shape.count)) + shape.suffix(3)
      guard shape.dropLast(3).allSatisfy({ $0 == 1 }) else {
        throw .error("has the shape \(shape), but a single image is expected", path: path)
      }
      size = ImageSize(channels: sizes[0], height: sizes[1], width: sizes[2])
    } catch {
      let tried = candidates.count > 1 && error.kind == .missingInput ? candidates : []
      throw .error(
        "\(owner): mean_file '\(error.path ?? given)' \(error.message)",
        at: message.location("mean_file"),
        notes: tried.map { Note("tried '\($0)'") }, help: error.help ?? similarName(to: given),
        kind: error.kind)
    }
  }

  /// What a .npy file holds, as Python programs keep means of Caffe's; `nil` of any other file.
  private static func numPyArray(_ path: String) throws(Diagnostic) -> NumPyArray? {
    let file = FileBytes()
    // What cannot be read at all is told by the reader of Caffe's files.
    guard let bytes = try? file.read(path), NumPyArray.begins(bytes) else { return nil }
    do throws(DatumFault) { return try NumPyArray(bytes) } catch {
      throw .error(error.message, path: path, help: error.help)
    }
  }
}
