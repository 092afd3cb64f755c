import Prototxt

/// The arrays of a `.safetensors` file.
struct Safetensors {
  /// An array: its sizes, and where its values are.
  struct Entry {
    let type: String
    let shape: [Int]
    let range: Range<Int>

    var count: Int { shape.reduce(1, *) }
  }

  let path: String
  /// The arrays by name.
  let entries: [String: Entry]
  private let bytes: [UInt8]

  /// Reads a file.
  init(path: String) throws(Diagnostic) {
    self.path = path
    bytes = try WholeFile.bytes(path)
    func fail(_ text: String) -> Diagnostic {
      .error("is no .safetensors file: \(text)", path: path)
    }
    guard bytes.count >= 8 else { throw fail("it is too short") }
    let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(bytes.count - 8), length < 1 << 28 else {
      throw fail("its header would be \(length) bytes long")
    }
    let start = 8 + Int(length)
    let header = JSON(reading: String(decoding: bytes[8..<start], as: UTF8.self))
    guard case .object(let members)? = header else {
      throw fail("its header is no JSON")
    }
    var entries: [String: Entry] = [:]
    for (name, value) in members where name != "__metadata__" {
      guard let entry = Entry(value, start, bytes.count) else {
        throw fail("what it says of '\(name)' makes no sense")
      }
      entries[name] = entry
    }
    self.entries = entries
  }

  /// The values of an array as floats; `nil` if its type is none of floats.
  func floats(_ entry: Entry) -> [Float]? {
    bytes[entry.range].withUnsafeBytes { raw in
      switch entry.type {
      case "F32":
        return (0..<entry.count).map {
          Float(
            bitPattern: UInt32(
              littleEndian: raw.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
        }
      case "F64":
        return (0..<entry.count).map {
          Float(
            Double(
              bitPattern: UInt64(
                littleEndian: raw.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self))))
        }
      case "BF16":
        return (0..<entry.count).map {
          let bits = UInt16(
            littleEndian: raw.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self))
          return Float(bitPattern: UInt32(bits) << 16)
        }
      case "F16":
        return (0..<entry.count).map {
          let bits = UInt16(
            littleEndian: raw.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self))
          return Float(Float16(bitPattern: bits))
        }
      default: return nil
      }
    }
  }
}

extension Safetensors.Entry {
  /// Reads what a header says; `nil` if it cannot be.
  fileprivate init?(_ value: JSON, _ start: Int, _ end: Int) {
    guard case .object(let members) = value else { return nil }
    var fields: [String: JSON] = [:]
    for (name, value) in members { fields[name] = value }
    guard case .string(let type)? = fields["dtype"], let shape = Self.sizes(fields["shape"]),
      let offsets = Self.sizes(fields["data_offsets"]), offsets.count == 2
    else { return nil }
    var count = 1
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow, product < 1 << 40 else { return nil }
      count = product
    }
    let width = ["F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2][type] ?? 1
    guard offsets[0] <= offsets[1], offsets[1] <= end - start,
      offsets[1] - offsets[0] == count * width
    else { return nil }
    (self.type, self.shape) = (type, shape)
    range = start + offsets[0]..<start + offsets[1]
  }

  private static func sizes(_ value: JSON?) -> [Int]? {
    guard case .array(let values)? = value else { return nil }
    let numbers = values.compactMap { value -> Int? in
      if case .int(let number) = value, number >= 0 { number } else { nil }
    }
    return numbers.count == values.count ? numbers : nil
  }
}
