public import Compute
internal import Glibc
internal import HDF5
public import Prototxt

/// A file of data sets that grow by rows.
///
/// The file takes its name when the first rows are in it, in place of what had the name; then it
/// grows, and is complete again after each call.
public final class HDF5Appender {
  private let path: String
  private var file: HDF5File?

  /// Makes no file yet.
  public init(path: String) { self.path = path }

  /// Adds a blob's rows to each data set.
  ///
  /// - Throws: what kept the rows from being written.
  public func append(_ blobs: KeyValuePairs<String, Blob>) throws(Diagnostic) {
    if let file {
      return try add(blobs, to: file)
    }
    let temporary = "\(path).\(String(UInt32.random(in: 0 ... .max), radix: 36)).tmp"
    do throws(Diagnostic) {
      let file = try HDF5File(creating: temporary, name: path)
      try add(blobs, to: file)
      guard rename(temporary, path) == 0 else {
        throw .error("cannot be written: \(systemText(errno))", path: path, kind: .inputOutput)
      }
      self.file = file
    } catch {
      unlink(temporary)
      throw error
    }
  }

  private func add(
    _ blobs: KeyValuePairs<String, Blob>, to file: HDF5File
  ) throws(Diagnostic) {
    for (name, blob) in blobs {
      try file.append(name, shape: blob.shape.dimensions, values: blob.values)
    }
    try file.flush()
  }
}
