public import Prototxt
internal import Schema

/// The mean of all images of an LMDB, pixel by pixel, as Caffe's compute_image_mean makes it.
///
/// Sums are kept in double precision, so that they are exact for images of bytes, however many
/// there are; Caffe's are floats and go wrong beyond some 65,000 bright images.
public struct MeanComputation: Sendable {
  /// The size of the images.
  public let size: ImageSize
  /// How many images there are.
  public let records: Int
  /// The mean of each pixel, channel by channel.
  public let values: [Float]

  /// Goes through a data base.
  ///
  /// - Parameters:
  ///   - path: The LMDB.
  ///   - progress: Called now and then with the number of records done and of all; what
  ///     it throws ends the work.
  /// - Throws: a diagnostic about the first record that cannot be read or has another size.
  public init(
    of path: String, progress: (_ done: Int, _ all: Int) throws(Diagnostic) -> Void = { _, _ in }
  ) throws(Diagnostic) {
    let database = try Database(path: path)
    var sums: [Double] = []
    var size = ImageSize(channels: 0, height: 0, width: 0)
    var first = ""
    var done = 0
    while let record = try database.nextGood() {
      if done == 0 {
        (size, first) = (record.size, record.key)
        sums = Array(repeating: 0, count: record.count)
      }
      guard record.size == size else {
        throw .error(
          "record \(record.key) has \(record.size), but record \(first) has \(size)", path: path,
          help: "a mean needs images of one size: make the data base again with --resize")
      }
      Self.add(record, to: &sums)
      done += 1
      if done % 1000 == 0 { try progress(done, database.count) }
    }
    guard done > 0 else { throw .error("the LMDB has no records", path: path) }
    let count = Double(done)
    self.size = size
    records = done
    values = sums.map { Float($0 / count) }
  }

  private static func add(_ record: Database.Record, to sums: inout [Double]) {
    sums.withUnsafeMutableBufferPointer { sums in
      switch record.values {
      case .bytes(let bytes): for index in sums.indices { sums[index] += Double(bytes[index]) }
      case .floats(let floats): for index in sums.indices { sums[index] += Double(floats[index]) }
      }
    }
  }

  /// The mean of each channel.
  public var channelMeans: [Double] {
    let area = size.height * size.width
    return (0..<size.channels).map { channel in
      values[channel * area..<(channel + 1) * area].reduce(0) { $0 + Double($1) } / Double(area)
    }
  }

  /// Writes the file that `mean_file` names, as Caffe does.
  public func write(to path: String) throws(Diagnostic) {
    var blob = Message(.blob)
    blob.set("num", int: 1)
    blob.set("channels", int: size.channels)
    blob.set("height", int: size.height)
    blob.set("width", int: size.width)
    blob.set("data", floats: values)
    try AtomicFile.write(WireFormat.encode(blob), to: path)
  }
}
