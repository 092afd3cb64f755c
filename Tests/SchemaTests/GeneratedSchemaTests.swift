import Foundation
import Testing

@testable import Schema

@Suite("The schema")
struct GeneratedSchemaTests {
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  @Test("The committed C is what protoc-c makes of caffe.proto")
  func isUpToDate() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "schema-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = [
      Self.root.appending(path: "scripts/generate-schema.sh").path, folder.path,
    ]
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "protoc-c is in Debian's protobuf-c-compiler")
    for name in ["caffe.pb-c.c", "include/caffe.pb-c.h"] {
      let committed = try Data(
        contentsOf: Self.root.appending(path: "Sources/CCaffeSchema/\(name)"))
      let generated = try Data(contentsOf: folder.appending(path: name))
      #expect(committed == generated, "run scripts/generate-schema.sh: \(name) is out of date")
    }
  }

  @Test("Fields have the names, numbers, types and defaults of Caffe's")
  func fields() throws {
    let pooling = try #require(MessageType.named("PoolingParameter"))
    let stride = try #require(pooling.field(named: "stride"))
    #expect(stride.number == 3)
    #expect(stride.defaultValue == .uint(1))
    #expect(stride.hasExplicitDefault)
    #expect(pooling.field(number: 3)?.name == "stride")
    let kernel = try #require(pooling.field(named: "kernel_size"))
    #expect(kernel.defaultValue == .uint(0))
    #expect(!kernel.hasExplicitDefault)
    #expect(MessageType.layer.field(named: "pooling_param")?.number == 121)
    #expect(MessageType.blob.field(named: "data")?.isPacked == true)
    #expect(Message("FillerParameter").string("type") == "constant")
    #expect(Message("SolverParameter").float("delta") == 1e-8)
    #expect(Message("DataParameter").enumName("backend") == "LEVELDB")
    #expect(Message("SolverParameter").bool("snapshot_after_train"))
  }
}
