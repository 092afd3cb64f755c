import Compute
import Layers
import Nets
import Prototxt

extension Solver {
  /// Trains until `max_iter`, or until a signal asks to stop.
  ///
  /// - Throws: a `Diagnostic` if data, a disk or the numbers themselves do not let the run go on.
  /// - Returns: how the run ended.
  public func solve() throws -> Outcome {
    try prepareFolder()
    options.observe(
      .solving(
        name: trainNet.name, policy: settings.rate.name,
        type: type(of: settings.rule).type))
    var clock = LoopClock(waited: trainNet.waitedMilliseconds, iteration: iteration)
    var signal: Int32?
    var end = earlyEnd(clock)
    var testedIteration: Int?
    while iteration < settings.maxIterations, signal == nil, end == nil {
      if isDue(settings.testInterval), iteration > 0 || settings.testsAtStart {
        statesBeforeTests = testNets.map(\.runState)
        try testAll()
        testedIteration = iteration
        end = earlyEnd(clock)
      }
      signal = options.requests.stop
      guard signal == nil, end == nil else { break }
      signal = try step(&clock)
      end = earlyEnd(clock)
    }
    if iteration == settings.maxIterations { end = nil }
    let isSaved = lastSnapshotIteration == iteration
    let endsEarly = signal != nil || end != nil
    if !isSaved, settings.snapshotsAfterTraining || endsEarly { try snapshot() }
    if let signal {
      options.observe(.stopped(iteration: iteration, snapshot: lastSnapshot))
      return .stopped(signal: signal)
    }
    if let end { options.observe(.endsEarly(end)) }
    if settings.display > 0, isDue(settings.display) {
      window.add(try trainNet.forward())
      options.observe(.finalLoss(iteration: iteration, loss: window.mean))
    }
    // The last weights may be the best.
    let wantsTest = end != nil || options.best != nil || isDue(settings.testInterval)
    if wantsTest, testedIteration != iteration { try testAll() }
    try saveScores()
    if let signal = options.requests.stop {
      options.observe(.stopped(iteration: iteration, snapshot: lastSnapshot))
      return .stopped(signal: signal)
    }
    options.observe(.finished(iteration: iteration))
    return .finished
  }

  /// Makes the folder of the snapshots.
  ///
  /// Where none is due but those that a signal may ask for, a folder that cannot be written does not
  /// stop the run.
  private func prepareFolder() throws {
    do {
      try SnapshotFiles.prepareFolder(snapshotPrefix)
      try SnapshotFiles.requireRoom(snapshotPrefix, bytes: snapshotBytes)
    } catch {
      let isDue = settings.snapshotInterval > 0 || settings.snapshotsAfterTraining
      if isDue { throw error }
      warn(error)
    }
  }

  /// What the numbers of a snapshot take on the disk.
  private var snapshotBytes: Int {
    let weights = trainNet.nodes.reduce(0) { sum, node in
      node.layer.parameters.reduce(sum) { $0 + $1.count }
    }
    let history = updater.history.reduce(0) { $0 + $1.count }
    let best = options.best == nil ? 0 : weights
    return (weights * (settings.snapshotsDiff ? 2 : 1) + history + best)
      * MemoryLayout<Float>.stride
  }

  func warn(_ error: Diagnostic) {
    var warning = error
    warning.severity = .warning
    options.observe(.warning(warning))
  }

  /// Takes a snapshot in the middle of a run.
  ///
  /// A disk that is full for a while must not cost the run: the next snapshot may succeed.
  private func snapshotOnTheWay() throws {
    do {
      try snapshot()
    } catch let error as Diagnostic {
      if error.kind != .inputOutput { throw error }
      warn(error)
    }
  }

  private func isDue(_ interval: Int) -> Bool { interval > 0 && iteration % interval == 0 }

  /// One iteration: gradients, update, and a snapshot if it is due.
  ///
  /// - Returns: the signal that asks to stop, if one does.
  func step(_ clock: inout LoopClock) throws -> Int32? {
    let displays = isDue(settings.display)
    let debugs = displays && (settings.debugInfo || trainNet.debugInfo)
    trainNet.debug(debugs ? { [observe = options.observe] in observe(.debug($0)) } : nil)
    trainNet.clearParameterGradients()
    var loss = try forward()
    for _ in 1..<settings.iterSize {
      trainNet.backward()
      loss += try forward()
    }
    loss /= Float(settings.iterSize)
    window.add(loss)
    // The rate is known before the last gradients are: large parameters follow these at once.
    let rate = settings.rate.rate(
      at: iteration, smoothedLoss: window.mean, progress: &rateProgress)
    updater.prepare(rate: rate.rate, iteration: iteration)
    trainNet.backward(following: updater.follows)
    let norm = updater.gradientNorm()
    try guardGradients(norm)
    if displays {
      display(rate.rate, step: rate.advanced ? rateProgress.step : nil, &clock)
    } else if rate.advanced {
      options.observe(.rateStep(iteration: iteration, step: rateProgress.step))
    }
    update(norm: norm, rate: rate.rate)
    options.observe(
      .step(
        StepReport(
          iteration: iteration, maxIteration: settings.maxIterations, loss: loss,
          smoothedLoss: window.mean, rate: rate.rate,
          samples: trainNet.batchSize * settings.iterSize, epochSize: trainNet.recordCount,
          elapsed: clock.elapsed, waitedMilliseconds: trainNet.waitedMilliseconds - clock.waited)))
    iteration += 1
    statesBeforeTests = nil
    let asksSnapshot = options.requests.takeSnapshot()
    if isDue(settings.snapshotInterval) || asksSnapshot { try snapshotOnTheWay() }
    return options.requests.stop
  }

  private func forward() throws -> Float {
    let loss = try trainNet.forward()
    try guardLoss(loss)
    return loss
  }

  private func update(norm: Float, rate: Float) {
    var scale = 1 / Float(settings.iterSize)
    if settings.clip >= 0, norm > settings.clip {
      let factor = settings.clip / norm
      options.observe(.clipped(norm: norm, limit: settings.clip, scale: factor))
      scale *= factor
    }
    updater.update(rate: rate, scale: scale, iteration: iteration)
  }

  private func display(_ rate: Float, step: Int?, _ clock: inout LoopClock) {
    let (seconds, iterations) = clock.lap(iteration)
    options.observe(
      .display(
        DisplayReport(
          iteration: iteration, smoothedLoss: window.mean, rate: rate,
          rateStep: step, seconds: seconds, iterations: iterations,
          outputs: trainNet.outputValues)))
  }

  // MARK: Guards

  private func guardLoss(_ loss: Float) throws {
    guard !loss.isFinite, !options.allowsNonFinite else { return }
    throw nonFinite("the loss is \(loss) in iteration \(iteration)", trainNet.firstNonFiniteValue())
  }

  private func guardGradients(_ norm: Float) throws {
    guard !norm.isFinite, !options.allowsNonFinite else { return }
    throw nonFinite(
      "a gradient is not finite in iteration \(iteration)", trainNet.firstNonFiniteGradient())
  }

  /// A snapshot that holds what is not finite would be taken for a good one.
  func guardWeights() throws {
    guard !options.allowsNonFinite, let first = trainNet.firstNonFiniteParameter() else { return }
    throw nonFinite("a weight is not finite before iteration \(iteration)", first)
  }

  private func nonFinite(_ what: String, _ first: NonFinite?) -> Diagnostic {
    var message = what
    if let first {
      message += ": the first \(first.isGradient ? "gradient" : "value") that is not finite is in "
      message += "blob '\(first.blob)' of layer '\(first.layer)'"
    }
    let good = lastSnapshot.map { "the last good snapshot is \($0)" } ?? "there is no snapshot yet"
    return .error(
      message, notes: [Note(good)],
      help: "most often the rate is too high (base_lr) or the input is not scaled; "
        + "clip_gradients limits jumps; --allow-nonfinite goes on all the same",
      kind: .runFailed)
  }

  // MARK: Tests

  private func testAll() throws {
    for number in testNets.indices where options.requests.stop == nil { try test(number) }
  }

  private func test(_ number: Int) throws {
    options.observe(.testing(iteration: iteration, net: number))
    let start = LoopClock.now
    let run = try TestRun.run(
      testNets[number], iterations: settings.testIterations[number],
      isStopped: { [requests = options.requests] in requests.stop != nil })
    guard let run else { return }
    let isBest = watch?.isBest(run.means, net: number, iteration: iteration) ?? false
    options.observe(
      .tested(
        TestReport(
          iteration: iteration, net: number, outputs: run.means,
          loss: settings.computesTestLoss ? run.loss : nil, batches: run.batches,
          seconds: LoopClock.now - start, best: isBest ? watch?.goal.output : nil)))
    let isWritten = try isBest && writeBest()
    // A best test whose weights could not be written leaves the place to the next one.
    if isWritten || !isBest {
      watch?.count(
        run.means, net: number, iteration: iteration, isBest: isBest,
        isDue: isDue(settings.testInterval))
    }
  }
}
