import Glibc

/// Writes lines as Caffe logs them, so that what reads Caffe's logs reads ours.
///
///     I1123 16:14:13.259864  6593 solver.cpp:239] Iteration 0 …
///
/// That is severity, month and day, time, process, and the place in Caffe's sources from where the
/// line comes: readers tell lines apart by it.
final class CaffeLog {
  /// How bad a line is.
  enum Severity: String {
    case info = "I"
    case warning = "W"
    case error = "E"
  }

  private let sink: any TextSink
  private let now: () -> timeval
  private let process: String

  init(
    _ sink: any TextSink, process: Int32 = getpid(), now: @escaping () -> timeval = CaffeLog.time
  ) {
    self.sink = sink
    self.now = now
    let digits = String(process)
    self.process = String(repeating: " ", count: max(0, 5 - digits.count)) + digits
  }

  /// Logs a line that Caffe logs at a place of its sources, `solver.cpp:239`.
  func log(_ place: String, _ text: String, _ severity: Severity = .info) {
    let end = text.hasSuffix("\n") ? "" : "\n"
    sink.write("\(severity.rawValue)\(stamp()) \(process) \(place)] \(text)\(end)")
  }

  private static func time() -> timeval {
    var time = timeval()
    gettimeofday(&time, nil)
    return time
  }

  private func stamp() -> String {
    let time = now()
    var seconds = time.tv_sec
    var local = tm()
    localtime_r(&seconds, &local)
    func two(_ value: Int32) -> String { Numbers.padded(Int(value), 2) }
    return "\(two(local.tm_mon + 1))\(two(local.tm_mday)) "
      + "\(two(local.tm_hour)):\(two(local.tm_min)):\(two(local.tm_sec))."
      + Numbers.padded(Int(time.tv_usec), 6)
  }

  /// A value of a net's output, with its part in the loss if it has one.
  static func output(_ name: String, _ value: Float, lossWeight: Float) -> String {
    let number = Numbers.general(value)
    guard lossWeight != 0 else { return "\(name) = \(number)" }
    return "\(name) = \(number) (* \(Numbers.general(lossWeight)) = "
      + "\(Numbers.general(lossWeight * value)) loss)"
  }
}
