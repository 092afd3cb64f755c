import Compute
import Glibc

/// Numbers as people and Caffe's readers want them.
enum Numbers {
  /// As a C++ stream prints it: six significant digits, `%g`.
  static func general(_ value: Float) -> String { general(Double(value)) }

  /// As a C++ stream prints it: six significant digits, `%g`.
  static func general(_ value: Double) -> String { shortNumber(value) }

  /// With a fixed number of decimals.
  static func fixed(_ value: Double, _ decimals: Int) -> String {
    format("%.\(decimals)f", value)
  }

  /// With about three significant digits and no exponent, for tables: `0.0123`, `4.57`, `146`.
  static func short(_ value: Double) -> String {
    let size = abs(value)
    if !value.isFinite { return general(value) }
    if size == 0 { return "0" }
    if size < 0.0005 { return format("%.2g", value) }
    if size < 1 { return fixed(value, 4) }
    if size < 10 { return fixed(value, 2) }
    if size < 100 { return fixed(value, 1) }
    return grouped(Int(value.rounded()))
  }

  /// With commas between thousands.
  static func grouped(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { result.append(",") }
      result.append(digit)
    }
    return value < 0 ? "-" + result : result
  }

  /// A share as per cent, `97.21 %`.
  static func percent(_ share: Double, _ decimals: Int = 2) -> String {
    fixed(100 * share, decimals) + " %"
  }

  /// A stretch of time in the unit that suits it: `3.2 ms`, `4.1 s`, `2:05 min`, `3:07:00 h`.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
    if seconds < 0.9995 { return short(seconds * 1000) + " ms" }
    if seconds < 59.95 { return fixed(seconds, 1) + " s" }
    return clock(seconds) + (seconds < 3599.5 ? " min" : " h")
  }

  /// A stretch of time as `m:ss` or `h:mm:ss`.
  static func clock(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
    let whole = Int(seconds.rounded())
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
    return hours > 0
      ? "\(hours):\(padded(minutes, 2)):\(padded(rest, 2))" : "\(minutes):\(padded(rest, 2))"
  }

  /// A number of bytes in the unit that suits it.
  static func bytes(_ count: Int) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"]
    var value = Double(count)
    var unit = 0
    while value >= 1000, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    return unit == 0 ? "\(count) bytes" : "\(fixed(value, value < 10 ? 1 : 0)) \(units[unit])"
  }

  /// A number of things, `1 error` or `2 errors`.
  static func count(_ number: Int, _ thing: String, plural: String? = nil) -> String {
    "\(grouped(number)) \(number == 1 ? thing : plural ?? thing + "s")"
  }

  /// A whole number with zeros in front.
  static func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private static func format(_ format: String, _ value: Double) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400) { buffer in
      guard let base = buffer.baseAddress else { return "" }
      base[0] = 0
      withVaList([value]) { _ = vsnprintf(base, buffer.count, format, $0) }
      return String(cString: base)
    }
  }
}
