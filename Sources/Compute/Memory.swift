import Glibc

/// How much memory the machine has, to refuse what could never be computed on it.
public enum Memory {
  /// All of the machine's memory, in bytes.
  public static let physicalBytes: Int = {
    let (product, overflow) = sysconf(Int32(_SC_PHYS_PAGES))
      .multipliedReportingOverflow(by: sysconf(Int32(_SC_PAGESIZE)))
    return overflow || product <= 0 ? Int.max : product
  }()

  /// How many floats the machine's memory could hold.
  public static let physicalFloats = physicalBytes / MemoryLayout<Float>.stride

  /// A number of bytes for people, such as `1.5 GB`.
  public static func text(bytes: Int) -> String {
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"]
    var amount = Double(bytes) / 1000
    var unit = 0
    while amount >= 1000, unit + 1 < units.count {
      amount /= 1000
      unit += 1
    }
    let tenths = (amount * 10).rounded() / 10
    return "\(tenths) \(units[unit])"
  }
}
