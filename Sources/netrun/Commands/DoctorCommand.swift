import ArgumentParser
import CLMDB
import CProtobufC
import CZlib
import Compute
import HDF5
import Glibc

/// Says what this machine offers, and what stands in the way of full speed.
struct DoctorCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Show versions, processor and measured speed, and what slows them down.",
    discussion: """
      Examples:
        netrun doctor
        OPENBLAS_CORETYPE=Haswell netrun doctor    what other kernels of OpenBLAS would cost
      """)

  @Flag(help: .hidden)
  var onlySpeed = false

  mutating func run(_ console: Console) throws {
    if onlySpeed {
      console.print(Numbers.fixed(MatrixSpeed.measure(threads: 1, seconds: 0.2), 3))
      return
    }
    let cpu = CPU.current()
    DoctorCommand.showVersions(console)
    DoctorCommand.showMachine(cpu, console)
    DoctorCommand.showSpeed(cpu, console)
  }

  private static func line(_ name: String, _ value: String, _ console: Console) {
    let blank = String(repeating: " ", count: max(1, 16 - name.count))
    console.print(console.outStyle.bold(name) + blank + value)
  }

  private static func showVersions(_ console: Console) {
    var name = utsname()
    uname(&name)
    func text<T>(_ field: T) -> String {
      withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
    line("netrun", Version.current, console)
    let kernel = "\(text(name.sysname)) \(text(name.release)), \(text(name.machine))"
    line("system", [distribution(), kernel].compactMap { $0 }.joined(separator: "; "), console)
    line("OpenBLAS", "\(BLAS.configuration.trimmed), kernels: \(BLAS.coreName)", console)
    line("LMDB", "\(MDB_VERSION_MAJOR).\(MDB_VERSION_MINOR).\(MDB_VERSION_PATCH)", console)
    line("HDF5", HDF5File.libraryVersion ?? "not there: HDF5 files cannot be used", console)
    line("protobuf-c", String(cString: protobuf_c_version()), console)
    line("zlib", String(cString: zlibVersion()), console)
  }

  /// What the distribution calls itself.
  private static func distribution() -> String? {
    let key = "PRETTY_NAME="
    let line = SmallFile.text("/etc/os-release")?.split(separator: "\n")
      .first { $0.hasPrefix(key) }
    return line.map { String($0.dropFirst(key.count).filter { $0 != "\"" }) }
  }

  /// The processor and its threads: what Caffe's `device_query` would show of a GPU.
  static func showMachine(_ cpu: CPU, _ console: Console) {
    let style = console.outStyle
    line("processor", cpu.model, console)
    let features = cpu.features.map { feature in
      feature.isPresent ? style.good("\(feature.name) yes") : style.dim("\(feature.name) no")
    }
    line("instructions", features.joined(separator: ", "), console)
    line("threads", "\(Workers.available)", console)
  }

  private static func showSpeed(_ cpu: CPU, _ console: Console) {
    let threads = Workers.available
    let one = MatrixSpeed.measure(threads: 1)
    var speeds = "\(Numbers.fixed(one, 0)) GFLOP/s on 1 thread"
    if threads > 1 {
      let all = MatrixSpeed.measure(threads: threads)
      speeds += ", \(Numbers.fixed(all, 0)) on \(threads) threads"
    }
    line("matrix product", speeds, console)
    line("memory", "\(Numbers.fixed(MemorySpeed.measure(), 1)) GB/s copied by 1 thread", console)
    let advice = BLASAdvice.current(cpu)
    if let core = advice.alternative, let then = BLASAdvice.speed(core: core),
      let now = BLASAdvice.speed(core: advice.override),
      let remark = advice.remark(now: now, then: then)
    {
      console.remark(remark)
    }
    if !cpu.hasAVX2 || !cpu.hasFMA {
      console.remark(
        "this processor lacks AVX2 or FMA, so the plain loops of the layers run: several times slower"
      )
    }
  }
}

extension String {
  fileprivate var trimmed: String {
    split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
  }
}

/// Stands for Caffe's command of this name: there are no GPUs in use.
struct DeviceQueryCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "device-query",
    abstract: "Show the device that computes: the processor (Caffe's device_query).",
    shouldDisplay: false)

  mutating func run(_ console: Console) throws {
    console.print("No GPU is in use: netrun computes on the CPU.")
    DoctorCommand.showMachine(.current(), console)
  }
}
