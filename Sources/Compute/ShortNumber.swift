import Glibc

/// A number with six significant digits, as C++ streams print it, and so Caffe's logs.
public func shortNumber(_ value: Double) -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { buffer in
    guard let start = buffer.baseAddress else { return "" }
    let length = withVaList([value]) { vsnprintf(start, buffer.count, "%g", $0) }
    return String(decoding: buffer.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// A number with six significant digits, as C++ streams print it, and so Caffe's logs.
public func shortNumber(_ value: Float) -> String { shortNumber(Double(value)) }
