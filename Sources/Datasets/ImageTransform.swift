internal import CKernels
public import Compute

/// Turns images into the numbers that a net takes, as `transform_param` says.
///
/// Draws for each image, as Caffe does, first the mirroring, then the crop's row, then its column;
/// at TEST the crop is the middle and only the mirroring is drawn. What an `Augmentation` changes is drawn
/// behind these.
public final class ImageTransform {
  /// What is done.
  public let settings: TransformSettings
  /// Whether crops are taken at random.
  public let isTraining: Bool
  /// Where the draws come from.
  public var random: RandomStream
  private let means: Blob
  /// What changes images, if anything does.
  private let augmenter: Augmenter?

  /// Makes a transform.
  public init(_ settings: TransformSettings, isTraining: Bool, random: RandomStream) {
    self.settings = settings
    self.isTraining = isTraining
    self.random = random
    means = Blob("mean values", shape: [settings.meanValues.count])
    means.assign(settings.meanValues)
    let isAugmented = isTraining && settings.augmentation != Augmentation()
    augmenter = isAugmented ? Augmenter(settings.augmentation) : nil
  }

  /// Transforms an image of bytes; `outputSize` must have taken its size.
  public func apply(
    _ pixels: UnsafePointer<UInt8>, _ size: ImageSize, to target: UnsafeMutablePointer<Float>
  ) {
    var kernel = kernel(size)
    guard let augmenter else { return nk_transform_bytes(target, pixels, &kernel) }
    if settings.augmentation.keepsPixels {
      nk_transform_bytes(target, pixels, &kernel)
    } else {
      nk_transform_floats(target, augmenter.change(pixels, size, &random), &kernel)
    }
    augmenter.erase(target, cropped(size), &random)
  }

  /// Transforms an image of floats; `outputSize` must have taken its size.
  public func apply(
    _ values: UnsafePointer<Float>, _ size: ImageSize, to target: UnsafeMutablePointer<Float>
  ) {
    var kernel = kernel(size)
    guard let augmenter else { return nk_transform_floats(target, values, &kernel) }
    let changed =
      settings.augmentation.keepsPixels ? values : augmenter.change(values, size, &random)
    nk_transform_floats(target, changed, &kernel)
    augmenter.erase(target, cropped(size), &random)
  }

  private func kernel(_ size: ImageSize) -> nk_transform {
    var kernel = nk_transform()
    kernel.scale = settings.scale
    kernel.channels = size.channels
    kernel.height = size.height
    kernel.width = size.width
    kernel.crop_height = size.height
    kernel.crop_width = size.width
    kernel.mean_count = means.count
    kernel.mean_values = means.count > 0 ? UnsafePointer(means.values) : nil
    kernel.mean_image = settings.meanImage?.values
    if settings.mirrors { kernel.mirror = Int32(random.below(2)) }
    let crop = settings.cropSize
    if crop > 0 {
      kernel.crop_height = crop
      kernel.crop_width = crop
      kernel.crop_y = offset(size.height - crop)
      kernel.crop_x = offset(size.width - crop)
    } else if kernel.mirror == 0 {
      flatten(&kernel)
    }
    return kernel
  }

  private func cropped(_ size: ImageSize) -> ImageSize {
    let crop = settings.cropSize
    return crop > 0 ? ImageSize(channels: size.channels, height: crop, width: crop) : size
  }

  private func offset(_ room: Int) -> Int {
    isTraining ? random.below(room + 1) : room / 2
  }

  /// Makes one long row of what is taken whole: short rows cost more than their values.
  private func flatten(_ kernel: inout nk_transform) {
    if kernel.mean_count <= 1 || kernel.mean_image != nil {
      kernel.width *= kernel.channels * kernel.height
      kernel.channels = 1
    } else {
      kernel.width *= kernel.height
    }
    kernel.height = 1
    kernel.crop_height = 1
    kernel.crop_width = kernel.width
  }
}
