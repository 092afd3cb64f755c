import Layers
import Nets
import Prototxt
import Schema
import Solvers

/// Makes Caffe's log lines of a solver's events.
final class CaffeTrainingLog {
  /// What Caffe would know of the run when it logs.
  struct Setting {
    /// The solver as it was loaded, with its weights, level and stages from the command line.
    let solver: Message

    /// Where the training net comes from, as Caffe says it.
    var trainSource: String {
      if solver.has("net_param") { return "net specified in net_param." }
      if solver.has("train_net_param") { return "net specified in train_net_param." }
      let field = solver.has("train_net") ? "train_net" : "net"
      return "\(field) file: \(solver.string(field))"
    }

    /// Where a test net comes from: those of `test_net_param`, of `test_net`, then the net itself.
    func testSource(_ index: Int) -> String {
      let inline = solver.count("test_net_param")
      if index < inline { return "test_net_param #\(index)" }
      let files = solver.strings("test_net")
      if index - inline < files.count { return "test_net file: \(files[index - inline])" }
      return solver.has("net_param") ? "net_param" : "net file: \(solver.string("net"))"
    }
  }

  private let log: CaffeLog
  private let setting: Setting
  private let display: Int
  private var tests: [Net] = []
  private var reports: [WeightReport] = []
  private var isBuilt = false

  init(_ log: CaffeLog, _ setting: Setting) {
    self.log = log
    self.setting = setting
    display = setting.solver.int("display")
  }

  /// Logs what comes before the first event.
  func begin() {
    log.log("caffe.cpp:197", "Use CPU.")
    log.log(
      "solver.cpp:45",
      "Initializing solver from parameters: \n" + TextFormat.print(setting.solver))
    log.log("solver.cpp:102", "Creating training net from \(setting.trainSource)")
  }

  func handle(_ event: SolverEvent) {
    switch event {
    case .built(let train, let tests):
      log.logBuilding(of: train, state: trainState(train))
      self.tests = tests
    case .loadedWeights(let report): reports.append(report)
    case .remark(let text): log.log("netrun", text, .warning)
    case .warning(let warning): log.log("netrun", warning.rendered(color: false), .warning)
    case .resumed(let path, _, _):
      // Caffe does not tell of the weights that belong to a state.
      reports = []
      finishBuilding()
      log.log("caffe.cpp:235", "Resuming from \(path)")
      log.log("sgd_solver.cpp:336", "SGDSolver: restoring history")
    case .solving(let name, let policy, _):
      finishBuilding()
      log.log("caffe.cpp:239", "Starting Optimization")
      log.log("solver.cpp:289", "Solving \(name)")
      log.log("solver.cpp:290", "Learning Rate Policy: \(policy)")
    default: handleWhileRunning(event)
    }
  }

  /// Test nets come behind the weights of the training net, and take them too.
  private func finishBuilding() {
    guard !isBuilt else { return }
    isBuilt = true
    logWeights()
    for (index, net) in tests.enumerated() {
      log.log(
        "solver.cpp:190", "Creating test net (#\(index)) specified by \(setting.testSource(index))")
      log.logBuilding(of: net, state: testState(net))
      logWeights()
    }
    log.log("solver.cpp:57", "Solver scaffolding done.")
  }

  private func logWeights() {
    for report in reports {
      log.log("solver.cpp:72", "Finetuning from \(report.path)")
      for layer in report.ignored {
        log.log("net.cpp:744", "Ignoring source layer \(layer)")
      }
      for misfit in report.misfits {
        log.log(
          "netrun", "Layer \(misfit.layer) is trained anew: \(misfit.reason)", .warning)
      }
    }
  }

  private func trainState(_ net: Net) -> Message {
    var state = setting.solver.message("train_state")
    state.set("phase", enum: net.state.phase.rawValue)
    return state
  }

  private func testState(_ net: Net) -> Message {
    var state = Message("NetState")
    state.set("phase", enum: net.state.phase.rawValue)
    if net.state.level != 0 { state.set("level", int: net.state.level) }
    for stage in net.state.stages { state.append("stage", .string(stage)) }
    return state
  }

  private func handleWhileRunning(_ event: SolverEvent) {
    switch event {
    case .debug(let line): log.log(CaffeTrainingLog.place(of: line), line.text, severity(line))
    case .display(let report): logDisplay(report)
    case .clipped(let norm, let limit, let scale):
      log.log(
        "sgd_solver.cpp:99",
        "Gradient clipping: scaling down gradients (L2 norm \(Numbers.general(norm)) > "
          + "\(Numbers.general(limit))) by scale factor \(Numbers.general(scale))")
    case .rateStep(let iteration, let step): logStep(iteration, step)
    case .testing(let iteration, let net):
      log.log("solver.cpp:347", "Iteration \(iteration), Testing net (#\(net))")
    case .tested(let report): logTest(report)
    case .snapshotting(let path, let kind): logSnapshot(path, kind)
    case .finalLoss(let iteration, let loss):
      log.log("solver.cpp:327", "Iteration \(iteration), loss = \(Numbers.general(loss))")
    case .endsEarly(let reason):
      log.log("netrun", TrainingSummary.text(of: reason))
      log.log("solver.cpp:316", "Optimization stopped early.")
    case .finished:
      log.log("solver.cpp:332", "Optimization Done.")
      log.log("caffe.cpp:250", "Optimization Done.")
    case .stopped:
      log.log("solver.cpp:316", "Optimization stopped early.")
      log.log("caffe.cpp:250", "Optimization Done.")
    default: break
    }
  }

  private func logDisplay(_ report: DisplayReport) {
    let rate = report.seconds > 0 ? Double(report.iterations) / report.seconds : 0
    log.log(
      "solver.cpp:239",
      "Iteration \(report.iteration) (\(Numbers.general(rate)) iter/s, "
        + "\(Numbers.general(report.seconds))s/\(display) iters), "
        + "loss = \(Numbers.general(report.smoothedLoss))")
    logOutputs(report.outputs, "Train", "solver.cpp:258")
    if let step = report.rateStep { logStep(report.iteration, step) }
    log.log(
      "sgd_solver.cpp:112", "Iteration \(report.iteration), lr = \(Numbers.general(report.rate))")
  }

  private func logStep(_ iteration: Int, _ step: Int) {
    // The SSD fork, which had plateau first, logs its steps so.
    let policy = setting.solver.string("lr_policy") == "plateau" ? "Plateau" : "MultiStep"
    log.log("sgd_solver.cpp:54", "\(policy) Status: Iteration \(iteration), step = \(step)")
  }

  private func logTest(_ report: TestReport) {
    if let loss = report.loss { log.log("solver.cpp:399", "Test loss: \(Numbers.general(loss))") }
    logOutputs(report.outputs, "Test", "solver.cpp:414")
  }

  private func logOutputs(_ outputs: [OutputValue], _ kind: String, _ place: String) {
    for (index, output) in outputs.enumerated() {
      let text = CaffeLog.output(output.name, output.value, lossWeight: output.lossWeight)
      log.log(place, "    \(kind) net output #\(index): \(text)")
    }
  }

  private func logSnapshot(_ path: String, _ kind: SnapshotKind) {
    let format = path.hasSuffix(".h5") ? "HDF5" : "binary proto"
    switch (kind, path.hasSuffix(".h5")) {
    case (.weights, let isHDF5), (.best, let isHDF5):
      log.log(
        isHDF5 ? "solver.cpp:472" : "solver.cpp:464", "Snapshotting to \(format) file \(path)")
    case (.state, let isHDF5):
      log.log(
        isHDF5 ? "sgd_solver.cpp:297" : "sgd_solver.cpp:284",
        "Snapshotting solver state to \(format) file \(path)")
    }
  }

  private func severity(_ line: DebugLine) -> CaffeLog.Severity {
    line.isSummary ? .error : .info
  }

  /// Where Caffe logs a line of `debug_info`.
  private static func place(of line: DebugLine) -> String {
    let text = line.text.drop { $0 == " " }
    if line.isSummary { return "net.cpp:721" }
    if text.hasPrefix("[Forward]") {
      return text.contains(", param blob ") ? "net.cpp:605" : "net.cpp:593"
    }
    if text.hasPrefix("[Backward]") {
      return text.contains(", param blob ") ? "net.cpp:632" : "net.cpp:621"
    }
    return "net.cpp:645"
  }
}
