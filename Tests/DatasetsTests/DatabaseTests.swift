import Compute
import Foundation
import Prototxt
import Schema
import Testing

@testable import Datasets

@Suite("Databases and means")
struct DatabaseTests {
  @Test(
    "The mean is the file that compute_image_mean writes",
    arguments: [
      ("legacy/tools/digits100_lmdb", "legacy/tools/digits100_mean.binaryproto", 34.2332),
      ("solvers/digits_lmdb", "legacy/tools/mean.binaryproto", 34.6948),
    ])
  func mean(_ database: String, _ file: String, _ channel: Double) throws {
    try DataSupport.withFolder { folder in
      let mean = try MeanComputation(of: "\(DataSupport.goldens)/\(database)")
      try mean.write(to: "\(folder)/mean.binaryproto")
      let got = try Foundation.Data(contentsOf: URL(filePath: "\(folder)/mean.binaryproto"))
      let want = try Foundation.Data(contentsOf: URL(filePath: "\(DataSupport.goldens)/\(file)"))
      #expect(got == want)
      // Caffe's own sum of the means is rounded on the way.
      #expect(mean.channelMeans.count == 1 && abs(mean.channelMeans[0] - channel) < 2e-4)
    }
  }

  @Test("Encoded images and floats have means too", arguments: ["png", "jpg", "float", "color"])
  func kinds(_ name: String) throws {
    let path = "\(DataSupport.data)/\(name)_lmdb"
    let mean = try MeanComputation(of: path)
    let database = try Database(path: path)
    var sums = [Double](repeating: 0, count: mean.values.count)
    let decoder = RecordDecoder(.unchanged)
    for record in try DataSupport.records(path) {
      try record.value.withUnsafeBytes {
        switch try decoder.image(try Datum($0)).1 {
        case .bytes(let all): for index in sums.indices { sums[index] += Double(all[index]) }
        case .floats(let all): for index in sums.indices { sums[index] += Double(all[index]) }
        }
      }
    }
    #expect(
      mean.records == database.count
        && mean.size.channels == (name == "float" ? mean.size.channels : 3))
    #expect(mean.values == sums.map { Float($0 / Double(database.count)) })
    withExtendedLifetime(decoder) {}
  }

  @Test("Records of several sizes have no mean")
  func sizes() throws {
    let problem = DataSupport.problems {
      _ = try MeanComputation(of: "\(DataSupport.data)/varied_lmdb")
    }.first
    #expect(problem?.help?.contains("--resize") == true)
  }

  @Test("Each record is told as it is, and damaged ones do not end the walk")
  func walk() throws {
    try DataSupport.withFolder { folder in
      var records = DataSupport.images(5)
      records[1].value.removeLast(4)
      records[3].value = []
      try DataSupport.makeLMDB("\(folder)/db", records)
      let database = try Database(path: "\(folder)/db")
      var good: [String] = []
      var bad: [String] = []
      while let result = try database.next() {
        switch result {
        case .success(let record):
          good.append(record.key)
          #expect(record.size == ImageSize(channels: 1, height: 4, width: 5))
          #expect(record.storage == .bytes)
          let start = Float(10 * Int(record.label))
          #expect(record.range == start...start + 19)
        case .failure(let problem): bad.append(problem.message)
        }
      }
      #expect(good == ["'0000'", "'0002'", "'0004'"])
      #expect(bad.count == 2 && bad[0].hasPrefix("record '0001': "))
      #expect(DataSupport.problems { _ = try Database(path: "\(folder)/other") }.count == 1)
      let level = DataSupport.problems {
        _ = try Database(path: "\(DataSupport.data)/small_leveldb")
      }
      #expect(level.first?.message.contains("LevelDB") == true)
    }
  }

  @Test("Exported images are those of the records, in folders by label")
  func export() throws {
    try DataSupport.withFolder { folder in
      for name in ["gray", "color", "png", "float"] {
        let path = "\(DataSupport.data)/\(name)_lmdb"
        let database = try Database(path: path)
        let (images, _) = try ImageExport(target: "\(folder)/\(name)").run(database)
        #expect(images == database.count)
        let files =
          (FileManager.default.enumerator(atPath: "\(folder)/\(name)")?.allObjects
          as? [String] ?? []).filter { $0.hasSuffix(".png") }
        #expect(files.count == images)
        #expect(
          DataSupport.problems {
            _ = try ImageExport(target: "\(folder)/\(name)").run(database)
          }.first?.message == "is there already")
      }
      let decoder = ImageDecoder()
      let database = try Database(path: "\(DataSupport.data)/color_lmdb")
      while let record = try database.nextGood() {
        let name = record.key.dropFirst().dropLast()
        let file = try Array(
          Foundation.Data(contentsOf: URL(filePath: "\(folder)/color/\(record.label)/\(name).png")))
        try file.withUnsafeBytes { file in
          let pixels = try decoder.decode(file, .unchanged)
          let got = Array(UnsafeBufferPointer(start: pixels, count: record.count))
          #expect(record.withBytes(Array.init) == got)
        }
      }
      let some = try ImageExport(target: "\(folder)/some", limit: 2).run(database)
      #expect(some.images == 2)
    }
  }

  // MARK: CIFAR

  private func makeCIFAR(_ folder: String, perFile: Int) throws {
    for (file, name) in ((1...5).map { "data_batch_\($0).bin" } + ["test_batch.bin"]).enumerated() {
      let bytes = (0..<perFile).flatMap { index -> [UInt8] in
        let pixels = (0..<3072).map { UInt8(truncatingIfNeeded: $0 + 10 * file + index) }
        return [UInt8((file + index) % 10)] + pixels
      }
      try Pictures.write(bytes, "\(folder)/\(name)")
    }
  }

  @Test("CIFAR-10's files become two data bases with keys of five digits")
  func cifar() throws {
    try DataSupport.withFolder { folder in
      try makeCIFAR("\(folder)/in", perFile: 7)
      let parts = try CIFARConversion(source: "\(folder)/in", target: folder).run()
      #expect(parts.map(\.records) == [35, 7])
      #expect(parts[0].classes.reduce(0, +) == 35)
      let records = try DataSupport.records("\(folder)/cifar10_train_lmdb")
      #expect(
        records.map { String(decoding: $0.key, as: UTF8.self) }
          == (0..<35).map { String(format: "%05d", $0) })
      try records[8].value.withUnsafeBytes {
        let datum = try Datum($0)
        #expect(
          [datum.channels, datum.height, datum.width, Int(datum.label)] == [3, 32, 32, 2] as [Int])
        #expect(Array(datum.data) == (0..<3072).map { UInt8(truncatingIfNeeded: $0 + 11) })
      }
      #expect(try DataSupport.records("\(folder)/cifar10_test_lmdb").count == 7)
    }
  }

  @Test("CIFAR's missing and damaged files are told together, and nothing is made")
  func badCIFAR() throws {
    try DataSupport.withFolder { folder in
      try makeCIFAR("\(folder)/in", perFile: 2)
      try FileManager.default.removeItem(atPath: "\(folder)/in/data_batch_2.bin")
      try Pictures.write([1, 2, 3], "\(folder)/in/data_batch_4.bin")
      try Pictures.write([UInt8](repeating: 10, count: 3073), "\(folder)/in/test_batch.bin")
      let problems = DataSupport.problems {
        _ = try CIFARConversion(source: "\(folder)/in", target: folder).run()
      }
      #expect(problems.count == 3 && problems[0].kind == .missingInput)
      #expect(problems[2].message.contains("has the label 10"))
      #expect(folderNames(folder) == ["in"])
    }
  }

  // MARK: Features

  @Test("Features are written as Datums, as an array and as a text")
  func features() throws {
    try DataSupport.withFolder { folder in
      let blob = Blob("f", shape: [3, 2, 2])
      blob.assign((0..<12).map { Float($0) / 4 })
      let single = Blob("s", shape: [])
      single.assign([2.5])
      for format in FeatureFormat.allCases {
        let name = format == .lmdb ? "db" : "f.\(format.rawValue)"
        #expect(FeatureFormat(path: name) == format)
        for (target, blob) in [(name, blob), ("s\(name)", single)] {
          let file = try format.open("\(folder)/\(target)", replacing: false)
          try file.add(blob)
          try file.add(blob)
          try file.finish()
          #expect(throws: Diagnostic.self) {
            try format.open("\(folder)/\(target)", replacing: false)
          }
        }
      }
      #expect(folderNames(folder) == ["db", "f.csv", "f.npy", "sdb", "sf.csv", "sf.npy"])
      let records = try DataSupport.records("\(folder)/db")
      #expect(String(decoding: records[5].key, as: UTF8.self) == "0000000005")
      try records[5].value.withUnsafeBytes {
        let datum = try Datum($0)
        #expect([datum.channels, datum.height, datum.width] == [2, 2, 1] as [Int])
        var floats = [Float](repeating: 0, count: 4)
        datum.copyFloats(into: &floats)
        #expect(floats == [2, 2.25, 2.5, 2.75])
      }
      let text = try String(contentsOfFile: "\(folder)/f.csv", encoding: .utf8)
      #expect(text.hasPrefix("0.0,0.25,0.5,0.75\n1.0,") && text.split(separator: "\n").count == 6)
      let array = try Array(Foundation.Data(contentsOf: URL(filePath: "\(folder)/f.npy")))
      #expect(array.count == 256 + 6 * 16 && array.prefix(8) == [0x93, 78, 85, 77, 80, 89, 1, 0])
      let header = String(decoding: array[10..<256], as: UTF8.self)
      #expect(header.hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (6, 2, 2), }"))
      #expect(header.hasSuffix(" \n"))
      let scalar = try Array(Foundation.Data(contentsOf: URL(filePath: "\(folder)/sf.npy")))
      #expect(String(decoding: scalar[10..<256], as: UTF8.self).contains("'shape': (2,), }"))
    }
  }

  @Test("What was begun and not finished leaves nothing")
  func unfinished() throws {
    try DataSupport.withFolder { folder in
      for format in FeatureFormat.allCases {
        let file = try format.open("\(folder)/x", replacing: false)
        try file.add(Blob("f", shape: [3, 2]))
      }
      #expect(folderNames(folder) == [])
    }
  }
}
