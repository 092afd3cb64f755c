internal import Compute
internal import Glibc

/// Puts images one behind the other into the blobs of a batch.
///
/// As in Caffe, the first image decides the shape of its batch, and the others must have its size.
final class BatchAssembler {
  /// The values of an image, as they come from a record.
  enum Values {
    case bytes(UnsafePointer<UInt8>)
    case floats(UnsafePointer<Float>)
  }

  let transform: ImageTransform
  let batchSize: Int
  /// What to do about images of several sizes.
  private let sizeHelp: String
  /// The size of the current batch's images.
  private var size = ImageSize(channels: 0, height: 0, width: 0)
  private let memoryLimit = max(
    1 << 30, sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)))

  init(_ transform: ImageTransform, batchSize: Int, sizeHelp: String) {
    self.transform = transform
    self.batchSize = batchSize
    self.sizeHelp = sizeHelp
  }

  /// Transforms an image and puts it into a batch, behind `number` others.
  func add(
    _ values: Values, _ input: ImageSize, label: Int32, number: Int, to batch: Batch
  ) throws(DatumFault) {
    let output = try transform.settings.outputSize(input)
    if number == 0 {
      if output != size { try checkMemory(output) }
      size = output
      shape(batch, batchSize)
    } else if output != size {
      throw DatumFault(
        "it gives \(output), but its batch begins with record \(batch.names.quoted(0) ?? ""), "
          + "which gives \(size)",
        help: "all records of a batch must have one size: \(sizeHelp)")
    }
    let target = batch.blobs[0].values + number * output.channels * output.height * output.width
    switch values {
    case .bytes(let pixels): transform.apply(pixels, input, to: target)
    case .floats(let floats): transform.apply(floats, input, to: target)
    }
    if batch.blobs.count > 1 { batch.blobs[1].values[number] = Float(label) }
  }

  /// Ends a batch of fewer or as many images as were wanted.
  func finish(_ batch: Batch, count: Int) {
    batch.count = count
    if count < batchSize { shape(batch, count) }
  }

  private func shape(_ batch: Batch, _ count: Int) {
    let blob = batch.blobs[0]
    let now = blob.shape
    if now.axes != 4 || now[0] != count || now[1] != size.channels || now[2] != size.height
      || now[3] != size.width
    {
      blob.reshape([count, size.channels, size.height, size.width])
    }
    if batch.blobs.count > 1, batch.blobs[1].count != count { batch.blobs[1].reshape([count]) }
  }

  /// How many batches of images of a size may be held at once, of as many as are wanted.
  func depth(_ wanted: Int, for size: ImageSize) -> Int {
    let bytes = 4 * batchSize * size.channels * size.height * size.width
    return max(1, min(wanted, memoryLimit / 4 / max(1, bytes)))
  }

  /// Whether a batch can be held at all.
  func checkMemory(_ size: ImageSize) throws(DatumFault) {
    guard let shape = Shape.checked([batchSize, size.channels, size.height, size.width]),
      shape.count <= memoryLimit / 16
    else {
      throw DatumFault(
        "a batch of \(batchSize) records of \(size) does not fit into memory",
        help: "make batch_size smaller")
    }
  }
}
