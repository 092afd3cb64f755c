import Prototxt
import Schema

extension RatePolicy {
  /// Checks the fields of the policy, and those of the warm-up.
  func checkFields(_ check: inout SettingsCheck) {
    let message = check.message
    checkWarmup(message, &check)
    guard message.has("lr_policy") else { return }
    check.choice("lr_policy", name, PolicyReference.all.map(\.name))
    if message.float("base_lr") < 0 {
      check.fail("base_lr is \(message.float("base_lr")), but must be 0 or more", "base_lr")
    }
    let policy = PolicyReference.all.first { $0.name == name }
    for field in policy?.needed ?? [] where !message.has(field) && field != "max_iter" {
      check.fail(
        "lr_policy: \"\(name)\" needs \(field)", "lr_policy", help: "add \(field): …")
    }
    if name == "step", message.has("stepsize"), message.int("stepsize") < 1 {
      check.fail(
        "stepsize is \(message.int("stepsize")), but lr_policy: \"step\" needs 1 or more",
        "stepsize")
    }
    let gamma = message.float("gamma")
    if policy?.needed.contains("gamma") == true, gamma < 0 {
      check.fail("gamma is \(gamma), but must be 0 or more", "gamma")
    }
    let steps = message.ints("stepvalue")
    if zip(steps, steps.dropFirst()).contains(where: >) {
      check.fail(
        "the values of stepvalue fall", "stepvalue", help: "give them in rising order")
    }
    checkLeast(message, policy, &check)
    checkPlateau(message, &check)
  }

  private func checkWarmup(_ message: Message, _ check: inout SettingsCheck) {
    let iterations = check.int("warmup_iter", atLeast: 0)
    let start = message.float("warmup_start_lr")
    if start < 0 {
      check.fail("warmup_start_lr is \(start), but must be 0 or more", "warmup_start_lr")
    } else if message.has("warmup_start_lr"), !message.has("warmup_iter") {
      check.fail(
        "warmup_start_lr is given without warmup_iter", "warmup_start_lr",
        help: "add warmup_iter: the iterations until the rate is base_lr")
    } else if message.has("base_lr"), start > message.float("base_lr"), iterations > 0 {
      check.fail(
        "warmup_start_lr is \(start), but must not be above base_lr, "
          + "\(message.float("base_lr")), to which the rate rises", "warmup_start_lr")
    }
    if message.has("max_iter"), iterations > 0, iterations >= message.int("max_iter") {
      check.warn(
        "the warm-up of \(iterations) iterations is not over before max_iter, "
          + "\(message.int("max_iter")): the rate never reaches base_lr", "warmup_iter")
    }
  }

  private func checkLeast(
    _ message: Message, _ policy: PolicyReference?, _ check: inout SettingsCheck
  ) {
    guard message.has("min_lr"), let policy else { return }
    let least = message.float("min_lr")
    guard policy.optional.contains("min_lr") else {
      return check.warn(
        "min_lr has no effect with lr_policy: \"\(name)\": only cosine and plateau have a least rate",
        "min_lr")
    }
    if least < 0 {
      check.fail("min_lr is \(least), but must be 0 or more", "min_lr")
    } else if message.has("base_lr"), least > message.float("base_lr") {
      check.fail(
        "min_lr is \(least), but must not be above base_lr, \(message.float("base_lr"))", "min_lr")
    }
  }

  private func checkPlateau(_ message: Message, _ check: inout SettingsCheck) {
    let windows = message.ints("plateau_winsize")
    guard name == "plateau" else {
      if !windows.isEmpty {
        check.warn(
          "plateau_winsize has no effect with lr_policy: \"\(name)\"", "plateau_winsize")
      }
      return
    }
    for (index, window) in windows.enumerated() where window < 1 {
      check.fail(
        "plateau_winsize is \(window), but must be 1 or more", "plateau_winsize", index)
    }
    let gamma = message.float("gamma")
    if message.has("gamma"), gamma >= 1 {
      check.fail(
        "gamma is \(gamma), but must be below 1 for plateau: the rate is to fall", "gamma")
    }
  }
}
