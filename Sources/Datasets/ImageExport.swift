internal import Glibc
public import Prototxt
internal import Schema

/// Writes the images of an LMDB as PNG files, in a folder for each label.
public struct ImageExport: Sendable {
  /// The folder to make.
  public var target: String
  /// How many images at most; `nil` for all.
  public var limit: Int?
  /// Whether files that are there may be replaced.
  public var replaces = false

  /// Describes an export.
  public init(target: String, limit: Int? = nil, replaces: Bool = false) {
    (self.target, self.limit, self.replaces) = (target, limit, replaces)
  }

  /// Writes the images.
  ///
  /// Floats are brought from the least and the largest value of their image to 0 to 255; other
  /// numbers of channels than three become one image, channel below channel.
  /// - Parameters:
  ///   - database: The LMDB.
  ///   - progress: Called now and then with the number of images done and of all; what
  ///     it throws ends the work.
  /// - Returns: How many images were written, of how many labels.
  /// - Throws: a diagnostic about a record that cannot be read, or a file that cannot be written.
  public func run(
    _ database: Database,
    progress: (_ done: Int, _ all: Int) throws(Diagnostic) -> Void = { _, _ in }
  ) throws(Diagnostic) -> (images: Int, labels: Int) {
    let encoder = ImageEncoder()
    let all = min(limit ?? .max, database.count)
    var folders: Set<Int32> = []
    var done = 0
    try makeFolder(target, mayExist: replaces)
    database.rewind()
    while done < all, let record = try database.nextGood() {
      let folder = "\(target)/\(record.label)"
      if folders.insert(record.label).inserted { try makeFolder(folder, mayExist: replaces) }
      let file: [UInt8]
      do throws(DatumFault) {
        file = try encode(record, encoder)
      } catch {
        throw .error("record \(record.key): \(error.message)", path: database.path)
      }
      try AtomicFile.write(file, to: "\(folder)/\(Self.fileName(record)).png")
      done += 1
      if done % 100 == 0 { try progress(done, all) }
    }
    return (done, folders.count)
  }

  private func encode(
    _ record: Database.Record, _ encoder: ImageEncoder
  ) throws(DatumFault) -> [UInt8] {
    var size = record.size
    if size.channels != 1, size.channels != 3 {
      size = ImageSize(channels: 1, height: size.channels * size.height, width: size.width)
    }
    switch record.values {
    case .bytes(let bytes): return try encoder.encode(bytes, size, .png)
    case .floats(let floats):
      let range = record.range
      let scale =
        range.upperBound > range.lowerBound ? 255 / (range.upperBound - range.lowerBound) : 0
      let bytes = (0..<record.count).map { index in
        UInt8(max(0, min(255, ((floats[index] - range.lowerBound) * scale).rounded())))
      }
      let encoded = bytes.withUnsafeBufferPointer { bytes in
        Result { () throws(DatumFault) in
          guard let start = bytes.baseAddress else { throw DatumFault("it holds no image") }
          return try encoder.encode(start, size, .png)
        }
      }
      return try encoded.get()
    }
  }

  /// The key with what file names cannot have, or are better without, as underlines.
  private static func fileName(_ record: Database.Record) -> String {
    let allowed = record.keyBytes.map { byte -> UInt8 in
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e: byte
      default: UInt8(ascii: "_")
      }
    }
    let name = String(decoding: allowed.prefix(200), as: UTF8.self)
    return ImageFormat(path: name) == nil
      ? name : String(name[..<(name.lastIndex(of: ".") ?? name.endIndex)])
  }

  private func makeFolder(_ path: String, mayExist: Bool) throws(Diagnostic) {
    if mkdir(path, 0o777) == 0 { return }
    let code = errno
    if code == EEXIST {
      if mayExist || folderNames(path).isEmpty { return }
      throw .error(
        "is there already", path: path, help: "choose another name, or use --force",
        kind: .inputOutput)
    }
    if code == ENOENT {
      throw .error(
        "cannot be made: there is no folder '\(splitPath(path).folder)'", path: path,
        kind: .inputOutput)
    }
    throw .error("cannot be made: \(systemText(code))", path: path, kind: .inputOutput)
  }
}
