public import Compute
internal import Glibc
public import Prototxt

/// Makes an LMDB of image files: keys and values are those of Caffe's convert_imageset.
///
/// Other than there, files that cannot be read are errors unless they are to be skipped, and the
/// data base is there whole or not at all.
public struct ImageConversion: Sendable {
  /// The rows of all images; 0 leaves them.
  public var height = 0
  /// The columns of all images; 0 leaves them.
  public var width = 0
  /// Whether images get one channel, not three.
  public var isGray = false
  /// Whether image files are stored, not pixels.
  public var isEncoded = false
  /// The format of stored files; `nil` leaves each in its own.
  public var format: ImageFormat?
  /// Whether files that cannot be read are left out.
  public var skipsBad = false
  /// Whether an LMDB of that name may be replaced.
  public var replacesTarget = false

  /// Stores the pixels of all images, in three channels.
  public init() {}

  /// What was converted.
  public struct Summary: Sendable {
    /// How many records the data base has.
    public var records = 0
    /// How many records there are of each label.
    public var classes: [Int32: Int] = [:]
    /// The smallest number of rows and of columns.
    public var smallest = ImageSize(channels: 0, height: .max, width: .max)
    /// The largest number of rows and of columns.
    public var largest = ImageSize(channels: 0, height: 0, width: 0)
    /// What was left out, and why.
    public var bad: [Diagnostic] = []

    /// Whether all images have one size.
    public var isUniform: Bool { smallest == largest }
  }

  /// One image's result, made on any thread.
  private struct Result {
    var record: [UInt8] = []
    var size = ImageSize(channels: 0, height: 0, width: 0)
    var fault: DatumFault?
  }

  /// What one thread needs.
  private final class Bench {
    let loader: ImageLoader
    let encoder = ImageEncoder()

    init(_ loader: ImageLoader) { self.loader = loader }
  }

  /// Converts one collection.
  ///
  /// - Parameters:
  ///   - images: The images.
  ///   - target: The folder to make.
  ///   - workers: The threads that decode.
  ///   - progress: Called now and then with the number of images done and of all; what
  ///     it throws ends the work.
  /// - Returns: What was converted.
  /// - Throws: all files that cannot be read, or why nothing can be written; the target is then as
  ///   it was.
  public func run(
    _ images: ImageCollection, to target: String, workers: Workers,
    progress: (_ done: Int, _ all: Int) throws(Diagnostic) -> Void = { _, _ in }
  ) throws(Diagnostics) -> Summary {
    try run([(images, target)], workers: workers, progress: progress)[0]
  }

  /// Converts several collections, each to a data base of its own: all are made, or none.
  ///
  /// - Parameters:
  ///   - parts: The collections, and the folders to make.
  ///   - workers: The threads that decode.
  ///   - progress: Called now and then with the number of images done and of all; what
  ///     it throws ends the work.
  /// - Returns: What was converted, of each part.
  /// - Throws: all files that cannot be read, or why nothing can be written.
  public func run(
    _ parts: [(images: ImageCollection, target: String)], workers: Workers,
    progress: (_ done: Int, _ all: Int) throws(Diagnostic) -> Void = { _, _ in }
  ) throws(Diagnostics) -> [Summary] {
    var writers: [LMDBWriter] = []
    var summaries: [Summary] = []
    var bad: [Diagnostic] = []
    let all = parts.reduce(0) { $0 + $1.images.items.count }
    var before = 0
    do throws(Diagnostic) {
      for (images, target) in parts {
        let writer = try LMDBWriter(path: target, replacing: replacesTarget)
        let summary = try fill(writer, images, workers) { (done) throws(Diagnostic) in
          try progress(before + done, all)
        }
        before += images.items.count
        bad += summary.bad
        guard summary.records > 0 || !skipsBad else {
          throw .error("no image can be read, so nothing is made", path: target)
        }
        writers.append(writer)
        summaries.append(summary)
      }
      guard skipsBad || bad.isEmpty else { throw Self.failure(bad.count, parts[0].target) }
      for writer in writers { try writer.finish() }
    } catch {
      if case .stopped = error.kind { throw Diagnostics(error) }
      throw Diagnostics(skipsBad ? [error] : bad.prefix(100) + [error])
    }
    return summaries
  }

  /// Puts the records of a collection into a data base.
  private func fill(
    _ writer: LMDBWriter, _ images: ImageCollection, _ workers: Workers,
    _ progress: (_ done: Int) throws(Diagnostic) -> Void
  ) throws(Diagnostic) -> Summary {
    var summary = Summary()
    let color: ImageColor = isGray ? .gray : .color
    let benches = (0..<workers.count).map { _ in
      Bench(ImageLoader(color, height: height, width: width))
    }
    // Small enough for the memory, large enough to keep threads busy.
    let group = 32 * workers.count
    var results = [Result](repeating: Result(), count: group)
    for start in stride(from: 0, to: images.items.count, by: group) {
      let items = images.items[start..<min(start + group, images.items.count)]
      results.withUnsafeMutableBufferPointer { results in
        nonisolated(unsafe) let results = results
        workers.forEach(items.count) { index, worker in
          results[index] = self.convert(items[start + index], benches[worker])
        }
      }
      for (result, item) in zip(results, items) { try put(result, item, writer, &summary) }
      try progress(start + items.count)
    }
    return summary
  }

  private static func failure(_ count: Int, _ target: String) -> Diagnostic {
    let what = count == 1 ? "1 image" : "\(count) images"
    return .error(
      "is not made, since \(what) cannot be read", path: target,
      help: "mend the files or take them off the list; --skip-bad leaves them out")
  }

  private func put(
    _ result: Result, _ item: ImageCollection.Item, _ writer: LMDBWriter,
    _ summary: inout Summary
  ) throws(Diagnostic) {
    if let fault = result.fault {
      let what = item.place == nil ? fault.message : "image '\(item.path)': \(fault.message)"
      summary.bad.append(.error(what, path: item.place ?? item.path, help: fault.help))
      return
    }
    // After the first bad file nothing is made, but the others are still looked at.
    guard skipsBad || summary.bad.isEmpty else { return }
    let digits = String(summary.records + summary.bad.count)
    let key = String(repeating: "0", count: max(0, 8 - digits.count)) + digits + "_" + item.name
    try writer.put(key: Array(key.utf8), value: result.record)
    summary.records += 1
    summary.classes[item.label, default: 0] += 1
    summary.smallest.channels = result.size.channels
    summary.largest.channels = result.size.channels
    summary.smallest.height = min(summary.smallest.height, result.size.height)
    summary.smallest.width = min(summary.smallest.width, result.size.width)
    summary.largest.height = max(summary.largest.height, result.size.height)
    summary.largest.width = max(summary.largest.width, result.size.width)
  }

  private func convert(_ item: ImageCollection.Item, _ bench: Bench) -> Result {
    var result = Result()
    do throws(DatumFault) {
      let image = try bench.loader.load(item.path)
      result.size = image.size
      if isEncoded || format != nil {
        result.record = try encoded(item, image, bench)
      } else {
        let size = image.size
        let pixels = UnsafeBufferPointer(
          start: image.pixels, count: size.channels * size.height * size.width)
        result.record = Datum.encode(
          channels: size.channels, height: size.height, width: size.width, data: pixels,
          label: item.label, saysEncoding: true)
      }
    } catch { result.fault = error }
    return result
  }

  /// A record with an image file: the file itself if nothing about it is to be changed.
  private func encoded(
    _ item: ImageCollection.Item, _ image: ImageLoader.Image, _ bench: Bench
  ) throws(DatumFault) -> [UInt8] {
    let own = ImageFormat(path: item.path)
    let keepsColor = !isGray || image.isFileGray
    if height == 0, width == 0, format == nil || format == own, keepsColor {
      return Datum.encode(file: image.file, label: item.label)
    }
    let file = try bench.encoder.encode(image.pixels, image.size, format ?? own ?? .png)
    return Datum.encode(file: file, label: item.label)
  }
}
