import Compute
import Foundation
import Glibc
import HDF5
import Layers
import Nets
import Prototxt
import Schema
import Testing

@testable import Datasets

@Suite("HDF5Data and HDF5Output")
struct HDF5DataTests {
  /// Makes files whose rows count up through all of them, and a list of them.
  private func makeFiles(_ folder: String, rows: [Int]) throws {
    var next = 0
    for (index, count) in rows.enumerated() {
      // libhdf5 refuses to write over a file that a reader on its way out still holds; a new one it takes.
      unlink("\(folder)/\(index).h5")
      let file = try HDF5File(creating: "\(folder)/\(index).h5")
      let numbers = (next..<next + count).map(Float.init)
      try file.write("label", shape: [count], values: numbers)
      try file.write(
        "data", shape: [count, 2], values: numbers.flatMap { [10 * $0, 10 * $0 + 1] })
      try file.close()
      next += count
    }
    let list = rows.indices.map { "\($0).h5" }.joined(separator: "\n ") + "\n"
    try list.write(toFile: "\(folder)/list.txt", atomically: true, encoding: .utf8)
  }

  private func makeNet(
    _ parameters: String, tops: [String] = ["data", "label"], more: String = "",
    folder: String? = nil, seed: UInt64 = 1, opensSources: Bool = true,
    assumedShapes: [String: Shape] = [:], remarks: Remarks = Remarks()
  ) throws -> Net {
    let tops = tops.map { "top: '\($0)' " }.joined()
    let text =
      "layer { name: 'data' type: 'HDF5Data' \(tops) hdf5_data_param { \(parameters) } \(more) }"
    return try Self.net(
      text,
      LayerContext(
        workers: Workers(count: 1), seed: seed, files: FileResolver(folder: folder),
        opensSources: opensSources, assumedShapes: assumedShapes, remark: { remarks.add($0) }))
  }

  private static func net(_ text: String, _ context: LayerContext) throws -> Net {
    try Net(
      try TextFormat.parse(text, as: .net, name: "net.prototxt"),
      options: Net.Options(state: NetState(phase: .train), context: context))
  }

  private func source(_ net: Net) throws -> any SourceLayer {
    try #require(net.sources.first?.source)
  }

  /// The labels of some passes; the data must belong to them.
  private func labels(_ net: Net, passes: Int = 1) throws -> [Float] {
    try (0..<passes).flatMap { _ in
      try net.forward()
      let labels = try #require(net.blob("label")).array
      #expect(
        try #require(net.blob("data")).array == labels.flatMap { [10 * $0, 10 * $0 + 1] })
      return labels
    }
  }

  private func told(_ step: () throws -> Void) -> [String] {
    DataSupport.problems(step).map {
      ([$0.message] + [$0.help].compactMap { $0 }).joined(separator: " | ")
    }
  }

  // MARK: Order

  @Test("Rows come in order over the ends of files, round and round")
  func order() throws {
    try DataSupport.withFolder { folder in
      try makeFiles(folder, rows: [3, 0, 4, 1])
      let net = try makeNet("source: '\(folder)/list.txt' batch_size: 5")
      #expect(try labels(net, passes: 4) == (0..<20).map { Float($0 % 8) })
      let source = try source(net)
      #expect(source.recordCount == 8 && source.batchSize == 5)
      #expect(source.recordName(sample: 0) == "'\(folder)/3.h5' row 0")
      #expect(source.recordName(sample: 3) == "'\(folder)/0.h5' row 2")
      #expect(source.recordName(sample: 5) == nil)
      let large = try makeNet("source: '\(folder)/list.txt' batch_size: 19")
      #expect(try labels(large) == (0..<19).map { Float($0 % 8) })
    }
  }

  @Test("Files that are not held in memory as a whole give the same rows", arguments: 1...9)
  func parts(_ rowLimit: Int) throws {
    try DataSupport.withFolder { folder in
      try makeFiles(folder, rows: [7, 2, 8])
      let list = try HDF5List(path: "\(folder)/list.txt", names: ["label", "data"]) {
        ["\(folder)/\($0)"]
      }
      let source = try HDF5Source(
        list, batchSize: 1, shuffles: false, random: RandomStream(key: 1), owner: "layer",
        valueLimit: 3 * rowLimit)
      let batch = Batch(tops: 2)
      for number in 0..<40 {
        #expect(try source.fill(batch))
        #expect(batch.blobs[0].array == [Float(number % 17)])
        #expect(batch.blobs[1].array == [Float(number % 17 * 10), Float(number % 17 * 10 + 1)])
      }
      if rowLimit < 8 {
        let problems = told {
          _ = try HDF5Source(
            list, batchSize: 1, shuffles: true, random: RandomStream(key: 1), owner: "layer",
            valueLimit: 3 * rowLimit)
        }
        #expect(problems.first?.hasPrefix("layer: is too large to shuffle its rows") == true)
      }
    }
  }

  @Test("Shuffled, each round has all rows once, in an order of its own, file by file")
  func shuffle() throws {
    try DataSupport.withFolder { folder in
      try makeFiles(folder, rows: [6, 7, 7])
      let text = "source: '\(folder)/list.txt' batch_size: 4 shuffle: true"
      let net = try makeNet(text)
      let rounds = try (0..<6).map { _ in try labels(net, passes: 5) }
      for round in rounds { #expect(round.sorted() == (0..<20).map(Float.init)) }
      #expect(Set(rounds).count == 6)
      // The rows of a file stay together; files and rows change their places.
      let files = rounds.map { $0.map { $0 < 6 ? 0 : $0 < 13 ? 1 : 2 } }
      let changes = files.map { files in zip(files, files.dropFirst()).filter { $0 != $1 }.count }
      #expect(changes.allSatisfy { $0 == 2 })
      #expect(Set(files).count > 1)
      #expect(try labels(makeNet(text), passes: 5) == rounds[0])
      #expect(try labels(makeNet(text, seed: 2), passes: 5) != rounds[0])
    }
  }

  @Test("A place is found again exactly", arguments: [false, true], [0, 1, 4, 5, 9, 23])
  func resume(_ shuffles: Bool, _ before: Int) throws {
    try DataSupport.withFolder { folder in
      try makeFiles(folder, rows: [5, 1, 7])
      let text = "source: '\(folder)/list.txt' batch_size: 4 shuffle: \(shuffles)"
      let net = try makeNet(text)
      _ = try labels(net, passes: before)
      let state = try source(net).state
      let expected = try labels(net, passes: 12)
      let other = try makeNet(text, seed: 99)
      _ = try labels(other, passes: before % 3)
      other.sources.first?.layer.state = state
      #expect(try source(other).state == state)
      #expect(try labels(other, passes: 12) == expected)
      net.sources.first?.layer.state = state
      #expect(try labels(net, passes: 12) == expected)
    }
  }

  @Test("A place that is not there any more is told")
  func lostPlace() throws {
    try DataSupport.withFolder { folder in
      try makeFiles(folder, rows: [2, 5])
      let text = "source: '\(folder)/list.txt' batch_size: 3"
      let state = LayerState(counters: [4, 1, 5, 77])
      let remarks = Remarks()
      let net = try makeNet(text, remarks: remarks)
      net.sources.first?.layer.state = state
      #expect(try labels(net) == [0, 1, 2])
      #expect(remarks.all.isEmpty)
      try makeFiles(folder, rows: [2, 4])
      let other = try makeNet(text, remarks: remarks)
      other.sources.first?.layer.state = state
      #expect(try labels(other) == [0, 1, 2])
      #expect(remarks.all.count == 1 && remarks.all[0].contains("have changed"))
      other.sources.first?.layer.state = LayerState(counters: [1])
      #expect(told { try other.forward() }.first?.contains("makes no sense") == true)
    }
  }

  @Test("A single pass has each row once, in the files' order, and ends with a smaller batch")
  func singlePass() throws {
    try DataSupport.withFolder { folder in
      try makeFiles(folder, rows: [4, 3])
      let net = try makeNet("source: '\(folder)/list.txt' batch_size: 3 shuffle: true")
      _ = try labels(net, passes: 2)
      let source = try source(net)
      let state = source.state
      let after = try labels(net, passes: 6)
      for _ in 0..<3 {
        source.beginSinglePass()
        #expect(try labels(net, passes: 2) == [0, 1, 2, 3, 4, 5])
        #expect(try labels(net) == [6])
        #expect(net.blob("data")?.shape == [1, 2])
        #expect(throws: EndOfData.self) { try net.forward() }
        #expect(throws: EndOfData.self) { try net.forward() }
      }
      (source as any Layer).state = state
      #expect(try labels(net, passes: 6) == after)
    }
  }

  // MARK: Faults

  @Test("What is wrong with parameters and files is told at once")
  func faults() throws {
    #expect(
      told { _ = try makeNet("", more: "transform_param { scale: 2 }") } == [
        "layer 'data' (HDF5Data): batch_size is missing | add batch_size: …",
        "layer 'data' (HDF5Data): takes no transform_param: its data come as they are | "
          + "scale the data in the files, or by a Power or Scale layer",
        "layer 'data' (HDF5Data): source is missing | add source: \"…\", a text file that names "
          + "HDF5 files",
      ])
    try DataSupport.withFolder { folder in
      try makeFiles(folder, rows: [2, 3, 2, 2])
      func make(_ index: Int, _ sets: [(String, [Int])]) throws {
        let file = try HDF5File(creating: "\(folder)/\(index).h5")
        for (name, shape) in sets {
          let values = [Float](repeating: 0, count: shape.reduce(1, *))
          try file.write(name, shape: shape, values: values)
        }
        try file.close()
      }
      try make(1, [("data", [3, 4]), ("label", [2])])
      try make(2, [("data", []), ("labels", [2])])
      try "not HDF5".write(toFile: "\(folder)/3.h5", atomically: true, encoding: .utf8)
      try "0.h5 1.h5\n2.h5\t3.h5\n\n4.h5".write(
        toFile: "\(folder)/list.txt", atomically: true, encoding: .utf8)
      let problems = DataSupport.problems {
        _ = try makeNet("source: '\(folder)/list.txt' batch_size: 1")
      }
      let texts = problems.map(\.message)
      try #require(texts.count == 6, "\(texts)")
      #expect(texts[0] == "'data' has 3 rows but 'label' has 2")
      #expect(texts[1] == "a row of 'data' has the shape [4], but [2] in the first file")
      #expect(texts[2] == "'data' is a single value, without an axis of rows")
      #expect(texts[3] == "has no data set 'label'")
      #expect(problems[3].help == "did you mean 'labels'?")
      #expect(texts[4].hasPrefix("cannot be read as an HDF5 file: "))
      #expect(texts[5] == "'4.h5': there is no such file" && problems[5].kind == .missingInput)
      #expect(problems[5].path == "\(folder)/list.txt:4")
    }
  }

  @Test("Lists that are none, and files without rows")
  func lists() throws {
    try DataSupport.withFolder { folder in
      try makeFiles(folder, rows: [0])
      func first(_ source: String) -> String? {
        told { _ = try makeNet("source: '\(source)' batch_size: 1") }.first
      }
      #expect(first("\(folder)/list.txt") == "names only files whose data sets have no rows")
      #expect(
        first("\(folder)/0.h5") == "is an HDF5 file itself | source is a text file that names HDF5 "
          + "files")
      try " \n".write(toFile: "\(folder)/empty.txt", atomically: true, encoding: .utf8)
      #expect(first("\(folder)/empty.txt")?.hasPrefix("names no files") == true)
      #expect(first("\(folder)/none.txt")?.contains("there is no such file") == true)
    }
  }

  @Test("A file that goes away while it is needed is told when its rows are due")
  func vanished() throws {
    try DataSupport.withFolder { folder in
      try makeFiles(folder, rows: [40, 3])
      let net = try makeNet("source: '\(folder)/list.txt' batch_size: 4")
      try FileManager.default.removeItem(atPath: "\(folder)/1.h5")
      #expect(try labels(net, passes: 10) == (0..<40).map(Float.init))
      let problems = DataSupport.problems { try net.forward() }
      #expect(problems.first?.path == "\(folder)/1.h5")
      #expect(problems.first?.message.hasPrefix("cannot be read as an HDF5 file") == true)
    }
  }

  @Test("Damaged files, compressed ones too, end in a diagnostic or in other numbers")
  func damaged() throws {
    var refused = 0
    for (index, name) in ["packed", "one", "two"].enumerated() {
      let bytes = Array(try Data(contentsOf: URL(filePath: "\(DataSupport.data)/\(name).h5")))
      var random = TestRandom(UInt64(index + 1))
      for round in 0..<120 {
        try DataSupport.withFolder { folder in
          var changed = bytes
          for _ in 0..<[1, 8][round % 2] {
            changed[Int.random(in: 0..<bytes.count, using: &random)] =
              UInt8.random(in: 0...255, using: &random)
          }
          if round % 5 == 4 { changed.removeLast(Int.random(in: 1..<bytes.count, using: &random)) }
          try Data(changed).write(to: URL(filePath: "\(folder)/x.h5"))
          try "x.h5".write(toFile: "\(folder)/x.txt", atomically: true, encoding: .utf8)
          let problems = told {
            let net = try makeNet("source: '\(folder)/x.txt' batch_size: 4")
            for _ in 0..<3 { try net.forward() }
          }
          refused += problems.isEmpty ? 0 : 1
        }
      }
    }
    #expect(refused > 60)
  }

  @Test("A net whose data are not here takes its shapes from elsewhere")
  func unopened() throws {
    let text = "source: 'nowhere.txt' batch_size: 6"
    #expect(
      told { _ = try makeNet(text, opensSources: false) }.first?.hasSuffix(
        "give it: --shape data=6,…") == true)
    let shapes: [String: Shape] = ["data": [6, 3], "label": [6]]
    let net = try makeNet(text, opensSources: false, assumedShapes: shapes)
    #expect(net.blob("data")?.shape == [6, 3])
    #expect(throws: Diagnostic.self) { try net.forward() }
  }

  // MARK: Output

  private func outputNet(_ folder: String, _ name: String, batch: Int) throws -> Net {
    try Self.net(
      """
      layer { name: 'in' type: 'HDF5Data' top: 'data' top: 'label'
        hdf5_data_param { source: '\(folder)/list.txt' batch_size: \(batch) } }
      layer { name: 'out' type: 'HDF5Output' bottom: 'data' bottom: 'label'
        hdf5_output_param { file_name: '\(folder)/\(name)' } }
      """, LayerContext(workers: Workers(count: 1)))
  }

  @Test("Each pass adds its rows; the file is complete after each, and replaced by the next run")
  func output() throws {
    try DataSupport.withFolder { folder in
      try makeFiles(folder, rows: [5, 4])
      try "old".write(toFile: "\(folder)/out.h5", atomically: true, encoding: .utf8)
      for batch in [3, 2] {
        let net = try outputNet(folder, "out.h5", batch: batch)
        let before = try Data(contentsOf: URL(filePath: "\(folder)/out.h5"))
        #expect(before.count > 2)
        for pass in 1...4 {
          try net.forward()
          let file = try HDF5File(reading: "\(folder)/out.h5")
          let count = pass * batch
          #expect(try file.object("data") == .numbers(shape: [count, 2]))
          let rows = (0..<count).map { Float($0 % 9) }
          #expect(try file.floats("label", count: count) == rows)
          #expect(
            try file.floats("data", count: 2 * count) == rows.flatMap { [10 * $0, 10 * $0 + 1] })
        }
      }
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
          == ["0.h5", "1.h5", "list.txt", "out.h5"])
    }
  }

  /// What is wrong with two layers whose bottoms do not fit, one of them without a file.
  private func outputProblems(_ path: String) throws -> [String] {
    let text = """
      layer { name: 'in' type: 'Input' top: 'x' top: 'y'
        input_param { shape { dim: 3 dim: 2 } shape { dim: 2 } } }
      layer { name: 'out' type: 'HDF5Output' bottom: 'x' bottom: 'y' }
      layer { name: 'out2' type: 'HDF5Output' bottom: 'x' bottom: 'y'
        hdf5_output_param { file_name: '\(path)' } }
      """
    let context = LayerContext(workers: Workers(count: 1))
    return told { _ = try Self.net(text, context) }
  }

  @Test("What cannot be written is told")
  func outputFaults() throws {
    try DataSupport.withFolder { folder in
      try makeFiles(folder, rows: [5])
      #expect(
        told { _ = try outputNet(folder, "none/out.h5", batch: 1) }.first?
          .contains("cannot be written: the folder '\(folder)/none'") == true)
      try FileManager.default.createDirectory(
        atPath: "\(folder)/out.h5", withIntermediateDirectories: false)
      let net = try outputNet(folder, "out.h5", batch: 1)
      #expect(
        told { try net.forward() }.first?.hasPrefix("layer 'out' (HDF5Output): cannot be written")
          == true)
      let rows = try outputProblems("\(folder)/y.h5")
      #expect(rows.first?.contains("file_name is missing") == true)
      #expect(rows.last?.contains("'x' has 3 rows but 'y' has 2") == true)
    }
  }
}
