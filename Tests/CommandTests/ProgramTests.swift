import Foundation
import Testing

@testable import netrun

@Suite("The program")
struct ProgramTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write(Self.net, "model.txt")
    try folder.write(Self.solver, "solver.txt")
  }

  private static let net = """
    name: "Tiny"
    layer {
      name: "in" type: "DummyData" top: "data" top: "label"
      dummy_data_param {
        shape { dim: 8 dim: 6 } shape { dim: 8 }
        data_filler { type: "gaussian" std: 1 } data_filler { type: "constant" value: 2 }
      }
    }
    layer {
      name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
      inner_product_param { num_output: 4 weight_filler { type: "xavier" } }
    }
    layer { name: "acc" type: "Accuracy" bottom: "ip" bottom: "label" top: "acc" include { phase: TEST } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
    """

  private static let solver = """
    net: "model.txt"
    test_iter: 2 test_interval: 10
    base_lr: 0.01 lr_policy: "fixed" momentum: 0.9
    display: 5 max_iter: 20 snapshot: 10 snapshot_prefix: "out/tiny" random_seed: 1
    """

  private func run(_ arguments: String, _ environment: [String: String] = [:]) throws
    -> Program.Result
  {
    try Program.run(arguments, in: folder.url, environment: environment)
  }

  // MARK: Arguments

  @Test(
    "Exit codes tell what kind of error it was",
    arguments: [
      ("--version", 0), ("--help", 0), ("layers", 0), ("train", 64), ("train model.txt", 65),
      ("train nowhere.txt", 66), ("train solver.txt --threads 0", 64),
      ("train solver.txt --snapshot a --weights b", 64), ("train solver.txt --log loud", 64),
      ("train solver.txt -solver solver.txt", 64), ("train solver.txt --unknown", 64),
      ("train solver.txt --sigint-effect run", 64), ("test solver.txt", 65),
      ("test model.txt --iterations 2", 66), ("test nowhere.txt", 66),
      ("time model.txt --phase NO", 64), ("time solver.txt --phase TEST", 64),
      ("time solver.txt --forward-only", 64), ("tarin solver.txt", 64),
      ("convert mnist a b c", 66), ("convert mnits a b c", 64), ("layers Convolusion", 64),
      ("device_query -gpu all", 0),
    ] as [(String, Int32)])
  func exitCodes(arguments: String, code: Int32) throws {
    let result = try run(arguments)
    #expect(result.status == code, "\(result.errors)")
    if code == 0 {
      #expect(!result.out.isEmpty)
    } else {
      #expect(result.out.isEmpty)
      #expect(result.errors.lowercased().contains("error: "))
    }
  }

  @Test(
    "Mistakes are told with what to run instead",
    arguments: [
      ("tarin solver.txt", "did you mean 'netrun train'?"),
      ("train model.txt", "netrun test model.txt"),
      ("test solver.txt", "netrun test model.txt"),
      ("time solver.txt --forward-only", "give the net instead"),
      ("solver.txt", "netrun train solver.txt"), ("model.txt", "netrun test model.txt"),
      ("train solver.txt --thread 2", "Did you mean '--threads'?"),
      ("layers Convolusion", "did you mean 'Convolution'?"),
      ("test model.txt --iterations 1", "looked for *_iter_N.caffemodel"),
      ("test model.txt --iterations 1", "looked for out/tiny_iter_N.caffemodel"),
      ("train solver.txt --weights out/tiny_iter_9.caffemodel", "there is no such file"),
    ])
  func remedies(arguments: String, remedy: String) throws {
    #expect(try run(arguments).errors.contains(remedy))
  }

  @Test(
    "Every command has examples in its help",
    arguments: [
      "train", "test", "time", "convert", "convert mnist", "layers", "doctor", "summary", "upgrade",
    ])
  func help(command: String) throws {
    let result = try run("\(command) --help")
    #expect(result.status == 0)
    #expect(result.out.contains("  netrun \(command)"))
  }

  @Test("All errors of a net are shown at once, without colours in a pipe")
  func allErrors() throws {
    try folder.write(
      Self.net.replacing("num_output", with: "num_outputs").replacing("Accuracy", with: "Acuracy"),
      "wrong.txt")
    let result = try run("time wrong.txt --phase TEST")
    #expect(result.status == 65)
    #expect(result.errors.contains("num_outputs"))
    #expect(!result.errors.contains("\u{1b}"))
  }

  @Test("A reader that goes away does not end in a crash")
  func closedOutput() throws {
    let shell = Process()
    shell.executableURL = URL(filePath: "/bin/bash")
    shell.arguments = ["-c", "'\(Program.path)' layers | head -1; exit ${PIPESTATUS[0]}"]
    let pipe = Pipe()
    shell.standardOutput = pipe
    try shell.run()
    let text = try pipe.fileHandleForReading.readToEnd() ?? Data()
    shell.waitUntilExit()
    #expect(shell.terminationReason == .exit && shell.terminationStatus == 0)
    #expect(String(decoding: text, as: UTF8.self).split(separator: "\n").count == 1)
  }

  @Test("Results that cannot be written are an error")
  func fullDisk() throws {
    let shell = Process()
    shell.executableURL = URL(filePath: "/bin/bash")
    shell.arguments = ["-c", "'\(Program.path)' layers > /dev/full"]
    let pipe = Pipe()
    shell.standardError = pipe
    try shell.run()
    let text = try pipe.fileHandleForReading.readToEnd() ?? Data()
    shell.waitUntilExit()
    #expect(shell.terminationStatus == 74)
    #expect(
      String(decoding: text, as: UTF8.self).contains("the results cannot be written: No space"))
  }

  // MARK: Training

  @Test("In a pipe the log is Caffe's, and nothing else is written")
  func pipe() throws {
    let result = try run("train solver.txt")
    #expect(result.status == 0)
    #expect(result.out.isEmpty)
    #expect(result.errors.contains("solver.cpp:332] Optimization Done.\n"))
    #expect(result.errors.split(separator: "\n").contains { $0.hasSuffix("Top shape: 8 6 (48)") })
  }

  @Test("For people there is a table, tests and the end; quiet says nothing")
  func human() throws {
    let result = try run("train solver.txt --log human")
    #expect(result.out.contains("Tiny, training net, batches of 8\n"))
    #expect(result.out.contains("ip     InnerProduct     8×4"))
    #expect(result.out.contains("iteration 10  test"))
    #expect(result.out.contains("\ndone: 20 iterations in "))
    #expect(result.out.contains("\nout/tiny_iter_20.caffemodel  "))
    #expect(
      result.out.hasSuffix(
        "\nnext: netrun test model.txt --weights out/tiny_iter_20.caffemodel\n"))
    #expect(!result.out.contains("\u{1b}"))
    let quiet = try run("train solver.txt --log quiet")
    #expect(quiet.status == 0 && quiet.out.isEmpty && quiet.errors.isEmpty)
  }

  @Test("Steps of plateau are told, and what has no effect is warned of")
  func plateau() throws {
    let text = Self.solver.replacing(
      "lr_policy: \"fixed\"",
      with: "lr_policy: \"plateau\" gamma: 0.5 plateau_winsize: 1 warmup_iter: 40")
    try folder.write(text.replacing("warmup_iter: 40", with: "warmup_iter: 2"), "plateau.txt")
    let caffe = try run("train plateau.txt")
    #expect(caffe.status == 0, "\(caffe.errors)")
    #expect(caffe.errors.contains("] Plateau Status: Iteration "))
    #expect(caffe.errors.contains("] Learning Rate Policy: plateau"))
    let human = try run("train plateau.txt --log human")
    #expect(human.out.contains("  rate      step 1\n"), "\(human.out)")
    try folder.write(text, "long.txt")
    let long = try run("train long.txt --log quiet")
    #expect(long.status == 0)
    #expect(long.errors.contains("the rate never reaches base_lr"), "\(long.errors)")
    #expect(long.errors.contains("long.txt:"))
  }

  @Test("Metrics have a line for each display and test, and go on with the run")
  func metrics() throws {
    let whole = try run("train solver.txt")
    #expect(whole.status == 0)
    let lines = try folder.text("out/tiny.metrics.jsonl").split(separator: "\n")
    let objects = try lines.map { line in
      try #require(
        JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
    let kinds = objects.map { "\($0["kind"] ?? "") \($0["iteration"] ?? "")" }
    let wanted = [
      "test 0", "train 0", "train 5", "test 10", "train 10", "train 15", "test 20",
    ]
    #expect(kinds == wanted)
    #expect((objects[3]["outputs"] as? [String: Any])?.keys.sorted() == ["acc", "loss"])
    let table = try folder.text("out/tiny.metrics.csv").split(separator: "\n")
    let header =
      "kind,iteration,net,seconds,loss,smoothed_loss,rate,images_per_second,train:loss,"
      + "test:acc,test:loss"
    #expect(table.first.map(String.init) == header)
    #expect(
      table.dropFirst().map { $0.split(separator: ",").prefix(2).joined(separator: " ") } == wanted)

    let resumed = try run("train solver.txt --snapshot out/tiny_iter_10.solverstate")
    #expect(resumed.status == 0)
    let again = try folder.text("out/tiny.metrics.csv").split(separator: "\n")
    let values = { (line: Substring) in
      line.split(separator: ",", omittingEmptySubsequences: false).enumerated()
        .filter { $0.offset != 3 && $0.offset != 7 }.map(\.element)
    }
    #expect(again.map(values) == table.map(values))
    #expect(try folder.text("out/tiny.metrics.jsonl").split(separator: "\n").count == lines.count)
  }

  @Test("Metrics that cannot be written are told once, and the run goes on")
  func unwritableMetrics() throws {
    try FileManager.default.createDirectory(
      at: folder.url.appending(path: "out/tiny.metrics.csv"), withIntermediateDirectories: true)
    let result = try run("train solver.txt")
    #expect(result.status == 0)
    #expect(result.errors.components(separatedBy: "out/tiny.metrics.csv").count == 2)
    #expect(folder.exists("out/tiny_iter_20.caffemodel"))
  }

  // MARK: Signals

  @Test(
    "A signal that stops leaves a snapshot, and the exit code that it would have",
    arguments: [(SIGINT, 130, ""), (SIGTERM, 143, ""), (SIGHUP, 129, "--sighup_effect=stop")]
      as [(Int32, Int32, String)])
  func stopping(signal: Int32, code: Int32, options: String) throws {
    try endlessSolver()
    let program = try Program(
      ["train", "endless.txt"] + options.split(separator: " ").map(String.init), in: folder.url)
    waitForStart()
    program.send(signal)
    let result = try program.wait()
    #expect(result.status == code)
    #expect(result.errors.contains("Optimization stopped early."))
    #expect(snapshots.count == 1)
  }

  @Test("A signal may take a snapshot, or do nothing")
  func snapshotting() throws {
    try endlessSolver()
    let program = try Program(
      ["train", "-solver", "endless.txt", "-sigint_effect", "none", "-sighup_effect", "snapshot"],
      in: folder.url)
    waitForStart()
    program.send(SIGINT)
    program.send(SIGHUP)
    for _ in 0..<6000 where snapshots.isEmpty { usleep(10_000) }
    #expect(snapshots.count == 1)
    program.send(SIGTERM)
    // That it stops for SIGTERM shows that it went on after the others.
    #expect(try program.wait().status == 143)
    // One more, unless it stopped in the iteration of the first.
    #expect((1...2).contains(snapshots.count))
  }

  private func endlessSolver() throws {
    let text = Self.solver.replacing("max_iter: 20", with: "max_iter: 100000000")
      .replacing("snapshot: 10 ", with: "").replacing("display: 5", with: "display: 0")
      .replacing("test_interval: 10", with: "test_interval: 100000000")
      .replacing("out/tiny", with: "endless")
    try folder.write(text, "endless.txt")
  }

  /// The loop runs when the file of metrics has its first test.
  private func waitForStart() {
    for _ in 0..<6000 {
      if let text = try? folder.text("endless.metrics.jsonl"), text.contains("\n") { return }
      usleep(10_000)
    }
  }

  private var snapshots: [String] {
    let names = try? FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    return (names ?? []).filter { $0.hasSuffix(".solverstate") }
  }

  // MARK: Testing

  @Test("The newest snapshot of the net's solver is tested if no weights are given")
  func weightSearch() throws {
    #expect(try run("train solver.txt").status == 0)
    let result = try run("test model.txt --iterations 3")
    #expect(result.status == 0)
    #expect(result.errors == "note: weights are the newest snapshot, out/tiny_iter_20.caffemodel\n")
    #expect(result.out.contains("acc "))
    #expect(result.out.contains(" %\n"))
    #expect(result.out.contains("\n3 batches, "))
  }

  @Test("Snapshots that do not fit are passed over")
  func misfits() throws {
    #expect(try run("train solver.txt").status == 0)
    let files = FileManager.default
    try files.copyItem(
      at: LogLines.folder.appending(path: "snap_iter_20.caffemodel"),
      to: folder.url.appending(path: "other_iter_999.caffemodel"))
    let result = try run("test model.txt --iterations 3 --json")
    #expect(result.errors.contains("out/tiny_iter_20.caffemodel"))
    let object = try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any]
    #expect(object?["batches"] as? Int == 3)
    #expect((object?["outputs"] as? [String: Any])?["acc"] is NSNumber)
    try files.removeItem(at: folder.url.appending(path: "out"))
    let nothing = try run("test model.txt --iterations 3")
    #expect(nothing.status == 66)
    #expect(nothing.errors.contains("other_iter_999.caffemodel does not fit: it has no layer 'ip'"))
  }

  @Test("Without --iterations the data is gone through exactly once")
  func onePass() throws {
    let logs = try folder.copyLogs()
    let result = try Program.run(
      "test net.prototxt --weights snap_iter_20.caffemodel --json", in: logs)
    let object = try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any]
    #expect(object?["samples"] as? Int == 512)
    #expect(object?["batches"] as? Int == 21)
  }

  // MARK: The rest

  @Test("A conversion refuses to overwrite unless it is told to")
  func convert() throws {
    let tools = LogLines.folder.deletingLastPathComponent().appending(path: "tools")
    let files = ["images-idx3-ubyte", "labels-idx1-ubyte"].map {
      tools.appending(path: "digits100-\($0)").path
    }
    let arguments = (["convert", "mnist"] + files + ["db"]).joined(separator: " ")
    let first = try run(arguments)
    #expect(first.status == 0)
    #expect(first.out.hasPrefix("db: 100 records of 1×28×28, 10 classes of "))
    let second = try run(arguments)
    #expect(second.status == 74)
    #expect(second.errors.contains("--force"))
    #expect(try run(arguments + " --force").status == 0)
  }

  @Test("Timing shows each layer, as a table and as JSON")
  func timing() throws {
    let table = try run("time model.txt --iterations 3")
    #expect(table.status == 0)
    #expect(table.out.contains("backward ms"))
    #expect(table.out.contains("\nwhole net "))
    let forward = try run("time model.txt --iterations 3 --forward-only --threads 1")
    #expect(!forward.out.contains("backward"))
    let json = try run("time model.txt --iterations 3 --json")
    let object = try JSONSerialization.jsonObject(with: Data(json.out.utf8)) as? [String: Any]
    let layers = object?["layers"] as? [[String: Any]]
    #expect(layers?.map { $0["name"] as? String } == ["in", "ip", "loss"])
    #expect((object?["peak_gflops"] as? Double ?? 0) > 0)
    #expect(object?["step_ms"] == nil && object?["first_seconds"] != nil)
  }

  @Test("Timing a solver shows whole steps, and writes nothing")
  func stepTiming() throws {
    let before = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
    let table = try run("time solver.txt --iterations 3")
    #expect(table.status == 0)
    #expect(table.out.contains("\nwhole net "))
    #expect(table.out.contains("\nTraining step: "))
    let json = try run("time solver.txt --iterations 3 --json --threads 1")
    let object = try JSONSerialization.jsonObject(with: Data(json.out.utf8)) as? [String: Any]
    for member in ["step_ms", "update_ms", "forward_ms", "backward_ms", "images_per_second"] {
      #expect(object?[member] is NSNumber, "\(member)")
    }
    #expect(object?["batch"] as? Int == 8)
    let whole = try run("time solver.txt --iterations 3 --whole --json")
    #expect(whole.out.contains("step_ms"))
    for member in ["forward_ms", "layers", "peak_gflops"] {
      #expect(!whole.out.contains(member))
    }
    #expect(try run("time solver.txt --iterations 3 --whole").out.hasPrefix("Training step: "))
    let passes = try run("time model.txt --iterations 3 --whole --forward-only")
    #expect(passes.out.hasPrefix("Passes: forward ") && !passes.out.contains("backward"))
    #expect(try run("time model.txt --weights nowhere.caffemodel").status == 66)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted() == before)
  }

  @Test("A faulty solver is told as a solver's mistake when it is to be timed")
  func faultySolver() throws {
    try folder.write(Self.solver.replacing("lr_policy", with: "lr_polici"), "wrong.txt")
    let result = try run("time wrong.txt")
    #expect(result.status == 65)
    #expect(result.errors.contains("lr_policy"))
    #expect(!result.errors.contains("not a net"))
  }

  @Test("The doctor shows versions, the processor and what is set wrongly")
  func doctor() throws {
    let result = try run("doctor")
    #expect(result.status == 0)
    for word in ["netrun", "OpenBLAS", "LMDB", "protobuf-c", "zlib", "threads", "GFLOP/s"] {
      #expect(result.out.contains(word))
    }
    guard CPU.current().hasAVX2 else { return }
    let slow = try run("doctor", ["OPENBLAS_CORETYPE": "Prescott"])
    #expect(slow.out.contains("kernels: Prescott"))
    #expect(slow.errors.contains("'unset OPENBLAS_CORETYPE' gives "))
  }

  @Test("A GPU is accepted on the command line with one note")
  func gpu() throws {
    let result = try run("device_query -gpu 0")
    #expect(result.errors.split(separator: "\n").count == 1)
    #expect(result.errors.contains("no GPU support"))
    #expect(result.out.contains("processor"))
  }
}
