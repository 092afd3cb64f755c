import Compute
import Foundation
import Layers
import Nets
import Prototxt
import Schema
import Synchronization

@testable import Datasets

/// The files that Caffe's reference runs left, and folders that go away again.
enum DataSupport {
  static let goldens: String = {
    var folder = URL(filePath: #filePath)
    for _ in 0..<2 { folder.deleteLastPathComponent() }
    return folder.appending(path: "Goldens").path
  }()
  static let data = "\(goldens)/data"
  static let tools = "\(goldens)/legacy/tools"

  static func withFolder<Result>(_ step: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "data-\(UUID())").path
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try step(folder)
  }

  /// Makes an LMDB of records in order.
  static func makeLMDB(_ path: String, _ records: [(key: String, value: [UInt8])]) throws {
    let writer = try LMDBWriter(path: path)
    for record in records { try writer.put(key: Array(record.key.utf8), value: record.value) }
    try writer.finish()
  }

  /// Records of gray images whose pixels count up from ten times the index; labels are the indices.
  static func images(_ count: Int, height: Int = 4, width: Int = 5) -> [(
    key: String, value: [UInt8]
  )] {
    (0..<count).map { index in
      let pixels = (0..<height * width).map { UInt8(truncatingIfNeeded: 10 * index + $0) }
      return (
        String(format: "%04d", index),
        Datum.encode(
          channels: 1, height: height, width: width, data: pixels, label: Int32(index))
      )
    }
  }

  /// All records of an LMDB.
  static func records(_ path: String) throws -> [(key: [UInt8], value: [UInt8])] {
    let reader = try LMDBReader(path: path)
    var all: [(key: [UInt8], value: [UInt8])] = []
    while let record = try reader.next() { all.append((Array(record.key), Array(record.value))) }
    return all
  }

  /// A net with a Data layer of the given parameters.
  static func net(
    _ parameters: String, tops: [String] = ["data", "label"], phase: Phase = .train,
    folder: String? = nil, seed: UInt64 = 1, opensSources: Bool = true,
    assumedShapes: [String: Shape] = [:], remarks: Remarks = Remarks()
  ) throws -> Net {
    let text = """
      layer {
        name: "data" type: "Data" \(tops.map { "top: \"\($0)\"" }.joined(separator: " "))
        \(parameters)
      }
      """
    let description = try TextFormat.parse(text, as: .net, name: "net.prototxt")
    let context = LayerContext(
      workers: Workers(count: 1), seed: seed, files: FileResolver(folder: folder),
      opensSources: opensSources, assumedShapes: assumedShapes,
      remark: { remark in remarks.add(remark) })
    return try Net(
      description, options: Net.Options(state: NetState(phase: phase), context: context))
  }

  /// All messages of what a step throws, and their help.
  static func problems(_ step: () throws -> Void) -> [Diagnostic] {
    do {
      try step()
      return []
    } catch let error as Diagnostics {
      return error.all
    } catch let error as Diagnostic {
      return [error]
    } catch {
      return [.error("\(error)")]
    }
  }
}

/// What layers remarked.
final class Remarks: Sendable {
  private let texts = Mutex<[String]>([])

  func add(_ text: String) { texts.withLock { $0.append(text) } }

  var all: [String] { texts.withLock { $0 } }
}

/// Numbers that look random and are the same each time.
struct TestRandom: RandomNumberGenerator {
  var stream: RandomStream

  init(_ seed: UInt64) { stream = RandomStream(key: seed) }

  mutating func next() -> UInt64 { stream.next() }
}
