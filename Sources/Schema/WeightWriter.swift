public import Prototxt

/// Writes `.caffemodel` files, byte for byte as Caffe does.
public enum WeightWriter {
  /// A layer that is to be written.
  public struct Layer {
    /// All of its LayerParameter but the blobs.
    public let header: Message
    /// Its blobs.
    public let blobs: [BlobSource]

    /// Describes a layer.
    public init(header: Message, blobs: [BlobSource]) {
      precondition(header.type == .layer && !header.has("blobs"))
      self.header = header
      self.blobs = blobs
    }
  }

  /// Writes a net; the file is there whole or not at all.
  ///
  /// - Parameters:
  ///   - path: Where the file is to be.
  ///   - net: The NetParameter without its layers; Caffe writes only the name.
  ///   - layers: The layers, whose blobs go to the file straight from memory.
  /// - Throws: What kept the file from being written.
  public static func write(
    to path: String, net: Message, layers: [Layer]
  ) throws(Diagnostic) {
    precondition(net.type == .net && !net.has("layer"))
    try AtomicFile.write(to: path) { output throws(Diagnostic) in
      try output.write(WireFormat.encode(net))
      for layer in layers { try write(layer, to: &output) }
    }
  }

  /// Fields go by their numbers: the blobs (7) stand in the middle of the header's fields.
  private static func write(
    _ layer: Layer, to output: inout AtomicFile.Output
  ) throws(Diagnostic) {
    let blobs = 7
    let sizes = WireWriter().size(of: layer.header)
    let blobSizes = layer.blobs.reduce(0) {
      $0 + WireWriter.size(ofTag: blobs) + WireWriter.size(ofVarint: UInt64($1.size)) + $1.size
    }
    var head = WireWriter()
    head.append(tag: 100, length: sizes + blobSizes)
    head.append(layer.header, numbers: 0...blobs - 1)
    try output.write(head.bytes)
    for blob in layer.blobs { try blob.write(as: blobs, to: &output) }
    var tail = WireWriter()
    tail.append(layer.header, numbers: blobs + 1...Int.max)
    try output.write(tail.bytes)
  }
}
