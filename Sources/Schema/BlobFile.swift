public import Prototxt

/// A file with a single blob, such as a mean image.
public struct BlobFile: Sendable {
  /// The path it was opened with.
  public let path: String
  /// The blob.
  public let blob: WeightBlob

  /// Opens a file.
  public init(path: String) throws(Diagnostic) {
    let file = try MappedFile(path: path)
    try FileKind.require(.binary, of: file, toHold: "a single blob")
    self.path = path
    blob = try WeightBlob(file.bytes.indices, in: file, whose: "the blob")
    guard blob.count > 0 else {
      throw .error("holds no blob", path: path, help: "a .binaryproto file is expected")
    }
  }
}
