import Layers
import Nets
import Prototxt
import Schema
import Solvers

/// Lints about tests and snapshots.
extension Lint {
  static let testIterations = Lint(
    "test-iterations",
    summary: "test_iter × batch_size is not the number of records of the test data",
    reason: "a test leaves records out, or counts some twice, and each one looks at others",
    remedy: "choose them so that test_iter × batch_size is the number of records"
  ) { subject in
    guard let solver = subject.solver else { return [] }
    let counts = solver.ints("test_iter")
    return subject.tested.enumerated().compactMap { index, net in
      guard index < counts.count,
        let source = net.net.sources.compactMap(\.source).first(where: { $0.recordCount != nil }),
        let records = source.recordCount, records > 0
      else { return nil }
      let batch = source.batchSize
      let seen = counts[index] * batch
      guard seen != records else { return nil }
      let what =
        seen < records
        ? "\(Numbers.grouped(records - seen)) are never tested"
        : "\(Numbers.grouped(seen - records)) are tested again"
      return Finding(
        "\(Numbers.grouped(counts[index])) × \(batch) = \(Numbers.grouped(seen)), but there are "
          + "\(Numbers.count(records, "record")): \(what)",
        at: solver.location("test_iter", index), remedy: advice(records, batch))
    }
  }

  /// Numbers of batches, and their sizes, that make a number of records.
  static func advice(_ records: Int, _ batch: Int) -> String {
    if records % batch == 0 { return "test_iter: \(records / batch)" }
    // No larger batch than now, as memory goes, but none that is much smaller.
    let fitting = stride(from: batch, through: max(1, batch / 4), by: -1)
      .first { records % $0 == 0 }
    guard let fitting else {
      return "no batch_size from \(max(1, batch / 4)) to \(batch) divides \(records): "
        + "test_iter: \(records / batch) leaves out the least, \(Numbers.count(records % batch, "record"))"
    }
    return "test_iter: \(records / fitting) with batch_size: \(fitting)"
  }

  static let silentTest = Lint(
    "silent-test",
    summary: "a test net without an output",
    reason: "a test computes it and shows nothing",
    remedy: "add an Accuracy or a loss that includes phase TEST"
  ) { subject in
    guard subject.solver != nil else { return [] }
    return subject.tested.compactMap { net in
      guard net.net.outputs.isEmpty else { return nil }
      return Finding("the test net has no outputs", at: net.layers.first.flatMap(net.place))
    }
  }

  static let noLoss = Lint(
    "no-loss",
    summary: "a solver whose net for training has no loss",
    reason: "there is nothing to make small: training would leave the net as it is",
    remedy: "add a loss layer such as SoftmaxWithLoss, or a loss_weight to a layer"
  ) { subject in
    guard let solver = subject.solver,
      let train = subject.nets.first(where: { $0.net.state.phase == .train }), !train.hasLoss
    else { return [] }
    let field = ["net", "train_net", "net_param", "train_net_param"].first(where: solver.has)
    return [
      Finding("the net for training has no loss", at: field.flatMap { solver.location($0) })
    ]
  }

  static let unmatchedStage = Lint(
    "unmatched-stage",
    summary: "a stage that no rule of the net asks for",
    reason: "it changes nothing: the name is probably mistyped",
    remedy: "use a name that stands in the layers' include or exclude rules"
  ) { subject in
    guard let solver = subject.solver else { return [] }
    let known = Set(
      subject.nets.flatMap { net in
        net.net.description.messages("layer").flatMap { layer in
          (layer.messages("include") + layer.messages("exclude")).flatMap {
            $0.strings("stage") + $0.strings("not_stage")
          }
        }
      })
    guard !subject.nets.isEmpty else { return [] }
    let states = solver.messages("test_state") + [solver.message("train_state")]
    return states.flatMap { state in
      state.strings("stage").enumerated().compactMap { index, stage in
        guard !known.contains(stage) else { return nil }
        return Finding(
          "no layer has a rule for the stage '\(stage)'", at: state.location("stage", index),
          remedy: closestMatch(to: stage, in: known.sorted()).map { "did you mean '\($0)'?" })
      }
    }
  }

  static let testsNeverCome = Lint(
    "tests-never-come",
    summary: "a test_interval above max_iter",
    reason: "the only test is the one before training",
    remedy: "choose a test_interval that divides max_iter"
  ) { subject in
    guard let solver = subject.solver, !subject.tested.isEmpty, solver.int("max_iter") > 0,
      // Who leaves out the first test too wants none.
      solver.bool("test_initialization"),
      solver.int("test_interval") > solver.int("max_iter")
    else { return [] }
    return [
      Finding(
        "test_interval is \(solver.int("test_interval")), but training ends at "
          + "\(solver.int("max_iter"))", at: solver.location("test_interval"))
    ]
  }

  static let untestedEnd = Lint(
    "untested-end", .hint,
    summary: "a max_iter that is no multiple of test_interval",
    reason: "the net that training ends with is not tested",
    remedy: "choose a test_interval that divides max_iter"
  ) { subject in
    guard let solver = subject.solver, !subject.tested.isEmpty else { return [] }
    let (interval, end) = (solver.int("test_interval"), solver.int("max_iter"))
    guard interval > 0, interval <= end, end % interval != 0 else { return [] }
    return [
      Finding(
        "the last test is at \(end / interval * interval), but training ends at \(end)",
        at: solver.location("test_interval"))
    ]
  }

  static let unseenRecords = Lint(
    "unseen-records", .hint,
    summary: "a max_iter too small for one pass over the data",
    reason: "training ends before it has seen every record once",
    remedy: "raise max_iter: several passes are usual"
  ) { subject in
    guard let solver = subject.solver, let train = subject.trained.first,
      let source = train.net.sources.compactMap(\.source).first(where: { $0.recordCount != nil }),
      let records = source.recordCount, solver.int("max_iter") > 0
    else { return [] }
    let batch = source.batchSize * max(1, solver.int("iter_size"))
    let (seen, overflow) = solver.int("max_iter").multipliedReportingOverflow(by: batch)
    guard !overflow, seen < records else { return [] }
    return [
      Finding(
        "training sees \(Numbers.grouped(seen)) of \(Numbers.count(records, "record"))",
        at: solver.location("max_iter"))
    ]
  }

  static let nothingSaved = Lint(
    "nothing-saved",
    summary: "a solver that never writes a snapshot",
    reason: "what the net has learnt from its data is lost at the end",
    remedy: "set snapshot, or leave snapshot_after_train: false out"
  ) { subject in
    guard let solver = subject.solver, solver.int("snapshot") == 0,
      !solver.bool("snapshot_after_train"),
      // Random numbers teach nothing that is worth keeping.
      subject.trained.contains(where: { !$0.net.sources.isEmpty })
    else { return [] }
    return [
      Finding("nothing that is learnt is saved", at: solver.location("snapshot_after_train"))
    ]
  }

  static let oneSnapshot = Lint(
    "one-snapshot", .hint,
    summary: "a run of 10,000 iterations or more without snapshots in between",
    reason: "a run that is cut off by a crash begins anew",
    remedy: "add snapshot: the iterations between two"
  ) { subject in
    guard let solver = subject.solver, solver.int("snapshot") == 0,
      solver.bool("snapshot_after_train"), solver.int("max_iter") >= 10_000
    else { return [] }
    return [
      Finding(
        "the only snapshot is after all \(Numbers.grouped(solver.int("max_iter"))) iterations",
        at: solver.location(solver.has("snapshot") ? "snapshot" : "max_iter"))
    ]
  }
}
