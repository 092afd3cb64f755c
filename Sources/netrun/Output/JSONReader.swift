/// Reads JSON as it stands in the headers of files.
struct JSONReader {
  private let bytes: ArraySlice<UInt8>
  private var place: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    place = bytes.startIndex
  }

  /// The value at the reader's place; `nil` if it is damaged.
  mutating func read(depth: Int = 0) -> JSON? {
    guard depth < 32, let first = next() else { return nil }
    switch first {
    case UInt8(ascii: "{"): return object(depth)
    case UInt8(ascii: "["): return array(depth)
    case UInt8(ascii: "\""): return string().map { .string($0) }
    case UInt8(ascii: "t"): return word("rue").map { .bool(true) }
    case UInt8(ascii: "f"): return word("alse").map { .bool(false) }
    case UInt8(ascii: "n"): return word("ull").map { .null }
    default: return number(first)
    }
  }

  /// The next byte that is no blank.
  private mutating func next() -> UInt8? {
    while place < bytes.endIndex {
      let byte = bytes[place]
      place += 1
      if ![0x20, 0x09, 0x0a, 0x0d].contains(byte) { return byte }
    }
    return nil
  }

  private mutating func word(_ rest: String) -> Void? {
    guard bytes[place...].starts(with: rest.utf8) else { return nil }
    place += rest.utf8.count
    return ()
  }

  private mutating func object(_ depth: Int) -> JSON? {
    var members: [(name: String, value: JSON)] = []
    var mark = next()
    while mark == UInt8(ascii: "\"") {
      guard let name = string(), next() == UInt8(ascii: ":"), let value = read(depth: depth + 1)
      else { return nil }
      members.append((name, value))
      mark = next()
      if mark == UInt8(ascii: ",") { mark = next() }
    }
    return mark == UInt8(ascii: "}") ? .object(members) : nil
  }

  private mutating func array(_ depth: Int) -> JSON? {
    var values: [JSON] = []
    while let mark = next() {
      if mark == UInt8(ascii: "]") { return .array(values) }
      if mark != UInt8(ascii: ",") { place -= 1 }
      let start = place
      if next() == UInt8(ascii: "]") { return .array(values) }
      place = start
      guard let value = read(depth: depth + 1) else { return nil }
      values.append(value)
    }
    return nil
  }

  private mutating func string() -> String? {
    var result: [UInt8] = []
    while place < bytes.endIndex {
      let byte = bytes[place]
      place += 1
      if byte == UInt8(ascii: "\"") { return String(decoding: result, as: UTF8.self) }
      guard byte == UInt8(ascii: "\\") else {
        result.append(byte)
        continue
      }
      guard place < bytes.endIndex else { return nil }
      let escaped = bytes[place]
      place += 1
      if escaped == UInt8(ascii: "u") {
        guard place + 4 <= bytes.endIndex,
          let code = UInt32(String(decoding: bytes[place..<place + 4], as: UTF8.self), radix: 16),
          let scalar = Unicode.Scalar(code)
        else { return nil }
        result += Array(String(Character(scalar)).utf8)
        place += 4
      } else {
        let plain: [UInt8: UInt8] = [
          UInt8(ascii: "n"): 0x0a, UInt8(ascii: "t"): 0x09, UInt8(ascii: "r"): 0x0d,
          UInt8(ascii: "b"): 0x08, UInt8(ascii: "f"): 0x0c,
        ]
        result.append(plain[escaped] ?? escaped)
      }
    }
    return nil
  }

  private mutating func number(_ first: UInt8) -> JSON? {
    var text = [first]
    while place < bytes.endIndex, bytes[place] > 0x20, !",]}".utf8.contains(bytes[place]) {
      text.append(bytes[place])
      place += 1
    }
    let digits = String(decoding: text, as: UTF8.self)
    return Int(digits).map { .int($0) } ?? Double(digits).map { .double($0) }
  }
}
