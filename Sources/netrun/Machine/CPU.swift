import Glibc

/// The processor, as `/proc/cpuinfo` describes it.
struct CPU {
  let model: String
  let flags: Set<String>

  /// Reads what the kernel says of the first processor.
  init(cpuinfo: String) {
    var model = ""
    var flags: Set<String> = []
    for line in cpuinfo.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      let name = parts[0].filter { $0 != "\t" }
      let value = parts[1].drop { $0 == " " }
      if name == "model name", model.isEmpty { model = String(value) }
      if name == "flags" || name == "Features", flags.isEmpty {
        flags = Set(value.split(separator: " ").map(String.init))
      }
    }
    self.model = model.isEmpty ? "unknown" : model
    self.flags = flags
  }

  /// This machine's.
  static func current() -> CPU {
    CPU(cpuinfo: SmallFile.text("/proc/cpuinfo") ?? "")
  }

  var hasAVX2: Bool { flags.contains("avx2") }
  var hasFMA: Bool { flags.contains("fma") }
  var hasAVX512: Bool { flags.contains("avx512f") && flags.contains("avx512vl") }

  /// The sets of instructions that matter here, with whether they are there.
  var features: [(name: String, isPresent: Bool)] {
    [("AVX2", hasAVX2), ("FMA", hasFMA), ("AVX-512", hasAVX512)]
  }
}

/// Files of the system that are read whole.
enum SmallFile {
  /// The text of a file, `nil` if it cannot be read.
  static func text(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return text(descriptor)
  }

  /// All that comes from a descriptor until its end.
  static func text(_ descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
