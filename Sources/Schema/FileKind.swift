internal import Prototxt

/// What a file is, by its content: names say nothing (solvers and nets are often `.txt`).
enum FileKind {
  case text
  case binary
  case hdf5
  case empty

  /// Looks at the first bytes.
  init(_ bytes: UnsafeRawBufferPointer) {
    if bytes.isEmpty {
      self = .empty
    } else if bytes.starts(with: Self.hdf5Signature) {
      self = .hdf5
    } else {
      self = bytes.prefix(4096).contains(where: Self.isControl) ? .binary : .text
    }
  }

  static let hdf5Signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]

  /// Whether a byte is in no text: lengths and numbers of fields mostly are such.
  ///
  /// Old editors ended texts with 0x1a.
  private static func isControl(_ byte: UInt8) -> Bool {
    byte < 0x20 && !(0x09...0x0d).contains(byte) && byte != 0x1a
  }

  /// Says what a file is if it is not of a kind.
  static func require(
    _ kind: FileKind, of file: MappedFile, toHold content: String
  ) throws(Diagnostic) {
    let actual = FileKind(file.bytes)
    if actual == kind { return }
    let what: String
    var help: String?
    switch actual {
    case .text:
      what = "a text, not \(content)"
      help = kind == .binary ? "give a .caffemodel, .solverstate or .binaryproto file" : nil
    case .binary: what = "binary, not \(content)"
    case .hdf5: what = "an HDF5 file, not \(content) in Caffe's own format"
    case .empty: what = "empty"
    }
    throw .error("is \(what)", path: file.path, help: help)
  }
}

extension WeightFile {
  /// Whether the file at a path is in HDF5's format, judged by its first bytes.
  public static func isHDF5(path: String) -> Bool {
    guard let file = try? MappedFile(path: path) else { return false }
    return FileKind(file.bytes) == .hdf5
  }
}
