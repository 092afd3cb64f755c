import Foundation
import Testing

@testable import netrun

@Suite("Events for TensorBoard")
struct TensorBoardTests {
  @Test("Checksums are those of Castagnoli, masked as records hold them")
  func checksums() {
    #expect(CRC32C.sum(Array("123456789".utf8)) == 0xe306_9283)
    #expect(CRC32C.sum([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
    #expect(CRC32C.masked(Array("123456789".utf8)) == 0xc78a_b0e5)
  }

  @Test("A record is its length, a checksum of that, the bytes and theirs")
  func record() {
    let record = EventFile.record([7, 8, 9])
    #expect(record.count == 8 + 4 + 3 + 4)
    #expect(
      Array(record[..<8]) == [3, 0, 0, 0, 0, 0, 0, 0] && Array(record[12..<15]) == [7, 8, 9])
  }

  @Test(
    "A histogram counts each number once, in buckets that rise, and leaves out what is not finite")
  func histogram() {
    let values: [Float] = [-2, -0.5, 0, 0, 1e-20, 0.5, 3, .nan, .infinity, 2e30]
    let histogram = values.withUnsafeBufferPointer { TensorBoardHistogram($0) }
    #expect(histogram.count == 8 && histogram.buckets.reduce(0, +) == 8)
    #expect(histogram.least == -2 && histogram.most == Double(Float(2e30)))
    #expect(histogram.limits == histogram.limits.sorted())
    #expect(histogram.limits.count == histogram.buckets.count)
    let none = [Float]().withUnsafeBufferPointer { TensorBoardHistogram($0) }
    #expect(none.buckets == [0] && none.count == 0)
  }

  @Test(
    "A training run leaves a file whose records are whole, and names the values that it measured")
  func run() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      """
      layer { name: "d" type: "DummyData" top: "x" top: "y"
        dummy_data_param { shape { dim: 4 dim: 3 } data_filler { type: "gaussian" } } }
      layer { name: "fc" type: "InnerProduct" bottom: "x" top: "fc"
        inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
      layer { name: "loss" type: "EuclideanLoss" bottom: "fc" bottom: "y" top: "loss" }
      """, "net.txt")
    try folder.write(
      "net: 'net.txt' base_lr: 0.1 lr_policy: 'fixed' max_iter: 4 display: 2 test_iter: 1 "
        + "test_interval: 2", "solver.txt")
    let result = try Program.run(
      "train solver.txt --log quiet --tensorboard events/a", in: folder.url)
    #expect(result.status == 0, "\(result.errors)")
    let names = try FileManager.default.contentsOfDirectory(
      atPath: folder.url.appending(path: "events/a").path)
    let name = try #require(names.first)
    #expect(names.count == 1 && name.hasPrefix("events.out.tfevents."))
    let bytes = Array(try Data(contentsOf: folder.url.appending(path: "events/a/\(name)")))
    var records: [[UInt8]] = []
    var start = 0
    while start + 12 <= bytes.count {
      let count = bytes[start..<start + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
      let data = Array(bytes[(start + 12)..<min(bytes.count, start + 12 + count)])
      #expect(EventFile.record(data) == Array(bytes[start..<min(bytes.count, start + 16 + count)]))
      records.append(data)
      start += 16 + count
    }
    // The version, the graph, two displays, and three tests with histograms.
    #expect(start == bytes.count && records.count == 2 + 2 + 3 * 2)
    let text = String(decoding: bytes, as: UTF8.self)
    for tag in ["brain.Event:2", "train/loss", "train/rate", "test/loss", "fc/0", "EuclideanLoss"] {
      #expect(text.contains(tag), "\(tag)")
    }
  }
}
