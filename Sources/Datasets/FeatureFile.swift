public import Compute
public import Prototxt

/// A file that takes the values of a blob, sample by sample, from one batch after the other.
public protocol FeatureFile: AnyObject {
  /// Adds all samples of a blob: the parts along its first axis.
  func add(_ blob: Blob) throws(Diagnostic)

  /// Puts all of it on the disk and gives it its name.
  func finish() throws(Diagnostic)
}

/// The forms that features can be written in.
public enum FeatureFormat: String, Sendable, CaseIterable {
  /// Datums in an LMDB, as Caffe's extract_features writes them.
  case lmdb
  /// An array for NumPy.
  case npy
  /// A text, a line for each sample.
  case csv

  /// The form that a file's name asks for; LMDB if it ends in nothing known.
  public init(path: String) {
    self = path.hasSuffix(".npy") ? .npy : path.hasSuffix(".csv") ? .csv : .lmdb
  }

  /// Begins a file.
  public func open(_ path: String, replacing: Bool) throws(Diagnostic) -> any FeatureFile {
    switch self {
    case .lmdb: try FeatureDatabase(path: path, replacing: replacing)
    case .npy: try FeatureArray(path: path, replacing: replacing)
    case .csv: try FeatureTable(path: path, replacing: replacing)
    }
  }
}

extension Blob {
  /// The number of samples; a single number is one.
  fileprivate var samples: Int { shape.axes == 0 ? 1 : shape[0] }

  /// The values of a sample.
  fileprivate func sample(_ index: Int) -> UnsafeBufferPointer<Float> {
    let size = samples > 0 ? count / samples : 0
    return UnsafeBufferPointer(start: values + index * size, count: size)
  }
}

/// Keys are numbers in ten digits; values are Datums of floats, without a label.
private final class FeatureDatabase: FeatureFile {
  private let writer: LMDBWriter

  init(path: String, replacing: Bool) throws(Diagnostic) {
    writer = try LMDBWriter(path: path, replacing: replacing)
  }

  func add(_ blob: Blob) throws(Diagnostic) {
    var sizes = Array(blob.shape.dimensions.dropFirst())
    // Datums have three axes; the last takes what goes beyond.
    if sizes.count > 3 { sizes = sizes.prefix(2) + [sizes.dropFirst(2).reduce(1, *)] }
    sizes += Array(repeating: 1, count: 3 - sizes.count)
    for index in 0..<blob.samples {
      let digits = String(writer.count)
      let key = String(repeating: "0", count: max(0, 10 - digits.count)) + digits
      try writer.put(
        key: Array(key.utf8),
        value: Datum.encode(
          channels: sizes[0], height: sizes[1], width: sizes[2], floats: blob.sample(index)))
    }
  }

  func finish() throws(Diagnostic) { try writer.finish() }
}

/// NumPy's format, version 1.0: a header of a fixed length, which is known at the end.
private final class FeatureArray: FeatureFile {
  private let path: String
  private let file: StreamedFile
  private var sizes: [Int]?
  private var samples = 0

  private static let headerSize = 256

  init(path: String, replacing: Bool) throws(Diagnostic) {
    self.path = path
    file = try StreamedFile(path: path, replacing: replacing)
    try file.write(String(repeating: " ", count: Self.headerSize))
  }

  func add(_ blob: Blob) throws(Diagnostic) {
    let sizes = Array(blob.shape.dimensions.dropFirst())
    guard self.sizes ?? sizes == sizes else {
      throw .error(
        "the samples' shape has changed from \(self.sizes ?? []) to \(sizes)", path: path,
        help: "an array holds samples of one shape; an LMDB holds any", kind: .runFailed)
    }
    self.sizes = sizes
    samples += blob.samples
    try file.write(
      UnsafeRawBufferPointer(start: blob.values, count: blob.count * MemoryLayout<Float>.size))
  }

  func finish() throws(Diagnostic) {
    let shape = [samples] + (sizes ?? [])
    let axes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(axes)), }"
    let length = Self.headerSize - 10
    let header = text + String(repeating: " ", count: max(0, length - text.utf8.count - 1)) + "\n"
    guard header.utf8.count == length else {
      throw .error("the samples have too many axes", path: path, kind: .runFailed)
    }
    let magic: [UInt8] = [0x93] + "NUMPY".utf8 + [1, 0, UInt8(length & 0xff), UInt8(length >> 8)]
    try file.overwrite(magic + header.utf8)
    try file.finish()
  }
}

/// Numbers between commas, short but exact, without a heading.
private final class FeatureTable: FeatureFile {
  private let file: StreamedFile

  init(path: String, replacing: Bool) throws(Diagnostic) {
    file = try StreamedFile(path: path, replacing: replacing)
  }

  func add(_ blob: Blob) throws(Diagnostic) {
    for index in 0..<blob.samples {
      let line = blob.sample(index).map { "\($0)" }.joined(separator: ",")
      try file.write(line + "\n")
    }
  }

  func finish() throws(Diagnostic) { try file.finish() }
}
