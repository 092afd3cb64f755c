import Foundation
import Layers
import Prototxt
import Schema
import Testing

/// Every case of values that the original Caffe computed.
///
/// `NETRUN_GOLDENS=FOLDER swift test --filter Golden` runs those of any folder in the same format.
@Suite("Golden", .serialized)
struct GoldenTests {
  static let folder =
    ProcessInfo.processInfo.environment["NETRUN_GOLDENS"]
    ?? URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Goldens").path

  @Test("layers, nets and data give Caffe's values")
  func nets() throws {
    var tally = GoldenTally("layers, nets and data")
    for path in Self.files("prototxt") where Self.hasValues(path) { tally.run(path, Self.run) }
    tally.finish()
  }

  @Test("solvers train as Caffe does")
  func solvers() throws {
    var tally = GoldenTally("solvers")
    for path in Self.files("prototxt") where path.hasSuffix("/solver.prototxt") {
      let folder = URL(filePath: path).deletingLastPathComponent().path
      guard FileManager.default.fileExists(atPath: "\(folder)/losses.txt") else { continue }
      tally.run(folder) { folder in
        if let missing = try Self.missingLayers("\(folder)/net.prototxt").first {
          return .needs(missing)
        }
        return .compared(try GoldenSolver(path).run())
      }
    }
    tally.finish()
  }

  private static func run(_ path: String) throws -> GoldenTally.Result {
    let golden = try GoldenCase(path: path)
    if let missing = try missingLayers(path).first { return .needs(missing) }
    do {
      var net = try GoldenNet(golden)
      try net.run()
      return .compared(net.deviation)
    } catch let error as Diagnostics where golden.isOptional {
      return .refused(error.all.first?.message ?? "")
    } catch let error as Diagnostic where golden.isOptional {
      return .refused(error.message)
    }
  }

  /// The layer types of a net that the catalogue does not have.
  static func missingLayers(_ path: String) throws -> [String] {
    let (net, _) = try NetDescription.load(path)
    return net.messages("layer").map { $0.string("type") }
      .filter { LayerCatalog.type(named: $0) == nil }
  }

  /// The paths of all files with an ending, in order.
  static func files(_ ending: String) -> [String] {
    let all = FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? []
    return all.filter { $0.hasSuffix(".\(ending)") }.sorted().map { "\(folder)/\($0)" }
  }

  private static func hasValues(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path.dropLast("prototxt".count) + "binaryproto")
  }
}
