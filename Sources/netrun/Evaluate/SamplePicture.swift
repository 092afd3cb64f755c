import Compute
import Datasets
import Layers
import Nets
import Pictures
import Schema

/// Makes pictures of what a data layer hands to a net.
struct SamplePicture {
  private let blob: Blob
  private let scale: Float
  private let means: [Float]
  private let hasMeanFile: Bool

  /// Pictures of the net's first data, if these are images of one channel or three.
  init?(_ net: Net) {
    guard let source = net.sources.first, let top = source.tops.first else { return nil }
    self.init(top, source.spec.message.message("transform_param"))
  }

  /// Pictures of a blob, with what was done to the images undone as far as it is known.
  init(_ blob: Blob, _ transform: Message) {
    self.blob = blob
    scale = transform.float("scale")
    means = transform.floats("mean_value")
    hasMeanFile = transform.has("mean_file")
  }

  /// The address of a sample's picture; `nil` if it is none.
  func address(_ sample: Int) -> String? {
    let shape = blob.shape.dimensions
    guard shape.count == 4, sample < shape[0], [1, 3].contains(shape[1]), shape[2] > 1,
      shape[3] > 1, shape[2] * shape[3] <= 1 << 20
    else { return nil }
    let count = shape[1] * shape[2] * shape[3]
    let values = UnsafeBufferPointer(start: blob.values + sample * count, count: count)
    let bytes = bytes(values, plane: shape[2] * shape[3])
    let file = try? ImagePlanes.png(bytes, channels: shape[1], height: shape[2], width: shape[3])
    return file.map(DataAddress.png)
  }

  private func bytes(_ values: UnsafeBufferPointer<Float>, plane: Int) -> [UInt8] {
    var result = values.enumerated().map { index, value in
      let channel = index / plane
      let mean = means.isEmpty ? 0 : means[min(channel, means.count - 1)]
      return (scale != 0 ? value / scale : value) + mean
    }
    // Without the mean image, or of data that never were bytes, what is there is spread out.
    let least = result.min() ?? 0
    let most = result.max() ?? 0
    if hasMeanFile || least < -1 || most > 256 || most <= 2 {
      let spread = most > least ? 255 / (most - least) : 0
      result = result.map { ($0 - least) * spread }
    }
    return result.map { $0.isFinite ? UInt8(max(0, min(255, $0.rounded()))) : 0 }
  }
}
