import Prototxt
import Schema
import Solvers

/// Lints about rates and rules.
extension Lint {
  static let zeroRate = Lint(
    "zero-rate",
    summary: "a base_lr of 0",
    reason: "no weight changes",
    remedy: "give a rate: 0.01 with SGD and momentum 0.9, or 0.001 with Adam, is where to begin"
  ) { subject in
    guard let solver = subject.solver, solver.has("base_lr"), solver.float("base_lr") == 0 else {
      return []
    }
    return [Finding("base_lr is 0", at: solver.location("base_lr"))]
  }

  static let unreachedStep = Lint(
    "unreached-step",
    summary: "a stepvalue or stepsize that is not below max_iter",
    reason: "training is over before the rate falls there",
    remedy: "choose smaller steps, or a larger max_iter"
  ) { subject in
    guard let solver = subject.solver, solver.has("max_iter") else { return [] }
    let end = solver.int("max_iter")
    func finding(_ field: String, _ value: Int, _ index: Int) -> Finding {
      Finding(
        "\(field) is \(value), but training ends at \(end)", at: solver.location(field, index))
    }
    switch solver.string("lr_policy") {
    case "multistep":
      return solver.ints("stepvalue").enumerated().filter { $0.element >= end }.map {
        finding("stepvalue", $0.element, $0.offset)
      }
    case "step" where solver.has("stepsize") && solver.int("stepsize") >= end:
      return [finding("stepsize", solver.int("stepsize"), 0)]
    default: return []
    }
  }

  static let policyField = Lint(
    "policy-field",
    summary: "gamma, power, stepsize or stepvalue with an lr_policy that does not read it",
    reason: "it has no effect: the rate does not fall as it seems to",
    remedy: "leave it out, or choose the lr_policy that reads it"
  ) { subject in
    guard let solver = subject.solver,
      let read = SolverCheck.fields(ofPolicy: solver.string("lr_policy"))
    else { return [] }
    return SolverCheck.policyFields.filter { solver.has($0) && !read.contains($0) }.map {
      Finding(
        "\($0) has no effect with lr_policy: \"\(solver.string("lr_policy"))\"",
        at: solver.location($0))
    }
  }

  static let oddGamma = Lint(
    "odd-gamma",
    summary: "a gamma of 0, or of 1 or more, for a policy that multiplies by it",
    reason: "the rate is to fall by it: 0 stops learning at the first step, 1 changes nothing, and "
      + "more makes the rate grow",
    remedy: "0.1 is usual for step and multistep, something close below 1 for exp"
  ) { subject in
    guard let solver = subject.solver, solver.has("gamma"),
      ["step", "multistep", "exp"].contains(solver.string("lr_policy"))
    else { return [] }
    let gamma = solver.float("gamma")
    guard gamma == 0 || gamma >= 1 else { return [] }
    return [Finding("gamma is \(Numbers.general(gamma))", at: solver.location("gamma"))]
  }

  static let adamWithoutMomentum = Lint(
    "adam-without-momentum",
    summary: "Adam or AdamW with momentum 0, the default",
    reason: "momentum is Adam's β₁: without it there is no mean of gradients, and it learns more "
      + "slowly, or not at all",
    remedy: "add momentum: 0.9"
  ) { subject in
    guard let solver = subject.solver, ["Adam", "AdamW"].contains(solver.string("type")),
      solver.float("momentum") == 0
    else { return [] }
    return [
      Finding(
        "\(solver.string("type")) has no momentum",
        at: solver.location(solver.has("momentum") ? "momentum" : "type"))
    ]
  }

  static let noMomentum = Lint(
    "no-momentum", .hint,
    summary: "SGD or Nesterov without momentum",
    reason: "it learns, but usually more slowly",
    remedy: "add momentum: 0.9"
  ) { subject in
    guard let solver = subject.solver, ["SGD", "Nesterov"].contains(solver.string("type")),
      solver.float("momentum") == 0, solver.has("base_lr")
    else { return [] }
    return [
      Finding(
        "there is no momentum", at: solver.location(solver.has("momentum") ? "momentum" : "base_lr")
      )
    ]
  }

  static let momentumDiverges = Lint(
    "momentum-diverges",
    summary: "a momentum of 1 or more with SGD or Nesterov",
    reason: "each step is at least as long as all before it together: the weights grow without end",
    remedy: "0.9 is usual, and above 0.99 is rare"
  ) { subject in
    guard let solver = subject.solver, ["SGD", "Nesterov"].contains(solver.string("type")),
      solver.float("momentum") >= 1
    else { return [] }
    return [
      Finding(
        "momentum is \(Numbers.general(solver.float("momentum")))", at: solver.location("momentum"))
    ]
  }

  static let zeroClip = Lint(
    "zero-clip",
    summary: "clip_gradients: 0",
    reason: "it scales all gradients down to 0: nothing is learnt",
    remedy: "leave it out, which does not clip, or give the largest norm, such as 10"
  ) { subject in
    guard let solver = subject.solver, solver.has("clip_gradients"),
      solver.float("clip_gradients") == 0
    else { return [] }
    return [Finding("clip_gradients is 0", at: solver.location("clip_gradients"))]
  }
}
