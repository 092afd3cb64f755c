import Foundation
import Layers
import Nets
import Prototxt
import Schema
import Solvers
import Testing

/// A folder for the files of one test.
final class Scratch {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "solver-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func data(_ name: String) throws -> Data {
    try Data(contentsOf: URL(filePath: "\(path)/\(name)"))
  }

  func write(_ text: String, _ name: String) throws {
    try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"))
  }

  /// The names of all files, in order.
  var files: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }
}

/// Solvers made of texts, and what they tell.
enum Training {
  /// A net that learns nothing useful from random numbers, with all that draws at random.
  static let net = """
    layer { name: 'data' type: 'DummyData' top: 'x' top: 'label'
      dummy_data_param { shape { dim: 8 dim: 10 } shape { dim: 8 }
        data_filler { type: 'gaussian' } data_filler { type: 'uniform' min: 0 max: 2.99 } } }
    layer { name: 'ip1' type: 'InnerProduct' bottom: 'x' top: 'y'
      param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
      inner_product_param { num_output: 16 weight_filler { type: 'xavier' } } }
    layer { name: 'relu' type: 'ReLU' bottom: 'y' top: 'y' }
    layer { name: 'drop' type: 'Dropout' bottom: 'y' top: 'y' include { phase: TRAIN } }
    layer { name: 'ip2' type: 'InnerProduct' bottom: 'y' top: 'z'
      inner_product_param { num_output: 3 weight_filler { type: 'xavier' } } }
    layer { name: 'accuracy' type: 'Accuracy' bottom: 'z' bottom: 'label' top: 'accuracy'
      include { phase: TEST } }
    layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'z' bottom: 'label' top: 'loss' }
    """

  static func message(_ text: String) throws -> Message {
    try SolverUpgrade(TextFormat.parse(text, as: .solver)).solver
  }

  /// A solver of the text and a net in it; the snapshots go to the folder.
  static func solver(
    _ text: String, net: String = Training.net, in scratch: Scratch? = nil, seed: UInt64 = 5,
    threads: Int = 1, log: SolverLog? = nil, _ configure: (inout Solver.Options) -> Void = { _ in }
  ) throws -> Solver {
    var options = Solver.Options()
    options.seed = seed
    options.threads = threads
    // As the train command does.
    options.keeps = .only([])
    if let log { options.observe = { log.hear($0) } }
    configure(&options)
    let prefix = scratch.map { "snapshot_prefix: '\($0.path)/snap'\n" } ?? ""
    return try Solver(
      try message("\(prefix)\(text)\nnet_param {\n\(net)\n}"), path: nil, options: options)
  }

  /// What a step that must fail says.
  static func refused(_ step: () throws -> Void) -> [String] {
    do {
      try step()
      return []
    } catch let error as Diagnostics {
      return error.all.map(told)
    } catch let error as Diagnostic {
      return [told(error)]
    } catch {
      return ["\(error)"]
    }
  }

  /// A diagnostic in one line: message, label, notes, help.
  static func told(_ diagnostic: Diagnostic) -> String {
    var text = diagnostic.message
    if let label = diagnostic.label { text += " | \(label)" }
    for note in diagnostic.notes { text += " | \(note.message)" }
    if let help = diagnostic.help { text += " | \(help)" }
    return text
  }
}

/// Keeps what a solver tells.
final class SolverLog {
  /// The events in a few words each, without those of every step.
  private(set) var lines: [String] = []
  private(set) var losses: [Float] = []
  private(set) var smoothed: [Float] = []
  private(set) var rates: [Float] = []
  private(set) var remarks: [String] = []
  /// The outputs of tests, by iteration and net.
  private(set) var scores: [String: [Float]] = [:]
  /// Tests that were made twice with other outputs.
  private(set) var contradictions: [String] = []
  var onEvent: (SolverEvent) -> Void = { _ in }

  func hear(_ event: SolverEvent) {
    switch event {
    case .step(let report):
      losses.append(report.loss)
      smoothed.append(report.smoothedLoss)
      rates.append(report.rate)
    case .remark(let text):
      remarks.append(text)
      lines.append("remark")
    case .tested(let report):
      let key = "\(report.iteration)#\(report.net)"
      let values = report.outputs.map(\.value)
      if let before = scores[key], before != values { contradictions.append(key) }
      scores[key] = values
      lines.append("tested \(report.net) at \(report.iteration)")
    default: lines.append(Self.words(event))
    }
    onEvent(event)
  }

  private static func words(_ event: SolverEvent) -> String {
    switch event {
    case .built(_, let tests): "built 1+\(tests.count)"
    case .loadedWeights(let report): "loaded \(report.loaded.joined(separator: " "))"
    case .resumed(_, let iteration, let isExact):
      "resumed at \(iteration)\(isExact ? "" : ", not exactly")"
    case .solving(_, let policy, let type): "solving \(policy) \(type)"
    case .display(let report): "display \(report.iteration)"
    case .clipped: "clipped"
    case .rateStep(let iteration, let step): "multistep \(iteration) \(step)"
    case .testing(let iteration, let net): "testing \(net) at \(iteration)"
    case .snapshotting(let path, let kind):
      "snapshot \(kind) \(path.split(separator: "/").last ?? "")"
    case .finalLoss(let iteration, _): "final loss \(iteration)"
    case .finished(let iteration): "finished \(iteration)"
    case .endsEarly(.timeLimit): "time limit"
    case .endsEarly(.patience(let tests)): "patience \(tests)"
    case .stopped(let iteration, let snapshot):
      "stopped \(iteration)\(snapshot == nil ? ", no snapshot" : "")"
    case .debug: "debug"
    case .warning: "warning"
    case .step, .remark, .tested: ""
    }
  }
}
