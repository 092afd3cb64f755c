import Compute
import Layers
import Nets
import Prototxt
import Testing

@Suite("MemoryData layer")
struct MemoryDataTests {
  private func net(_ remarks: Remarks = Remarks(), extra: String = "") throws -> Net {
    try ImageDataTests.net(
      "memory_data_param { batch_size: 2 channels: 1 height: 1 width: 3 } \(extra)",
      type: "MemoryData", remarks: remarks)
  }

  private func source(_ net: Net) throws -> any MemorySource {
    try #require(net.nodes.first?.layer as? any MemorySource)
  }

  private func labels(_ net: Net) throws -> [Float] {
    try net.forward()
    return try #require(net.blob("label")).array
  }

  @Test("Records come in order, round and round; a place is saved")
  func order() throws {
    let net = try net()
    let source = try source(net)
    try source.setData((0..<18).map(Float.init), labels: [0, 1, 2, 3, 4, 5])
    #expect(net.blob("label")?.shape == [2])
    #expect(try labels(net) == [0, 1])
    #expect(net.blob("label")?.shape == [2, 1, 1, 1])
    #expect(net.blob("data")?.array == [0, 1, 2, 3, 4, 5])
    #expect(try (0..<3).flatMap { _ in try labels(net) } == [2, 3, 4, 5, 0, 1])
    let state = source.state
    let other = try self.net()
    try self.source(other).setData((0..<18).map(Float.init), labels: [0, 1, 2, 3, 4, 5])
    other.nodes.first?.layer.state = state
    #expect(try labels(other) == [2, 3])
    let early = try self.net()
    early.nodes.first?.layer.state = state
    try self.source(early).setData((0..<18).map(Float.init), labels: [0, 1, 2, 3, 4, 5])
    #expect(try labels(early) == [2, 3])
    #expect(source.recordCount == 6 && source.recordName(sample: 1) == "1")
    source.beginSinglePass()
    for batch in 0..<3 { #expect(try labels(net) == [Float(2 * batch), Float(2 * batch + 1)]) }
    #expect(throws: EndOfData.self) { try net.forward() }
  }

  @Test("What does not fit is told, and a net without records cannot run")
  func faults() throws {
    let remarks = Remarks()
    let net = try net(remarks, extra: "transform_param { scale: 2 }")
    #expect(remarks.all.first?.contains("transform_param has no effect") == true)
    let source = try source(net)
    #expect(
      DataSupport.problems { try net.forward() }.first?.message.contains("handed over") == true)
    let odd = DataSupport.problems { try source.setData([1, 2, 3], labels: [1]) }.first
    #expect(odd?.message.contains("1 records cannot be taken in batches of 2") == true)
    #expect(odd?.location != nil)
    for (count, labels) in [(5, 2), (0, 0), (6, 1)] {
      let data = [Float](repeating: 0, count: count)
      let problem = DataSupport.problems {
        try source.setData(data, labels: [Float](repeating: 0, count: labels))
      }
      #expect(problem.first?.message.contains("do not belong together") == true)
    }
    let missing = DataSupport.problems {
      _ = try ImageDataTests.net("memory_data_param { channels: 1 width: 0 }", type: "MemoryData")
    }
    #expect(missing.count == 3)
  }
}
