import Datasets
import Glibc
import Prototxt

/// What the records of a database are like.
struct DatabaseSurvey {
  private(set) var records = 0
  private(set) var sizes: [(size: ImageSize, records: Int)] = []
  private var storages: [String: Int] = [:]
  private var labels: [Int32: Int] = [:]
  private var firstKey = ""
  private var lastKey = ""
  private var range: ClosedRange<Float> = 0...0

  /// Adds a record.
  mutating func add(_ record: Database.Record) {
    if records == 0 {
      firstKey = record.key
      range = record.range
    }
    lastKey = record.key
    records += 1
    let values = record.range
    range =
      min(range.lowerBound, values.lowerBound)...max(range.upperBound, values.upperBound)
    storages[record.storage.rawValue, default: 0] += 1
    labels[record.label, default: 0] += 1
    if let index = sizes.firstIndex(where: { $0.size == record.size }) {
      sizes[index].records += 1
    } else {
      sizes.append((record.size, 1))
    }
  }

  /// The bytes of a database's file.
  private static func bytes(_ path: String) -> Int {
    var info = stat()
    return stat("\(path)/data.mdb", &info) == 0 ? Int(info.st_size) : 0
  }

  /// A line for each thing.
  func text(_ path: String) -> String {
    var lines = ["\(path): \(Numbers.count(records, "record")), \(Numbers.bytes(Self.bytes(path)))"]
    guard records > 0 else { return lines[0] }
    func add(_ name: String, _ value: String) {
      lines.append("  \(name)\(String(repeating: " ", count: max(1, 10 - name.count)))\(value)")
    }
    let shown = sizes.sorted { $0.records > $1.records }.prefix(5).map {
      sizes.count == 1 ? "\($0.size)" : "\($0.size) (\(Numbers.grouped($0.records)))"
    }
    let more = sizes.count > 5 ? ", and \(sizes.count - 5) more" : ""
    add("sizes", shown.joined(separator: ", ") + more)
    add("stored as", storages.keys.sorted().joined(separator: ", "))
    add(
      "values", "\(Numbers.general(range.lowerBound)) to \(Numbers.general(range.upperBound))")
    let (least, most) = (labels.values.min() ?? 0, labels.values.max() ?? 0)
    add(
      "labels",
      "\(Numbers.count(labels.count, "label")) from \(labels.keys.min() ?? 0) to "
        + "\(labels.keys.max() ?? 0), of \(Numbers.grouped(least))"
        + (least == most ? "" : " to \(Numbers.grouped(most))") + " records")
    add("keys", "\(firstKey) to \(lastKey)")
    return lines.joined(separator: "\n")
  }

  /// The same as JSON.
  func json(_ path: String) -> JSON {
    .members([
      "database": .string(path), "records": .int(records), "bytes": .int(Self.bytes(path)),
      "sizes": .array(
        sizes.map { entry in
          .object([
            ("channels", .int(entry.size.channels)), ("height", .int(entry.size.height)),
            ("width", .int(entry.size.width)), ("records", .int(entry.records)),
          ])
        }),
      "stored_as": .array(storages.keys.sorted().map(JSON.string)),
      "least": .float(range.lowerBound), "most": .float(range.upperBound),
      "labels": .int(labels.count),
    ])
  }
}
