// How many records a second one thread reads: walk, parse, decode and transform.
//
//     swift run -c release --package-path Benchmarks records
//
// Other data bases may be named as arguments.
import Compute
import Datasets
import Foundation

@main
struct Benchmark {
  static func main() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "records-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let digits = "\(folder)/digits"
    try write(digits, count: 60_000)
    let scale = TransformSettings.scaled(1 / 256)
    try run("28×28 bytes, scale", digits, scale)
    var mirrored = scale
    mirrored.mirrors = true
    mirrored.cropSize = 24
    try run("28×28 bytes, crop 24, mirror", digits, mirrored)
    for path in CommandLine.arguments.dropFirst() { try run(path, path, scale) }
    try ahead("28×28 bytes, read ahead", digits, scale)
  }

  /// Pictures of the size of MNIST's.
  private static func write(_ path: String, count: Int) throws {
    let writer = try LMDBWriter(path: path)
    var random = RandomStream(key: 1)
    for index in 0..<count {
      let pixels = (0..<784).map { _ in UInt8(random.below(256)) }
      let value = Datum.encode(
        channels: 1, height: 28, width: 28, data: pixels, label: Int32(index % 10))
      try writer.put(key: Array(String(format: "%08d", index).utf8), value: value)
    }
    try writer.finish()
  }

  private static func source(_ path: String, _ settings: TransformSettings) throws -> DatumSource {
    let transform = ImageTransform(settings, isTraining: true, random: RandomStream(key: 2))
    return try DatumSource(path: path, batchSize: 64, transform: transform, owner: "benchmark")
  }

  private static func report(_ name: String, _ records: Int, _ seconds: Double) {
    let rate = Double(records) / seconds
    print("\(name): \(Int(rate)) records/s")
  }

  /// On the calling thread, into a batch that stays in the cache.
  private static func run(_ name: String, _ path: String, _ settings: TransformSettings) throws {
    let source = try source(path, settings)
    let batch = Batch(tops: 2)
    var best = 0.0
    for _ in 0..<5 {
      let start = ContinuousClock.now
      var records = 0
      while start.duration(to: .now) < .milliseconds(500) {
        for _ in 0..<50 where try source.fill(batch) { records += batch.count }
      }
      let seconds = start.duration(to: .now) / .seconds(1)
      best = max(best, Double(records) / seconds)
    }
    report(name, Int(best), 1)
  }

  /// On the thread that reads ahead.
  private static func ahead(_ name: String, _ path: String, _ settings: TransformSettings) throws {
    let prefetcher = Prefetcher(try source(path, settings), depth: 4, tops: 2)
    let start = ContinuousClock.now
    var records = 0
    for _ in 0..<40_000 {
      guard let batch = try prefetcher.next() else { break }
      records += batch.count
      prefetcher.recycle(batch)
    }
    report(name, records, start.duration(to: .now) / .seconds(1))
  }
}

extension TransformSettings {
  fileprivate static func scaled(_ scale: Float) -> TransformSettings {
    var settings = TransformSettings()
    settings.scale = scale
    return settings
  }
}
