/// The entry of the reference for a learning-rate policy.
struct PolicyReference {
  /// The name written as `lr_policy`.
  let name: String
  /// What it is for, in a sentence.
  let summary: String
  /// The rate, with t the iteration, b `base_lr` and γ `gamma`.
  let formula: String
  /// Fields that must be given.
  let needed: [String]
  /// Fields that may be given.
  var optional: [String] = []
  /// Whether Caffe does not have it.
  var isExtension = false

  /// Every policy that `RatePolicy` computes.
  static let all: [PolicyReference] = [
    PolicyReference(name: "fixed", summary: "Stays as it is.", formula: "b", needed: []),
    PolicyReference(
      name: "step", summary: "Falls by γ every `stepsize` iterations.",
      formula: "b · γ^⌊t / stepsize⌋", needed: ["gamma", "stepsize"]),
    PolicyReference(
      name: "exp", summary: "Falls by γ in each iteration.", formula: "b · γ^t", needed: ["gamma"]),
    PolicyReference(
      name: "inv", summary: "Falls quickly first, then ever more slowly.",
      formula: "b · (1 + γ · t)^(−power)", needed: ["gamma", "power"]),
    PolicyReference(
      name: "multistep", summary: "Falls by γ at each `stepvalue`.",
      formula: "b · γ^s, s the values of stepvalue that t has reached, at most one more at each "
        + "iteration", needed: ["gamma", "stepvalue"]),
    PolicyReference(
      name: "poly", summary: "Reaches 0 at `max_iter`.", formula: "b · (1 − t / max_iter)^power",
      needed: ["power", "max_iter"]),
    PolicyReference(
      name: "sigmoid", summary: "Rises to b around iteration `stepsize`, since γ is 0 or more.",
      formula: "b / (1 + e^(−γ · (t − stepsize)))", needed: ["gamma", "stepsize"]),
    PolicyReference(
      name: "cosine", summary: "Falls slowly, then quickly, then slowly to `min_lr` at `max_iter`.",
      formula: "min_lr + (b − min_lr) · (1 + cos(π · t / max_iter)) / 2", needed: ["max_iter"],
      optional: ["min_lr"], isExtension: true),
    PolicyReference(
      name: "plateau",
      summary: "Falls by γ when the loss has stopped falling. After step s − 1 it waits until the "
        + "smoothed loss (the mean of the last `average_loss` losses) has had no new minimum, and "
        + "the rate no step, for `plateau_winsize` number s of iterations; behind the last number "
        + "the rate stays. Losses of a warm-up do not count.",
      formula: "max(min_lr, b · γ^s)", needed: ["gamma", "plateau_winsize"], optional: ["min_lr"],
      isExtension: true),
  ]
}
