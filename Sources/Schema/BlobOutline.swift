internal import Prototxt

/// What is in a BlobProto, counted but not read.
struct BlobOutline {
  /// The values or the gradients.
  struct Part {
    var floats = 0
    var doubles = 0
    var raw: Range<Int>?
    var rawType = RawType.float
  }

  private(set) var values = Part()
  private(set) var diffs = Part()
  private var shape: [Int]?
  private var legacyShape: [Int?] = [nil, nil, nil, nil]

  /// Walks over all fields once.
  init(_ reader: WireReader) throws(Diagnostic) {
    var reader = reader
    while let (number, type) = try reader.next() {
      switch (number, type) {
      case (1...4, .varint): legacyShape[number - 1] = Self.size(try reader.varint())
      case (7, .lengthDelimited): try readShape(reader.inner(try reader.lengthDelimited()))
      case (5, _): values.floats += try Self.count(size: 4, .fixed32, type, &reader)
      case (6, _): diffs.floats += try Self.count(size: 4, .fixed32, type, &reader)
      case (8, _): values.doubles += try Self.count(size: 8, .fixed64, type, &reader)
      case (9, _): diffs.doubles += try Self.count(size: 8, .fixed64, type, &reader)
      // NVIDIA's fork, which also stores 16-bit numbers.
      case (10, .varint): values.rawType = try Self.rawType(&reader)
      case (11, .varint): diffs.rawType = try Self.rawType(&reader)
      case (12, .lengthDelimited): values.raw = try reader.lengthDelimited()
      case (13, .lengthDelimited): diffs.raw = try reader.lengthDelimited()
      default: try reader.skip(type)
      }
    }
  }

  /// The shape, and whether it is given as the old four numbers.
  ///
  /// Without either it is that of a single number, as Caffe takes it; or, for files that say
  /// nothing, that of a list.
  var shapeOrFlat: (shape: [Int], isLegacy: Bool) {
    if legacyShape.contains(where: { $0 != nil }) {
      return (legacyShape.map { $0 ?? 0 }, true)
    }
    let count = max(values.floats, values.doubles, (values.raw?.count ?? 0) / values.rawType.size)
    return (shape ?? (count == 1 ? [] : [count]), false)
  }

  func error(_ message: String, _ file: MappedFile, at range: Range<Int>) -> Diagnostic {
    .error(
      "\(message) (at byte \(range.lowerBound))", path: file.path,
      help: "the file is damaged or cut off")
  }

  /// The number of values in a field that may be packed or single.
  private static func count(
    size: Int, _ single: WireType, _ type: WireType, _ reader: inout WireReader
  ) throws(Diagnostic) -> Int {
    let start = reader.position
    guard type == .lengthDelimited else {
      try reader.skip(type)
      return type == single ? 1 : 0
    }
    let length = try reader.lengthDelimited().count
    guard length % size == 0 else {
      throw reader.broken("\(length) bytes are no whole number of values", at: start)
    }
    return length / size
  }

  private mutating func readShape(_ reader: WireReader) throws(Diagnostic) {
    var reader = reader
    var sizes = shape ?? []
    while let (number, type) = try reader.next() {
      switch (number, type) {
      case (1, .varint):
        sizes.append(Self.size(try reader.varint()))
      case (1, .lengthDelimited):
        var packed = reader.inner(try reader.lengthDelimited())
        while packed.position < packed.end { sizes.append(Self.size(try packed.varint())) }
      default:
        try reader.skip(type)
      }
    }
    shape = sizes
  }

  private static func size(_ bits: UInt64) -> Int { Int(Int64(bitPattern: bits)) }

  private static func rawType(_ reader: inout WireReader) throws(Diagnostic) -> RawType {
    let start = reader.position
    let number = try reader.varint()
    guard let type = RawType(rawValue: number) else {
      throw reader.broken("values of the unknown type \(number)", at: start)
    }
    return type
  }
}
