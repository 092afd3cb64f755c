import Compute
import Datasets
import Prototxt

/// Puts images into the input of a net for use, as its recipe says.
final class ImageFeed {
  /// An image that is a file, the bytes of one, or planes of bytes.
  enum Source {
    case file(String)
    case encoded(UnsafeRawBufferPointer)
    case planes(UnsafePointer<UInt8>, ImageSize)
  }

  /// The size of what the net takes.
  let size: ImageSize
  /// The size to which all images are brought; `nil` leaves them.
  let resized: ImageSize?
  /// Whether ten pieces of each image are taken: corners and middle, as they are and turned.
  let isTenCrop: Bool

  private let input: Blob
  private let transform: ImageTransform
  private let loaders: [ImageLoader]
  /// For images that are smaller than the crop.
  private let enlargers: [ImageLoader]
  private let scratch: [Blob]
  private let workers: Workers

  /// How many places of the input an image takes.
  var pieces: Int { isTenCrop ? 10 : 1 }
  /// How many images the input takes.
  var capacity: Int { input.shape[0] / pieces }

  /// Makes a feed.
  ///
  /// - Throws: a diagnostic if recipe and net do not go together.
  init(
    _ recipe: ImageRecipe, into input: Blob, isTenCrop: Bool, workers: Workers, path: String
  ) throws(Diagnostic) {
    guard input.shape.axes == 4, [1, 3].contains(input.shape[1]) else {
      throw .error(
        "its input '\(input.name)' is \(input.shape.display), but images have 1 or 3 channels, "
          + "rows and columns", path: path)
    }
    (self.input, self.isTenCrop, self.workers) = (input, isTenCrop, workers)
    size = ImageSize(
      channels: input.shape[1], height: input.shape[2], width: input.shape[3])
    var settings = recipe.transform
    resized = ImageFeed.target(recipe, size)
    if isTenCrop { settings.cropSize = 0 }
    transform = ImageTransform(
      settings, isTraining: false, random: RandomStream(seed: 0, purpose: "images"))
    let color: ImageColor = size.channels == 1 ? .gray : .color
    let (resized, size) = (resized, size)
    loaders = (0..<workers.count).map { _ in
      ImageLoader(color, height: resized?.height ?? 0, width: resized?.width ?? 0)
    }
    enlargers = (0..<workers.count).map { _ in
      ImageLoader(color, height: size.height, width: size.width)
    }
    scratch = (0..<workers.count).map { _ in Blob("image") }
    if let resized { try check(resized, settings, path) }
  }

  private static func target(_ recipe: ImageRecipe, _ size: ImageSize) -> ImageSize? {
    if recipe.height > 0, recipe.width > 0 {
      return ImageSize(channels: size.channels, height: recipe.height, width: recipe.width)
    }
    return recipe.transform.meanImage?.size ?? (recipe.crop == 0 ? size : nil)
  }

  private func check(
    _ resized: ImageSize, _ settings: TransformSettings, _ path: String
  ) throws(Diagnostic) {
    let output: ImageSize
    do throws(DatumFault) {
      output = try settings.outputSize(resized)
    } catch {
      throw .error(
        "an image does not fit the net's transform: \(error.message)", path: path,
        help: error.help)
    }
    if isTenCrop {
      guard output.height >= size.height, output.width >= size.width else {
        throw .error(
          "images of \(output) have no pieces of \(size.height)×\(size.width)", path: path,
          help: "give the size before the crop: --resize WIDTHxHEIGHT")
      }
    } else if output != size {
      throw .error(
        "images become \(output), but the input '\(input.name)' is \(size)", path: path,
        help: "give --resize WIDTHxHEIGHT or --crop SIDE, or make the net anew by netrun deploy")
    }
  }

  // MARK: Filling

  /// Puts images into the input, one after the other.
  ///
  /// - Returns: For each image what is wrong with it; `nil` if nothing is.
  func fill(_ sources: [Source]) -> [DatumFault?] {
    var faults = [DatumFault?](repeating: nil, count: sources.count)
    let values = input.values
    let count = size.channels * size.height * size.width * pieces
    faults.withUnsafeMutableBufferPointer { faults in
      workers.forEach(sources.count) { index, worker in
        do throws(DatumFault) {
          try fill(sources[index], worker, values + index * count)
        } catch {
          faults[index] = error
          (values + index * count).update(repeating: 0, count: count)
        }
      }
    }
    return faults
  }

  private func fill(
    _ source: Source, _ worker: Int, _ target: UnsafeMutablePointer<Float>
  ) throws(DatumFault) {
    var image = try load(source, loaders[worker])
    if resized == nil, image.size.height < size.height || image.size.width < size.width {
      image = try load(source, enlargers[worker])
    }
    guard image.size.channels == size.channels else {
      throw DatumFault("it has \(image.size.channels) channels, but the net takes \(size.channels)")
    }
    let output = try transform.settings.outputSize(image.size)
    guard isTenCrop else {
      guard output == size else {
        throw DatumFault("it becomes \(output), but the net takes \(size)")
      }
      transform.apply(image.pixels, image.size, to: target)
      return
    }
    guard output.height >= size.height, output.width >= size.width else {
      throw DatumFault("its \(output) have no pieces of \(size.height)×\(size.width)")
    }
    let whole = scratch[worker]
    whole.reshape([output.channels, output.height, output.width])
    transform.apply(image.pixels, image.size, to: whole.values)
    cut(whole, output, target)
  }

  private func load(
    _ source: Source, _ loader: ImageLoader
  ) throws(DatumFault) -> ImageLoader.Image {
    switch source {
    case .file(let path): try loader.load(path)
    case .encoded(let bytes): try loader.load(bytes: bytes)
    case .planes(let pixels, let size): loader.load(pixels: pixels, size)
    }
  }

  /// The corners and the middle, then the same turned left to right.
  private func cut(_ whole: Blob, _ from: ImageSize, _ target: UnsafeMutablePointer<Float>) {
    let (bottom, right) = (from.height - size.height, from.width - size.width)
    let places = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom / 2, right / 2)]
    let source = whole.reading
    var place = target
    for isTurned in [false, true] {
      for (top, left) in places {
        for channel in 0..<size.channels {
          for row in 0..<size.height {
            let line = source + (channel * from.height + top + row) * from.width + left
            for column in 0..<size.width {
              place[column] = line[isTurned ? size.width - 1 - column : column]
            }
            place += size.width
          }
        }
      }
    }
  }
}
