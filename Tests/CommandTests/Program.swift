import Foundation

/// Runs the built program.
struct Program {
  /// What it left.
  struct Result {
    let status: Int32
    let out: String
    let errors: String
  }

  /// The program beside the tests.
  static let path: String = {
    let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    let beside = tests.deletingLastPathComponent().appending(path: "netrun").path
    if FileManager.default.isExecutableFile(atPath: beside) { return beside }
    // Some versions of Swift run tests by a helper of the toolchain.
    return LogLines.folder.appending(path: "../../../../.build/debug/netrun").standardized.path
  }()

  private let process = Process()
  private let out = Pipe()
  private let errors = Pipe()

  init(_ arguments: [String], in folder: URL, environment: [String: String] = [:]) throws {
    process.executableURL = URL(filePath: Program.path)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardOutput = out
    process.standardError = errors
    try process.run()
  }

  /// Waits for the end.
  func wait() throws -> Result {
    // A run that nothing stops must not outlive the tests.
    let process = process
    let watchdog = DispatchWorkItem { kill(process.processIdentifier, SIGKILL) }
    DispatchQueue.global().asyncAfter(deadline: .now() + 120, execute: watchdog)
    defer { watchdog.cancel() }
    // Less than a pipe holds comes on the one while the other is read.
    let errorData = try errors.fileHandleForReading.readToEnd() ?? Data()
    let outData = try out.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    let status =
      process.terminationReason == .exit
      ? process.terminationStatus : -process.terminationStatus
    return Result(
      status: status, out: String(decoding: outData, as: UTF8.self),
      errors: String(decoding: errorData, as: UTF8.self))
  }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  static func run(
    _ arguments: String, in folder: URL, environment: [String: String] = [:]
  ) throws -> Result {
    try Program(
      arguments.split(separator: " ").map(String.init), in: folder, environment: environment
    ).wait()
  }
}

/// A folder that is gone after the test.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "netrun-\(UUID())")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func write(_ text: String, _ name: String) throws {
    try text.write(to: url.appending(path: name), atomically: true, encoding: .utf8)
  }

  func text(_ name: String) throws -> String {
    try String(contentsOf: url.appending(path: name), encoding: .utf8)
  }

  func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: url.appending(path: name).path)
  }

  /// The folder of Caffe's logged runs with the data that they read; what is returned is the
  /// folder to run in.
  func copyLogs() throws -> URL {
    let files = FileManager.default
    let goldens = LogLines.folder.deletingLastPathComponent().deletingLastPathComponent()
    let logs = url.appending(path: "legacy/logs")
    for folder in ["legacy", "solvers"] {
      try files.createDirectory(
        at: url.appending(path: folder), withIntermediateDirectories: true)
    }
    try files.copyItem(at: LogLines.folder, to: logs)
    try files.copyItem(
      at: goldens.appending(path: "solvers/digits_lmdb"),
      to: url.appending(path: "solvers/digits_lmdb"))
    return logs
  }
}
