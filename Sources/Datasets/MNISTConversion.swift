public import Prototxt

/// Makes an LMDB of a pair of MNIST's files, as Caffe's convert_mnist_data does: the same keys and
/// values, byte for byte.
///
/// Other than there, files may be compressed by gzip, all of both is checked, and the data base is
/// there whole or not at all. Labels from 128 on keep their value (Caffe makes them negative).
public struct MNISTConversion: Sendable {
  /// The file of images.
  public var images: String
  /// The file of labels.
  public var labels: String
  /// The folder to make.
  public var target: String
  /// Whether an LMDB of that name may be replaced.
  public var replacesTarget: Bool

  /// Describes a conversion.
  public init(images: String, labels: String, target: String, replacesTarget: Bool = false) {
    self.images = images
    self.labels = labels
    self.target = target
    self.replacesTarget = replacesTarget
  }

  /// What was converted.
  public struct Summary: Sendable, Equatable {
    /// How many records the data base has.
    public var records: Int
    /// The rows of an image.
    public var height: Int
    /// The columns of an image.
    public var width: Int
    /// How many records there are of each label, from 0 up to the largest that occurs.
    public var classes: [Int]
  }

  /// Converts.
  ///
  /// - Parameter progress: Called now and then with the number of records done and of all; what it
  ///   throws ends the work.
  /// - Returns: What was converted.
  /// - Throws: What is wrong with the files; the target is then as it was.
  public func run(
    progress: (_ done: Int, _ all: Int) throws(Diagnostic) -> Void = { _, _ in }
  ) throws(Diagnostic) -> Summary {
    let images = try IDXFile(path: self.images, content: .images)
    let labels = try IDXFile(path: self.labels, content: .labels)
    guard images.count == labels.count else {
      throw .error(
        "has \(labels.count) labels, but '\(self.images)' has \(images.count) images",
        path: self.labels,
        help: "give two files that belong together, such as train-images-… and "
          + "train-labels-…")
    }
    guard images.count > 0 else { throw .error("has no images", path: self.images) }
    let writer = try LMDBWriter(path: target, replacing: replacesTarget)
    var classes = [Int](repeating: 0, count: 256)
    var image: [UInt8] = []
    var label: [UInt8] = []
    var done = 0
    // Both are read to their ends, so that what is too long is told too.
    while true {
      let hasImage = try images.next(&image)
      let hasLabel = try labels.next(&label)
      guard hasImage, hasLabel else { break }
      classes[Int(label[0])] += 1
      try writer.put(
        key: key(done),
        value: Datum.encode(
          channels: 1, height: images.height, width: images.width, data: image,
          label: Int32(label[0])))
      done += 1
      if done % 1000 == 0 { try progress(done, images.count) }
    }
    if done % 1000 != 0 { try progress(done, images.count) }
    try writer.finish()
    let largest = classes.lastIndex { $0 > 0 } ?? 0
    return Summary(
      records: done, height: images.height, width: images.width,
      classes: Array(classes[0...largest]))
  }

  /// The number in eight digits.
  private func key(_ number: Int) -> [UInt8] {
    let digits = Array(String(number).utf8)
    return Array(repeating: UInt8(ascii: "0"), count: max(0, 8 - digits.count)) + digits
  }
}
