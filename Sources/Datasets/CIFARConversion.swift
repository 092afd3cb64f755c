public import Prototxt

/// Makes the two LMDBs of CIFAR-10's binary files, as Caffe's convert_cifar_data does.
public struct CIFARConversion: Sendable {
  /// One data base that was made.
  public struct Part: Sendable {
    /// The folder.
    public var path: String
    /// How many records it has.
    public var records = 0
    /// How many records there are of each label.
    public var classes = [Int](repeating: 0, count: 10)
  }

  /// The folder with `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`.
  public var source: String
  /// The folder in which the data bases are made.
  public var target: String
  /// Whether LMDBs that are there may be replaced.
  public var replacesTarget: Bool

  private static let imageSize = 3 * 32 * 32

  /// Describes a conversion.
  public init(source: String, target: String, replacesTarget: Bool = false) {
    (self.source, self.target, self.replacesTarget) = (source, target, replacesTarget)
  }

  /// Converts.
  ///
  /// - Parameter progress: Called now and then with the number of records done and of all; what it
  ///   throws ends the work.
  /// - Returns: The data bases, that for training first.
  /// - Throws: What is wrong with the files; nothing is made then.
  public func run(
    progress: (_ done: Int, _ all: Int) throws(Diagnostic) -> Void = { _, _ in }
  ) throws(Diagnostics) -> [Part] {
    let names = (1...5).map { "data_batch_\($0).bin" } + ["test_batch.bin"]
    var problems = Diagnostics()
    let files = names.compactMap { name in
      problems.collecting { () throws(Diagnostic) in try Self.open("\(source)/\(name)") }
    }
    try problems.throwIfErrors()
    do throws(Diagnostic) {
      let all = files.reduce(0) { $0 + $1.bytes.count / (Self.imageSize + 1) }
      let groups = [
        ("\(target)/cifar10_train_lmdb", Array(files.prefix(5))),
        ("\(target)/cifar10_test_lmdb", Array(files.suffix(1))),
      ]
      var writers: [LMDBWriter] = []
      var parts: [Part] = []
      var done = 0
      for (path, files) in groups {
        let writer = try LMDBWriter(path: path, replacing: replacesTarget)
        var part = Part(path: path)
        for file in files {
          try Self.convert(file.bytes, writer, &part) { () throws(Diagnostic) in
            done += 1
            if done % 1000 == 0 { try progress(done, all) }
          }
        }
        writers.append(writer)
        parts.append(part)
      }
      for writer in writers { try writer.finish() }
      return parts
    } catch { throw Diagnostics(error) }
  }

  private static func open(_ path: String) throws(Diagnostic) -> MappedData {
    let file = try MappedData(
      path: path,
      missing: .error(
        "there is no such file", path: path,
        help: "the folder of CIFAR-10's binary version is expected", kind: .missingInput))
    let record = imageSize + 1
    guard file.bytes.count > 0, file.bytes.count % record == 0 else {
      throw .error(
        "has \(file.bytes.count) bytes, not a multiple of \(record), which an image takes",
        path: path, help: "the binary version of CIFAR-10 is expected, unpacked")
    }
    for start in stride(from: 0, to: file.bytes.count, by: record)
    where file.bytes[start] > 9 {
      throw .error(
        "image \(start / record) has the label \(file.bytes[start]), but labels end at 9",
        path: path, help: "the binary version of CIFAR-10 is expected")
    }
    return file
  }

  private static func convert(
    _ bytes: UnsafeRawBufferPointer, _ writer: LMDBWriter, _ part: inout Part,
    _ step: () throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    for start in stride(from: 0, to: bytes.count, by: imageSize + 1) {
      let label = bytes[start]
      let digits = String(part.records)
      let key = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
      try writer.put(
        key: Array(key.utf8),
        value: Datum.encode(
          channels: 3, height: 32, width: 32, data: bytes[start + 1...start + imageSize],
          label: Int32(label)))
      part.records += 1
      part.classes[Int(label)] += 1
      try step()
    }
  }
}
