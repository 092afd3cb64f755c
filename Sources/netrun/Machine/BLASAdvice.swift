import Compute
import Glibc

/// Whether OpenBLAS uses what the processor can do, and what to do if not.
struct BLASAdvice {
  /// Sets of vector instructions, the widest last.
  enum Instructions: Int {
    case basic, avx2, avx512

    var name: String {
      switch self {
      case .basic: "SSE"
      case .avx2: "AVX2"
      case .avx512: "AVX-512"
      }
    }
  }

  /// The name of the kernels in use.
  let core: String
  /// The kernels that OPENBLAS_CORETYPE asks for.
  let override: String?
  /// The widest instructions of the processor.
  let best: Instructions

  /// The widest instructions that the kernels in use know.
  var used: Instructions {
    switch core.lowercased() {
    case "skylakex", "cooperlake", "sapphirerapids": .avx512
    case "haswell", "zen": .avx2
    default: .basic
    }
  }

  /// The value of OPENBLAS_CORETYPE that might be faster: `nil` inside means none at all.
  var alternative: String?? {
    guard used.rawValue < best.rawValue else { return nil }
    if override != nil { return .some(nil) }
    return best == .avx512 ? .some("SkylakeX") : .some("Haswell")
  }

  /// The remark, with the speeds of one thread as it is and as it might be.
  func remark(now: Double, then: Double) -> String? {
    guard let alternative, then > now * 1.1 else { return nil }
    let gain = "\(Numbers.fixed(then, 0)) instead of \(Numbers.fixed(now, 0)) GFLOP/s on one thread"
    let kernels = "its '\(core)' kernels, which leave \(best.name) unused"
    if let alternative {
      return
        "OpenBLAS has chosen \(kernels): 'export OPENBLAS_CORETYPE=\(alternative)' gives \(gain)"
    }
    return "OPENBLAS_CORETYPE=\(override ?? "") makes OpenBLAS use \(kernels): "
      + "'unset OPENBLAS_CORETYPE' gives \(gain)"
  }

  /// What this process computes with.
  static func current(_ cpu: CPU) -> BLASAdvice {
    BLASAdvice(
      core: BLAS.coreName, override: BLAS.coreOverride,
      best: cpu.hasAVX512 ? .avx512 : cpu.hasAVX2 && cpu.hasFMA ? .avx2 : .basic)
  }

  /// Measures one thread in a process of its own, since OpenBLAS chooses when it is loaded.
  static func speed(core: String?) -> Double? {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
    defer { posix_spawn_file_actions_destroy(&actions) }
    var variables = environment().filter { !$0.hasPrefix("OPENBLAS_CORETYPE=") }
    if let core { variables.append("OPENBLAS_CORETYPE=\(core)") }
    let process = spawn(["netrun", "doctor", "--only-speed"], variables, &actions)
    close(ends[1])
    guard let process else { return nil }
    let text = SmallFile.text(ends[0])
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return status == 0 ? Double(text.filter { $0 != "\n" }) : nil
  }

  private static func environment() -> [String] {
    var result: [String] = []
    var entry = environ
    while let text = entry.pointee {
      result.append(String(cString: text))
      entry += 1
    }
    return result
  }

  private static func spawn(
    _ arguments: [String], _ variables: [String], _ actions: inout posix_spawn_file_actions_t
  ) -> pid_t? {
    var texts = (arguments + variables).map { strdup($0) }
    defer { texts.forEach { free($0) } }
    texts.insert(nil, at: arguments.count)
    texts.append(nil)
    var process: pid_t = 0
    let result = texts.withUnsafeMutableBufferPointer { buffer -> Int32 in
      guard let base = buffer.baseAddress else { return EINVAL }
      return posix_spawn(
        &process, "/proc/self/exe", &actions, nil, base, base + arguments.count + 1)
    }
    return result == 0 ? process : nil
  }
}
