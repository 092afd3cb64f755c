import Glibc

/// How long this process has been running.
enum ProcessClock {
  /// Seconds since the process was made, so with loading of the program.
  ///
  /// `nil` where the system does not tell. It counts in hundredths.
  static var seconds: Double? {
    guard let start = startTicks(of: SmallFile.text("/proc/self/stat")) else { return nil }
    var now = timespec()
    clock_gettime(CLOCK_BOOTTIME, &now)
    let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    return max(0, Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9 - start / ticks)
  }

  /// Field 22 of `stat`; the second field, the name, may hold spaces and parentheses.
  static func startTicks(of stat: String?) -> Double? {
    guard let stat, let name = stat.lastIndex(of: ")") else { return nil }
    let fields = stat[name...].split(separator: " ")
    return fields.count > 20 ? Double(fields[20]) : nil
  }
}
