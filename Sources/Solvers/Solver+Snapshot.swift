import Compute
import Layers
import Nets
import Prototxt
import Schema

extension Solver {
  /// Writes weights, state and what Caffe's state loses; each file is there whole or not at all.
  ///
  /// The state comes last: where it is, the others are.
  ///
  /// - Throws: what kept a file from being written, or that a weight is not finite.
  func snapshot() throws {
    try guardWeights()
    let isHDF5 = settings.snapshotsHDF5
    let ending = isHDF5 ? ".h5" : ""
    let weights = SnapshotFiles.path(snapshotPrefix, iteration, "caffemodel\(ending)")
    let state = SnapshotFiles.path(snapshotPrefix, iteration, "solverstate\(ending)")
    options.observe(.snapshotting(path: weights, kind: .weights))
    let diffs: [UnsafePointer<Float>]? =
      settings.snapshotsDiff
      ? trainNet.parameters.map { UnsafePointer($0.blob.gradient) } : nil
    if isHDF5 {
      try trainNet.writeHDF5Weights(to: weights, diffs: diffs)
    } else {
      try trainNet.writeWeights(to: weights, diffs: diffs)
    }
    let runState = runState
    let runStatePath = RunStateFile.path(beside: state)
    try RunStateFile.write(runState, to: runStatePath)
    options.observe(.snapshotting(path: state, kind: .state))
    let history = updater.history.map { BlobSource(shape: $0.shape.dimensions, values: $0.values) }
    let write = isHDF5 ? SolverStateFile.writeHDF5 : SolverStateFile.write
    try write(state, iteration, weights, rateProgress.step, history)
    lastSnapshot = state
    lastSnapshotIteration = iteration
    lastRunState = (runState, runStatePath)
    keeping.add([state, runStatePath, weights])
  }

  /// What Caffe loses: seed, smoothed loss, what plateau waits for, data positions, random counters.
  private var runState: Message {
    var state = Message("RunState")
    state.set("iter", int: iteration)
    state.set("state_checksum", int: checksum)
    state.set("random_seed", int: Int(Int64(bitPattern: seed)))
    window.save(to: &state)
    if settings.rate.watchesLoss { rateProgress.save(to: &state) }
    watch?.save(to: &state)
    if shuffles { state.set("shuffle", bool: true) }
    state.set(
      "net", messages: [trainNet.runState] + (statesBeforeTests ?? testNets.map(\.runState)))
    return state
  }

  /// Tells this snapshot from others: the bits of the history and of the weights.
  private var checksum: Int {
    RunStateFile.checksum(updater.history + trainNet.parameters.map(\.blob))
  }

  // MARK: Restoring

  /// Goes on from a state; exactly, if the file that holds what Caffe loses lies beside it.
  func restore(_ path: String) throws {
    let state = try SolverStateFile(path: path)
    try check(state)
    let weights = try Solver.learnedNet(of: state)
    try loadWeights(weights)
    for (stored, blob) in zip(state.history, updater.history) { stored.copy(into: blob.values) }
    iteration = state.iteration
    rateProgress.step = state.currentStep
    lastSnapshot = path
    lastSnapshotIteration = iteration
    let isExact = try restoreRunState(beside: path)
    options.observe(.resumed(path: path, iteration: iteration, isExact: isExact))
  }

  private func check(_ state: SolverStateFile) throws(Diagnostics) {
    let history = updater.history
    guard state.history.count == history.count else {
      throw Diagnostics(
        .error(
          "has \(state.history.count) history blobs, but the solver needs \(history.count)",
          path: state.path,
          help: "the state belongs to another net or another type of solver"))
    }
    var problems = Diagnostics()
    for (stored, blob) in zip(state.history, history) where stored.count != blob.count {
      problems.append(
        .error(
          "\(blob.name) has \(stored.count) values in the state, but \(blob.count) in the net",
          path: state.path, help: "the state belongs to another net"))
    }
    try problems.throwIfErrors()
  }

  /// The weights that belong to a state: where they were written, or else beside the state.
  static func learnedNet(of state: SolverStateFile) throws(Diagnostic) -> String {
    let name = state.learnedNet.split(separator: "/").last.map(String.init) ?? ""
    let beside = "\(FileResolver.folder(of: state.path))/\(name)"
    let candidates = beside == state.learnedNet ? [beside] : [beside, state.learnedNet]
    // Beside the state first: a folder that was moved or copied stays together.
    if !name.isEmpty, let found = candidates.first(where: { FileResolver().existing($0) != nil }) {
      return found
    }
    throw .error(
      "the weights '\(state.learnedNet)' that belong to this state are not there",
      path: state.path,
      help: "looked for \(candidates.joined(separator: " and ")); the path is relative to the "
        + "folder of the run that wrote it", kind: .missingInput)
  }

  private func restoreRunState(beside path: String) throws -> Bool {
    let file = RunStateFile.path(beside: path)
    guard let saved = try RunStateFile.read(file) else {
      options.observe(
        .remark(
          "\(file) is not there: as in Caffe, the data begin from the first record again, and "
            + "random numbers anew"))
      return false
    }
    guard saved.int("iter") == iteration,
      saved.int("state_checksum") == checksum
    else {
      options.observe(
        .remark(
          "\(file) belongs to another snapshot, and is left out: as in Caffe, the data begin from "
            + "the first record again"))
      return false
    }
    window.restore(from: saved)
    rateProgress.restore(from: saved)
    restoreWatch(from: saved)
    let states = saved.messages("net")
    let nets = [trainNet] + testNets
    let strangers = zip(nets, states).flatMap { $0.restore($1) }
    if !strangers.isEmpty {
      let names = strangers.map { "'\($0)'" }.joined(separator: ", ")
      options.observe(
        .remark("\(file) is of a net with other layers: \(names) cannot go on exactly"))
    }
    return strangers.isEmpty && states.count == nets.count
      && saved.int("random_seed") == Int(Int64(bitPattern: seed))
  }
}
