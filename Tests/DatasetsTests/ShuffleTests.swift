import Compute
import Foundation
import Layers
import Nets
import Testing

@testable import Datasets

/// Records of databases in an order that is drawn for each pass.
@Suite("Shuffled databases")
struct ShuffleTests {
  private func labels(_ net: Net) throws -> [Int] {
    _ = try net.forward()
    let blob = try #require(net.blob("label"))
    return (0..<blob.count).map { Int(blob.values[$0]) }
  }

  private func parameters(_ path: String, _ text: String = "shuffle: true") -> String {
    """
    data_param { source: '\(path)' batch_size: 4 backend: LMDB \(text) }
    transform_param { mirror: true }
    """
  }

  @Test("Every record of a tree of any depth is found by its index", arguments: [1, 2, 40, 3000])
  func index(count: Int) throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(count, height: 3, width: 9))
      let all = try DataSupport.records("\(folder)/db")
      let reader = try LMDBReader(path: "\(folder)/db")
      for step in 0..<count {
        let index = step * 7 % count
        let record = try reader.record(at: index)
        #expect(record.key.elementsEqual(all[index].key))
        #expect(record.value.elementsEqual(all[index].value))
      }
      #expect(reader.position == 0)
      #expect(try reader.next()?.key.elementsEqual(all[0].key) == true)
      #expect(throws: (any Error).self) { try reader.record(at: count) }
      #expect(throws: (any Error).self) { try reader.record(at: -1) }
    }
  }

  @Test("Records with pages of their own are found by their index, too")
  func largeRecords() throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(50, height: 60, width: 100))
      let all = try DataSupport.records("\(folder)/db")
      let reader = try LMDBReader(path: "\(folder)/db")
      for index in all.indices.reversed() {
        #expect(try reader.record(at: index).value.elementsEqual(all[index].value))
      }
    }
  }

  @Test("Each pass has every record once, in an order of its own that the seed determines")
  func passes() throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(20))
      let net = try DataSupport.net(parameters("\(folder)/db"))
      let same = try DataSupport.net(parameters("\(folder)/db", "shuffle: true prefetch: 1"))
      let other = try DataSupport.net(parameters("\(folder)/db"), seed: 2)
      var orders: Set<[Int]> = []
      for _ in 0..<5 {
        let order = try (0..<5).flatMap { _ in try labels(net) }
        #expect(order.sorted() == Array(0..<20))
        #expect(try (0..<5).flatMap { _ in try labels(same) } == order)
        orders.insert(order)
        orders.insert(try (0..<5).flatMap { _ in try labels(other) })
      }
      #expect(orders.count == 10)
      // A single pass has the order of the keys, and the shuffled ones go on behind it.
      let source = try #require(net.sources.first?.source)
      let state = source.state
      let next = try labels(net)
      source.beginSinglePass()
      #expect(try labels(net) == [0, 1, 2, 3])
      (source as any Layer).state = state
      #expect(try labels(net) == next)
    }
  }

  @Test(
    "The place is saved exactly, whatever was read ahead", arguments: [0, 1, 5, 6, 17], [1, 9])
  func resume(_ before: Int, _ prefetch: Int) throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(23))
      let text = parameters("\(folder)/db", "shuffle: true prefetch: \(prefetch)")
      let net = try DataSupport.net(text)
      for _ in 0..<before { _ = try labels(net) }
      let state = try #require(net.sources.first?.layer.state)
      let expected = try (0..<15).map { _ in try labels(net) }
      let other = try DataSupport.net(text, seed: 99)
      _ = try labels(other)
      other.sources.first?.layer.state = state
      #expect(other.sources.first?.layer.state == state)
      #expect(try (0..<15).map { _ in try labels(other) } == expected)
    }
  }

  @Test("A place in another order, or in other data, is told, and a pass begins")
  func otherOrder() throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(12))
      try DataSupport.makeLMDB("\(folder)/more", DataSupport.images(13))
      let shuffled = try DataSupport.net(parameters("\(folder)/db"))
      let plain = try DataSupport.net(parameters("\(folder)/db", ""))
      _ = try (labels(shuffled), labels(plain))
      let states = try [shuffled, plain].map { try #require($0.sources.first?.layer.state) }
      for (state, name, text, remark) in [
        (states[0], "db", "", "is of a shuffled run"),
        (states[1], "db", "shuffle: true", "was not shuffled"),
        (states[0], "more", "shuffle: true", "has 13 records, no longer 12"),
      ] {
        let remarks = Remarks()
        let net = try DataSupport.net(
          parameters("\(folder)/\(name)", text), seed: 3, remarks: remarks)
        net.sources.first?.layer.state = state
        let all = try (0..<3).flatMap { _ in try labels(net) }
        #expect(Set(all).count == 12)
        #expect(remarks.all.contains { $0.contains(remark) }, "\(remarks.all)")
      }
    }
  }

  @Test("A damaged tree ends in an error, wherever its index is made")
  func damaged() throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(300))
      let file = URL(filePath: "\(folder)/db/data.mdb")
      let good = try Data(contentsOf: file)
      var random = TestRandom(4)
      for _ in 0..<200 {
        var bad = good
        // The two first pages say where the tree is, and are checked before.
        for _ in 0..<3 {
          bad[Int.random(in: 8192..<bad.count, using: &random)] = UInt8.random(
            in: 0...255, using: &random)
        }
        try bad.write(to: file)
        guard let reader = try? LMDBReader(path: "\(folder)/db") else { continue }
        for index in 0..<300 { _ = try? reader.record(at: index) }
      }
    }
  }
}
