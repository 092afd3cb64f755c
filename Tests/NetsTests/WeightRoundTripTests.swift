import Compute
import Foundation
import Layers
import Nets
import Schema
import Testing

/// Every weight file of Caffe's reference runs, through a net and back.
@Suite("Weight files in and out of nets")
struct WeightRoundTripTests {
  private static let goldens = packageFolder.appending(path: "Tests/Goldens")

  private static func paths(_ ending: String) -> [String] {
    let all = FileManager.default.enumerator(atPath: goldens.path)?.allObjects as? [String]
    return (all ?? []).filter { $0.hasSuffix(ending) }.sorted()
      .map { goldens.appending(path: $0).path }
  }

  /// The net that a weight file holds, or one that lies beside it: HDF5 has no layers' parameters,
  /// and those made by hand have only what weights need.
  private func net(_ path: String, seed: UInt64) throws -> Net {
    let folder = FileResolver.folder(of: path)
    let deploy = "\(folder)/deploy.prototxt"
    let source =
      path.hasSuffix(".h5")
      ? "\(folder)/net.prototxt" : FileManager.default.fileExists(atPath: deploy) ? deploy : path
    let context = LayerContext(
      workers: Workers(count: 1), seed: seed, files: FileResolver(folder: folder))
    return try Net(
      try NetDescription.load(source).net,
      options: Net.Options(state: NetState(phase: .train), context: context))
  }

  private func bits(_ net: Net) -> [[UInt32]] {
    net.nodes.flatMap { $0.layer.parameters.map { $0.array.map(\.bitPattern) } }
  }

  /// Loads, saves and loads a file; the values must be those of the file, bit for bit.
  private func check(_ path: String, _ write: (Net, String) throws -> Void) throws {
    let copy = FileManager.default.temporaryDirectory.appending(path: "weights-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: copy) }
    let (first, second) = (try net(path, seed: 1), try net(path, seed: 2))
    let given = try first.loadWeights(path: path)
    // Those made by hand test what happens to layers that only one side has.
    if !path.contains("/legacy/models/") {
      #expect(given.fresh.isEmpty && given.ignored.isEmpty, "\(path)")
    }
    try write(first, copy)
    let report = try second.loadWeights(path: copy)
    #expect(report.fresh.isEmpty && report.ignored.isEmpty)
    #expect(bits(first) == bits(second), "\(path)")
    let (old, new) = (try WeightFile(path: path), try WeightFile(path: copy))
    for layer in old.layers where given.loaded.contains(layer.name) {
      let found = new.layers.first { $0.name == layer.name }
      #expect(
        found?.blobs.map { $0.floats().map(\.bitPattern) }
          == layer.blobs.map { $0.floats().map(\.bitPattern) }, "\(path): \(layer.name)")
    }
  }

  @Test("Protobuf's format")
  func binary() throws {
    let paths = Self.paths(".caffemodel")
    try #require(paths.count > 50)
    for path in paths { try check(path) { try $0.writeWeights(to: $1) } }
  }

  @Test("HDF5's format")
  func hdf5() throws {
    let paths = Self.paths(".caffemodel.h5")
    try #require(!paths.isEmpty)
    for path in paths { try check(path) { try $0.writeHDF5Weights(to: $1) } }
  }
}
