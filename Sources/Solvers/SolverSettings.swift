import Compute
import Prototxt
import Schema

/// What a solver file says, read and checked once; all that is wrong with it is told at once.
struct SolverSettings {
  let message: Message
  let maxIterations: Int
  let iterSize: Int
  let display: Int
  let averageLoss: Int
  let testInterval: Int
  let testIterations: [Int]
  let testsAtStart: Bool
  let computesTestLoss: Bool
  let snapshotInterval: Int
  let snapshotPrefix: String
  let snapshotsAfterTraining: Bool
  let snapshotsDiff: Bool
  let snapshotsHDF5: Bool
  let clip: Float
  let weightDecay: Float
  let isL1: Bool
  let seed: UInt64?
  let debugInfo: Bool
  let weights: [String]
  let rate: RatePolicy
  let rule: any UpdateRule
  /// What has no effect, or not the wanted one.
  let warnings: [Diagnostic]

  /// Reads a `SolverParameter`.
  ///
  /// - Throws: `Diagnostics` with everything that is wrong.
  init(_ message: Message) throws(Diagnostics) {
    var check = SettingsCheck(message)
    self.message = message
    check.require("base_lr", "a learning rate")
    check.require("max_iter", "how long to train")
    check.require("lr_policy", "how the rate falls", example: "\"fixed\"")
    maxIterations = check.int("max_iter", atLeast: 0)
    iterSize = check.int("iter_size", atLeast: 1)
    display = check.int("display", atLeast: 0)
    averageLoss = check.int("average_loss", atLeast: 1)
    testInterval = check.int("test_interval", atLeast: 0)
    testIterations = message.ints("test_iter")
    for (index, count) in testIterations.enumerated() where count < 1 {
      check.fail("test_iter is \(count), but must be 1 or more", "test_iter", index)
    }
    testsAtStart = message.bool("test_initialization")
    computesTestLoss = message.bool("test_compute_loss")
    snapshotInterval = check.int("snapshot", atLeast: 0)
    snapshotPrefix = message.string("snapshot_prefix")
    snapshotsAfterTraining = message.bool("snapshot_after_train")
    snapshotsDiff = message.bool("snapshot_diff")
    clip = message.float("clip_gradients")
    weightDecay = message.float("weight_decay")
    let regularization = message.string("regularization_type")
    isL1 = regularization == "L1"
    check.choice("regularization_type", regularization, ["L1", "L2"])
    let given = message.int("random_seed")
    seed = given >= 0 ? UInt64(given) : nil
    debugInfo = message.bool("debug_info")
    weights = message.strings("weights").flatMap {
      $0.split(separator: ",").map { $0.trimmingPrefix { $0 == " " } }.map(String.init)
    }
    snapshotsHDF5 = message.enumName("snapshot_format") == "HDF5"
    rate = RatePolicy(message, &check)
    rule = UpdateRules.rule(message, &check)
    try check.diagnostics.throwIfErrors()
    warnings = check.diagnostics.all
  }
}

/// Collects what is wrong with a solver's fields.
struct SettingsCheck {
  let message: Message
  var diagnostics = Diagnostics()

  init(_ message: Message) { self.message = message }

  mutating func fail(
    _ text: String, _ field: String, _ index: Int = 0, label: String? = nil, help: String? = nil
  ) {
    diagnostics.append(
      .error(text, at: message.location(field, index), label: label, help: help))
  }

  mutating func warn(_ text: String, _ field: String) {
    diagnostics.append(.warning(text, at: message.location(field)))
  }

  mutating func require(_ field: String, _ purpose: String, example: String = "…") {
    guard !message.has(field) else { return }
    diagnostics.append(
      .error(
        "the solver has no \(field): \(purpose)", at: message.location,
        help: "add \(field): \(example)"))
  }

  mutating func int(_ field: String, atLeast least: Int) -> Int {
    let value = message.int(field)
    if value < least { fail("\(field) is \(value), but must be \(least) or more", field) }
    return value
  }

  /// What a rule averages by, or 1 less it, must not be nothing.
  mutating func fraction(_ field: String, _ value: Float, for type: String) {
    if !(0..<1).contains(value) {
      fail("\(field) is \(value), but must be at least 0 and below 1 for \(type)", field)
    }
  }

  mutating func refuseMomentum(_ type: String) {
    if message.float("momentum") != 0 {
      fail("\(type) cannot be used with momentum", "momentum", help: "leave momentum out")
    }
  }

  mutating func choice(_ field: String, _ value: String, _ known: [String]) {
    guard !known.contains(value) else { return }
    fail(
      "unknown \(field) '\(value)'", field,
      label: closestMatch(to: value, in: known).map { "did you mean '\($0)'?" },
      help: "known are \(known.joined(separator: ", "))")
  }
}
