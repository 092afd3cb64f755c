internal import CHDF5
public import Prototxt

/// A file in HDF5's format: groups that hold groups and data sets by name.
///
/// Paths in it are names with `/` between them, from the top. Any thread may call; libhdf5 works for
/// one at a time.
public final class HDF5File: @unchecked Sendable {
  /// The path that messages name.
  public let path: String
  /// The library's file; `nil` once it is closed.
  private var file: OpaquePointer?

  /// Opens a file for reading.
  ///
  /// - Throws: what is wrong with it, if it cannot be read.
  public init(reading path: String) throws(Diagnostic) {
    self.path = path
    try HDF5File.requireLibrary(path)
    var failure = nh_failure()
    file = nh_open(path, &failure)
    guard file != nil else {
      throw .error("cannot be read as an HDF5 file: \(failure.message)", path: path)
    }
  }

  /// Makes a file, or empties the one that is there.
  ///
  /// - Parameters:
  ///   - path: Where it is made.
  ///   - name: What messages call it, if that is another.
  /// - Throws: what keeps it from being written.
  public init(creating path: String, name: String? = nil) throws(Diagnostic) {
    self.path = name ?? path
    try HDF5File.requireLibrary(self.path)
    var failure = nh_failure()
    file = nh_create(path, &failure)
    guard file != nil else { throw cannotWrite(failure) }
  }

  deinit {
    var failure = nh_failure()
    if let file { nh_close(file, &failure) }
  }

  /// Closes the file.
  ///
  /// - Throws: what kept the last bytes from being written.
  public func close() throws(Diagnostic) {
    guard let file else { return }
    self.file = nil
    var failure = nh_failure()
    guard nh_close(file, &failure) == 0 else { throw cannotWrite(failure) }
  }

  // MARK: The library

  /// The version of libhdf5; `nil` if it cannot be loaded.
  public static var libraryVersion: String? {
    var failure = nh_failure()
    return nh_version(&failure).map { String(cString: $0) }
  }

  /// Refuses to go on without the library.
  ///
  /// - Parameter path: The file that asks for it, if it is one.
  /// - Throws: why it cannot be used, and how to get it.
  public static func requireLibrary(_ path: String? = nil) throws(Diagnostic) {
    var failure = nh_failure()
    guard nh_version(&failure) == nil else { return }
    let what = path == nil ? "snapshot_format: HDF5" : "an HDF5 file"
    throw .error(
      "\(what) needs the library HDF5, which cannot be used: \(failure.message)", path: path,
      help: "install it: sudo apt-get install libhdf5-dev", kind: .runFailed)
  }

  // MARK: Calls

  /// Calls the library for reading.
  func reading(
    _ what: String, _ call: (OpaquePointer, inout nh_failure) -> Int32
  ) throws(Diagnostic) {
    var failure = nh_failure()
    guard let file else { throw .error("is closed", path: path) }
    guard call(file, &failure) == 0 else {
      throw .error("\(what) cannot be read: \(failure.message)", path: path)
    }
  }

  /// Calls the library for writing.
  func writing(_ call: (OpaquePointer, inout nh_failure) -> Int32) throws(Diagnostic) {
    var failure = nh_failure()
    guard let file else { throw .error("is closed", path: path) }
    guard call(file, &failure) == 0 else { throw cannotWrite(failure) }
  }

  private func cannotWrite(_ failure: nh_failure) -> Diagnostic {
    .error("cannot be written: \(failure.message)", path: path, kind: .inputOutput)
  }
}

extension nh_failure {
  /// The text, whatever bytes it holds.
  fileprivate var message: String {
    withUnsafeBytes(of: text) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
