import CLMDB
import Foundation
import Prototxt
import Testing

@testable import Datasets

@Suite("LMDB")
struct LMDBTests {
  static let golden = [
    "data/big_lmdb", "data/color_lmdb", "data/float_lmdb", "data/gray_lmdb", "data/jpg_lmdb",
    "data/many_lmdb", "data/png_lmdb", "data/pnggray_lmdb", "data/varied_lmdb",
    "legacy/tools/digits100_lmdb", "legacy/tools/imageset_color_lmdb", "solvers/digits_lmdb",
  ].map { "\(DataSupport.goldens)/\($0)" }

  /// What LMDB's own functions read.
  private func recordsByLMDB(_ path: String) throws -> [(key: [UInt8], value: [UInt8])] {
    var environment: OpaquePointer?
    var transaction: OpaquePointer?
    var database: MDB_dbi = 0
    var cursor: OpaquePointer?
    mdb_env_create(&environment)
    defer { mdb_env_close(environment) }
    try #require(mdb_env_open(environment, path, UInt32(MDB_RDONLY | MDB_NOLOCK), 0o644) == 0)
    try #require(mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &transaction) == 0)
    defer { mdb_txn_abort(transaction) }
    try #require(mdb_dbi_open(transaction, nil, 0, &database) == 0)
    try #require(mdb_cursor_open(transaction, database, &cursor) == 0)
    defer { mdb_cursor_close(cursor) }
    var records: [(key: [UInt8], value: [UInt8])] = []
    var key = MDB_val()
    var value = MDB_val()
    while mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0 {
      records.append(
        (
          Array(UnsafeRawBufferPointer(start: key.mv_data, count: key.mv_size)),
          Array(UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size))
        ))
    }
    return records
  }

  private func isEqual(
    _ a: [(key: [UInt8], value: [UInt8])], _ b: [(key: [UInt8], value: [UInt8])]
  ) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { $0.key == $1.key && $0.value == $1.value }
  }

  @Test("The walk gives what LMDB's own cursor gives", arguments: golden)
  func walk(_ path: String) throws {
    let records = try recordsByLMDB(path)
    #expect(!records.isEmpty)
    #expect(isEqual(try DataSupport.records(path), records))
    let reader = try LMDBReader(path: path)
    #expect(reader.count == records.count)
    #expect(try reader.last().map { Array($0.key) } == records.last?.key)
    #expect(try reader.next() == nil)
    #expect(try reader.first().map { Array($0.key) } == records.first?.key)
  }

  @Test("Records are found by key and by index")
  func seeking() throws {
    try DataSupport.withFolder { folder in
      let path = "\(folder)/db"
      let writer = try LMDBWriter(path: path)
      for index in 0..<3000 {
        try writer.put(
          key: Array(String(format: "%08d", 2 * index).utf8), value: [UInt8(index & 255)])
      }
      try writer.finish()
      let reader = try LMDBReader(path: path)
      for index in [0, 1, 2, 7, 500, 1499, 2998, 2999] {
        let key = Array(String(format: "%08d", 2 * index).utf8)
        #expect(try key.withUnsafeBytes { try reader.seek(key: $0, position: index + 1) })
        #expect(reader.position == index + 1)
        let next = try reader.next().map { Array($0.key) }
        #expect(next == (index < 2999 ? Array(String(format: "%08d", 2 * index + 2).utf8) : nil))
        try reader.seek(index: index)
        #expect(try reader.next().map { Array($0.key) } == key)
      }
      for missing in ["", "0", "00000001", "00002999", "9", "000000020"] {
        #expect(try !Array(missing.utf8).withUnsafeBytes { try reader.seek(key: $0, position: 1) })
        #expect(try reader.next().map { $0.key.elementsEqual("00000000".utf8) } == true)
      }
    }
  }

  @Test("A map that is too small grows, and keys may come in any order", arguments: [1, 64, 512])
  func growth(_ kilobytes: Int) throws {
    try DataSupport.withFolder { folder in
      let path = "\(folder)/db"
      var random = TestRandom(7)
      var expected: [[UInt8]: [UInt8]] = [:]
      let writer = try LMDBWriter(path: path, mapSize: kilobytes << 10)
      for _ in 0..<2500 {
        let key = (0..<8).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        let count = Int.random(in: 0..<100) == 0 ? 9000 : Int.random(in: 0..<900)
        let value = [UInt8](
          repeating: UInt8.random(in: .min ... .max, using: &random), count: count)
        expected[key] = value
        try writer.put(key: key, value: value)
      }
      try writer.finish()
      let sorted = expected.sorted { $0.key.lexicographicallyPrecedes($1.key) }
      #expect(isEqual(try DataSupport.records(path), sorted.map { ($0.key, $0.value) }))
      #expect(isEqual(try recordsByLMDB(path), sorted.map { ($0.key, $0.value) }))
    }
  }

  @Test("A folder that is there is kept, or replaced when the new one is complete")
  func replacing() throws {
    try DataSupport.withFolder { folder in
      let path = "\(folder)/db"
      try DataSupport.makeLMDB(path, DataSupport.images(3))
      let problem = DataSupport.problems { _ = try LMDBWriter(path: path) }
      #expect(problem.first?.message == "is there already")
      let writer = try LMDBWriter(path: path, replacing: true)
      try writer.put(key: [1], value: [2])
      #expect(try DataSupport.records(path).count == 3)
      // A reader of the old one goes on with it.
      let reader = try LMDBReader(path: path)
      try writer.finish()
      #expect(try DataSupport.records(path).count == 1)
      var old = 0
      while try reader.next() != nil { old += 1 }
      #expect(old == 3)
      #expect(folderNames(folder) == ["db"])
    }
  }

  @Test("What is not an LMDB is never replaced; nothing is left behind")
  func keeping() throws {
    try DataSupport.withFolder { folder in
      try FileManager.default.createDirectory(
        atPath: "\(folder)/home", withIntermediateDirectories: true)
      #expect(FileManager.default.createFile(atPath: "\(folder)/home/data.mdb", contents: nil))
      #expect(FileManager.default.createFile(atPath: "\(folder)/home/thesis", contents: nil))
      for name in ["home", "home/thesis"] {
        let problem = DataSupport.problems {
          _ = try LMDBWriter(path: "\(folder)/\(name)", replacing: true)
        }
        #expect(problem.first?.message == "is there already, and is not an LMDB")
      }
      let problem = DataSupport.problems { _ = try LMDBWriter(path: "\(folder)/none/db") }
      #expect(problem.first?.message.contains("there is no folder") == true)
      var writer: LMDBWriter? = try LMDBWriter(path: "\(folder)/db")
      for record in DataSupport.images(2000) {
        try writer?.put(key: Array(record.key.utf8), value: record.value)
      }
      #expect(DataSupport.problems { try writer?.put(key: [], value: []) }.count == 1)
      #expect(folderNames(folder).count == 2)
      writer = nil
      #expect(folderNames(folder) == ["home"])
    }
  }

  @Test("A folder opened twice is one environment")
  func sharing() throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(5))
      symlink("db", "\(folder)/link")
      let readers = try (0..<200).map { index in
        try LMDBReader(path: "\(folder)/\(index % 2 == 0 ? "db" : "link")")
      }
      for reader in readers {
        #expect(try reader.next().map { $0.key.elementsEqual("0000".utf8) } == true)
      }
    }
  }

  @Test("Where no lock can be made, data are read without one")
  func withoutLock() throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(5))
      mkdir("\(folder)/db/lock.mdb", 0o755)
      #expect(try DataSupport.records("\(folder)/db").count == 5)
    }
  }

  // MARK: Faults

  private func problem(_ path: String) -> Diagnostic? {
    DataSupport.problems { _ = try DataSupport.records(path) }.first
  }

  @Test("What is not there, or is something else, is told")
  func missing() throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/train_lmdb", DataSupport.images(1))
      let misspelt = problem("\(folder)/tran_lmdb")
      #expect(misspelt?.kind == .missingInput && misspelt?.message == "there is no such folder")
      #expect(misspelt?.help == "did you mean '\(folder)/train_lmdb'?")
      #expect(problem(folder)?.help == "did you mean '\(folder)/train_lmdb'?")
      let file = problem("\(folder)/train_lmdb/data.mdb")
      #expect(file?.help == "name the folder it is in: '\(folder)/train_lmdb'")
      for (name, content) in [("empty", ""), ("text", String(repeating: "x", count: 9000))] {
        mkdir("\(folder)/\(name)", 0o755)
        _ = FileManager.default.createFile(
          atPath: "\(folder)/\(name)/data.mdb", contents: Foundation.Data(content.utf8))
        #expect(problem("\(folder)/\(name)")?.message.contains("no LMDB") == true)
      }
      let level = problem("\(DataSupport.data)/small_leveldb")
      #expect(level?.message.hasPrefix("is a LevelDB, which cannot be read") == true)
      #expect(level?.help?.contains("--backend=lmdb") == true)
    }
  }

  @Test("A file that is cut off anywhere is told, and reading never goes beyond it")
  func truncation() throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(300, height: 20, width: 30))
      let file = "\(folder)/db/data.mdb"
      let bytes = try Foundation.Data(contentsOf: URL(filePath: file))
      for length in stride(from: 0, to: bytes.count, by: 4096 * 3 - 1000) {
        truncate(file, length)
        let problem = problem("\(folder)/db")
        #expect(problem != nil && problem?.kind == .badInput, "\(length) bytes")
        try bytes.write(to: URL(filePath: file))
      }
      #expect(try DataSupport.records("\(folder)/db").count == 300)
    }
  }

  @Test("Changed bytes in an LMDB never end the program")
  func damage() throws {
    try DataSupport.withFolder { folder in
      let path = "\(folder)/db"
      let file = "\(path)/data.mdb"
      let large: [(key: String, value: [UInt8])] = (0..<4).map {
        ("9\($0)", [UInt8](repeating: 1, count: 10_000))
      }
      try DataSupport.makeLMDB(path, DataSupport.images(150) + large)
      let original = try Array(Foundation.Data(contentsOf: URL(filePath: file)))
      var random = TestRandom(3)
      var told = 0
      for _ in 0..<FuzzTests.rounds / 100 {
        var bytes = original
        for _ in 0..<Int.random(in: 1...8, using: &random) {
          // Most in the heads and the heads of pages, where it matters.
          var place = Int.random(in: 0..<bytes.count, using: &random)
          if Bool.random(using: &random) { place = place / 4096 * 4096 + place % 256 }
          bytes[place] = UInt8.random(in: .min ... .max, using: &random)
        }
        try Foundation.Data(bytes).write(to: URL(filePath: file))
        if problem(path) != nil { told += 1 }
      }
      #expect(told > 0)
    }
  }
}
