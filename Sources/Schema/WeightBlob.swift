internal import Prototxt

/// A blob in a file: its shape, and its values where the file has them.
public struct WeightBlob: Sendable {
  /// The sizes of its axes.
  public let shape: [Int]
  /// Whether the file says num, channels, height and width, as before 2014.
  ///
  /// Then the shape has four axes, those in front perhaps of size 1 only to make it four.
  public let isLegacyShape: Bool
  /// The number of values.
  public let count: Int
  /// Whether the file has gradients too, or the last updates in their place.
  public let hasDiff: Bool

  private let file: MappedFile
  private let range: Range<Int>
  private let valuesLayout: Layout
  private let diffLayout: Layout

  /// The field that holds the values, and how.
  private enum Layout: Sendable {
    case none
    /// Floats in field `data` or `diff`, packed or not.
    case floats(field: Int)
    /// Doubles in field `double_data` or `double_diff`, packed or not.
    case doubles(field: Int)
    /// Bytes of NVIDIA's fork.
    case raw(Range<Int>, RawType)
    /// Values that were read already.
    case memory([Float])
  }

  /// Describes a blob whose values were read from a file that is not protobuf's.
  init(shape: [Int], values: [Float], diffs: [Float]?, in file: MappedFile) {
    self.shape = shape
    self.file = file
    isLegacyShape = false
    count = values.count
    hasDiff = diffs != nil
    range = 0..<0
    valuesLayout = .memory(values)
    diffLayout = diffs.map { .memory($0) } ?? .none
  }

  /// Reads a blob's shape and finds its values, without reading these.
  init(_ range: Range<Int>, in file: MappedFile, whose name: String) throws(Diagnostic) {
    self.file = file
    self.range = range
    let outline = try BlobOutline(WireReader(file.bytes, range, source: file.path))
    (shape, isLegacyShape) = outline.shapeOrFlat
    guard let product = shape.checkedProduct else {
      throw outline.error("\(name) has the impossible shape \(shape)", file, at: range)
    }
    count = product
    let values = Self.layout(outline.values, floats: 5, doubles: 8)
    let diffs = Self.layout(outline.diffs, floats: 6, doubles: 9)
    guard values.count == product else {
      throw outline.error(
        "\(name) has the shape \(shape), that is \(product) values, but holds \(values.count)",
        file, at: range)
    }
    valuesLayout = values.layout
    diffLayout = diffs.count == product ? diffs.layout : .none
    hasDiff = diffs.count == product && diffs.count > 0
  }

  private static func layout(
    _ part: BlobOutline.Part, floats: Int, doubles: Int
  ) -> (layout: Layout, count: Int) {
    if part.doubles > 0 { return (.doubles(field: doubles), part.doubles) }
    if part.floats == 0, let raw = part.raw {
      return (.raw(raw, part.rawType), raw.count / part.rawType.size)
    }
    return (.floats(field: floats), part.floats)
  }

  // MARK: Values

  /// All values.
  public func floats() -> [Float] { array(valuesLayout) }

  /// All gradients; zeros if the file has none.
  public func diffs() -> [Float] { array(diffLayout) }

  /// Copies all values to memory that has room for `count`.
  public func copy(into target: UnsafeMutablePointer<Float>) {
    copy(valuesLayout, into: target)
  }

  /// Copies all gradients to memory that has room for `count`; zeros if the file has none.
  public func copyDiff(into target: UnsafeMutablePointer<Float>) {
    copy(diffLayout, into: target)
  }

  private func array(_ layout: Layout) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let start = buffer.baseAddress { copy(layout, into: start) }
      initialized = count
    }
  }

  private func copy(_ layout: Layout, into target: UnsafeMutablePointer<Float>) {
    switch layout {
    case .none:
      target.initialize(repeating: 0, count: count)
    case .floats(let field):
      copy(field: field, as: UInt32.self, into: target) { Float(bitPattern: $0) }
    case .doubles(let field):
      copy(field: field, as: UInt64.self, into: target) { Float(Double(bitPattern: $0)) }
    case .raw(let range, let type):
      let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[range])
      for index in 0..<count { target[index] = type.value(bytes, index) }
    case .memory(let values):
      values.withUnsafeBufferPointer { source in
        if let start = source.baseAddress { target.update(from: start, count: count) }
      }
    }
  }

  /// Copies numbers of a field that may be packed, single, or partly this and partly that.
  private func copy<Word: FixedWidthInteger & BitwiseCopyable>(
    field: Int, as word: Word.Type, into target: UnsafeMutablePointer<Float>,
    _ convert: (Word) -> Float
  ) {
    var reader = WireReader(file.bytes, range, source: file.path)
    var done = 0
    // The same bytes were read without an error before.
    while done < count, let (number, type) = try? reader.next() {
      guard number == field else {
        guard (try? reader.skip(type)) != nil else { break }
        continue
      }
      let start = reader.position
      guard (try? reader.skip(type)) != nil else { break }
      let size = MemoryLayout<Word>.size
      let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[start..<reader.position])
      let payload = UnsafeRawBufferPointer(rebasing: bytes.suffix(bytes.count / size * size))
      let some = min(payload.count / size, count - done)
      for index in 0..<some {
        let value = payload.loadUnaligned(fromByteOffset: index * size, as: Word.self)
        target[done + index] = convert(Word(littleEndian: value))
      }
      done += some
    }
    (target + done).initialize(repeating: 0, count: count - done)
  }
}

/// How NVIDIA's fork stores numbers in bytes.
enum RawType: UInt64, Sendable {
  case double = 0
  case float = 1
  case half = 2

  var size: Int {
    switch self {
    case .double: 8
    case .float: 4
    case .half: 2
    }
  }

  func value(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Float {
    let offset = index * size
    switch self {
    case .double:
      let bits = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      return Float(Double(bitPattern: UInt64(littleEndian: bits)))
    case .float:
      let bits = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
      return Float(bitPattern: UInt32(littleEndian: bits))
    case .half:
      return Float(
        halfBits: UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
      )
    }
  }
}

extension Float {
  /// A number of 16 bits: a sign, 5 bits of exponent and 10 of fraction.
  init(halfBits bits: UInt16) {
    let magnitude = Float(bits & 0x3ff)
    let value: Float =
      switch bits >> 10 & 0x1f {
      case 0: magnitude * 0x1p-24
      case 0x1f: magnitude == 0 ? .infinity : .nan
      case let exponent:
        Float(sign: .plus, exponent: Int(exponent) - 25, significand: magnitude + 1024)
      }
    self = bits & 0x8000 == 0 ? value : -value
  }
}

extension [Int] {
  /// The product of sizes; `nil` if one is negative or it is beyond all memory.
  var checkedProduct: Int? {
    var product = 1
    for size in self {
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow else { return nil }
      product = next
    }
    return product
  }
}
