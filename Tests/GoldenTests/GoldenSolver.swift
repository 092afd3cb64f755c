import Foundation
import Nets
import Prototxt
import Schema
import Solvers

/// Trains a solver case as Caffe did, and compares losses, weights, history and state.
struct GoldenSolver {
  let folder: String
  let directives: [String: String]

  init(_ solver: String) throws {
    folder = URL(filePath: solver).deletingLastPathComponent().path
    directives = GoldenCase.directives(try String(contentsOfFile: solver, encoding: .utf8))
  }

  func run() throws -> Deviation {
    let scratch = FileManager.default.temporaryDirectory.appending(path: "golden-\(UUID())").path
    try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    var (message, _) = try SolverDescription.load("\(folder)/solver.prototxt")
    message.set("snapshot_prefix", string: "\(scratch)/snap")
    var losses: [Float] = []
    var options = Solver.Options()
    // As the train command does.
    options.keeps = .only([])
    options.threads = 2
    let resumed = "\(folder)/snap_iter_10.solverstate"
    if exists("snap_iter_10.solverstate") {
      options.snapshot = .file(resumed)
    } else {
      options.weights = ["\(folder)/init.caffemodel"]
    }
    options.observe = { event in
      if case .step(let report) = event { losses.append(report.loss) }
    }
    let solver = try Solver(message, path: "\(folder)/solver.prototxt", options: options)
    _ = try solver.solve()
    return try compare(losses, scratch)
  }

  /// What the names of snapshots in HDF5's format end in.
  private var ending: String { exists("expected_iter_20.caffemodel.h5") ? ".h5" : "" }

  private func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(folder)/\(name)")
  }

  private func compare(_ losses: [Float], _ scratch: String) throws -> Deviation {
    var deviation = Deviation(directives["tolerance"].flatMap(Double.init) ?? 1e-4)
    let wanted = try String(contentsOfFile: "\(folder)/losses.txt", encoding: .utf8)
      .split(whereSeparator: \.isWhitespace).compactMap { Float($0) }
    for (index, want) in wanted.enumerated() {
      let got = index < losses.count ? losses[index] : .nan
      deviation.compare([got / max(1, want)], [want / max(1, want)], "loss \(index)")
    }
    try compareWeights(&deviation, scratch)
    try compareState(&deviation, scratch)
    return deviation
  }

  private func compareWeights(_ deviation: inout Deviation, _ scratch: String) throws {
    let expected = "\(folder)/expected_iter_20.caffemodel\(ending)"
    let written = "\(scratch)/snap_iter_20.caffemodel\(ending)"
    let (want, got) = (try WeightFile(path: expected), try WeightFile(path: written))
    if want.layers.map(\.name) != got.layers.map(\.name) { deviation.fail("other layers") }
    for (a, b) in zip(want.layers, got.layers) {
      if a.blobs.map(\.shape) != b.blobs.map(\.shape) { deviation.fail("other blobs: \(a.name)") }
      for (index, (x, y)) in zip(a.blobs, b.blobs).enumerated() {
        deviation.compare(y.floats(), x.floats(), "\(a.name)[\(index)]")
        if x.hasDiff != y.hasDiff { deviation.fail("diff of \(a.name)[\(index)]") }
        if x.hasDiff { deviation.compare(y.diffs(), x.diffs(), "diff of \(a.name)[\(index)]") }
      }
    }
    guard ending.isEmpty else { return }
    // All but the numbers must be the same: names, types, parameters, phases, splits.
    let texts = try [expected, written].map { try NetDescription.read($0).net }
    if texts[0] != texts[1] { deviation.fail("the layers in the weight file differ from Caffe's") }
    let sizes = try [expected, written].map {
      try FileManager.default.attributesOfItem(atPath: $0)[.size] as? Int
    }
    if sizes[0] != sizes[1] { deviation.fail("weight files of \(sizes) bytes") }
  }

  private func compareState(_ deviation: inout Deviation, _ scratch: String) throws {
    let want = try SolverStateFile(path: "\(folder)/expected_iter_20.solverstate\(ending)")
    let got = try SolverStateFile(path: "\(scratch)/snap_iter_20.solverstate\(ending)")
    if URL(filePath: want.learnedNet).lastPathComponent
      != URL(filePath: got.learnedNet).lastPathComponent
    {
      deviation.fail("learned_net \(got.learnedNet)")
    }
    if want.iteration != got.iteration { deviation.fail("iter \(got.iteration)") }
    if want.currentStep != got.currentStep { deviation.fail("current_step \(got.currentStep)") }
    if want.history.count != got.history.count { deviation.fail("history \(got.history.count)") }
    for (index, (x, y)) in zip(want.history, got.history).enumerated() {
      if x.shape != y.shape { deviation.fail("shape of history \(index)") }
      deviation.compare(y.floats(), x.floats(), "history \(index)")
    }
  }
}
