internal import Prototxt

/// A blob that is to be written: its shape, and where its values are in memory.
public struct BlobSource {
  /// The sizes of its axes.
  public let shape: [Int]
  /// The values, as many as the shape says.
  public let values: UnsafePointer<Float>
  /// The gradients, if they are to be written too.
  public let diff: UnsafePointer<Float>?

  /// Describes a blob; the memory must remain until it is written.
  public init(
    shape: [Int], values: UnsafePointer<Float>, diff: UnsafePointer<Float>? = nil
  ) {
    self.shape = shape
    self.values = values
    self.diff = diff
  }

  private var byteCount: Int { 4 * shape.reduce(1, *) }

  /// The bytes of the shape's message.
  private var shapeBytes: [UInt8] {
    var shapeMessage = Message("BlobShape")
    shapeMessage.set("dim", ints: shape)
    var blob = Message(.blob)
    // As in Caffe, a blob without axes has no shape at all.
    if !shape.isEmpty { blob.set("shape", message: shapeMessage) }
    return WireFormat.encode(blob)
  }

  /// The tags and lengths of the two runs of floats.
  private var runs: (values: [UInt8], diff: [UInt8]) {
    func tag(_ number: Int) -> [UInt8] {
      var writer = WireWriter()
      writer.append(tag: number, length: byteCount)
      return writer.bytes
    }
    if byteCount == 0 { return ([], []) }
    return (tag(5), diff == nil ? [] : tag(6))
  }

  /// How many bytes the blob takes as a BlobProto.
  var size: Int {
    let runs = runs
    let floats = diff == nil ? byteCount : 2 * byteCount
    return runs.values.count + runs.diff.count + floats + shapeBytes.count
  }

  /// Writes the blob as a field of the message around it, straight from memory.
  func write(as number: Int, to output: inout AtomicFile.Output) throws(Diagnostic) {
    var head = WireWriter()
    head.append(tag: number, length: size)
    let runs = runs
    try output.write(head.bytes + runs.values)
    try output.write(UnsafeRawBufferPointer(start: values, count: byteCount))
    if let diff {
      try output.write(runs.diff)
      try output.write(UnsafeRawBufferPointer(start: diff, count: byteCount))
    }
    try output.write(shapeBytes)
  }
}
