public import Prototxt

/// Brings solvers of Caffe's earlier years, and nets inside them, into today's form.
public struct SolverUpgrade: Sendable {
  /// The solver in today's form.
  public private(set) var solver: Message
  /// What could not be carried over.
  public private(set) var warnings: [Diagnostic] = []
  /// What was changed, in words; empty for a solver that was of today's form.
  public private(set) var changes: [String] = []

  /// Upgrades a SolverParameter.
  ///
  /// - Throws: What leaves the solver without a meaning.
  public init(_ original: Message) throws(Diagnostics) {
    precondition(original.type == .solver)
    solver = original
    var problems = Diagnostics()
    upgradeType(&problems)
    for field in ["net_param", "train_net_param", "test_net_param"] {
      upgradeNets(field, &problems)
    }
    try problems.throwIfErrors()
  }

  private mutating func upgradeType(_ problems: inout Diagnostics) {
    guard solver.has("solver_type") else { return }
    if solver.has("type") {
      problems.append(
        .error(
          "'solver_type' is the old form of 'type'; a solver has either",
          at: solver.location("solver_type"),
          notes: [Note("'type' is set here", at: solver.location("type"))]))
      return
    }
    let old = solver.enumName("solver_type")
    let new = Self.types[old] ?? old
    solver.set("type", string: new, at: solver.location("solver_type"))
    solver.clear("solver_type")
    changes.append("solver_type: \(old), now type: \"\(new)\"")
  }

  private static let types = [
    "SGD": "SGD", "NESTEROV": "Nesterov", "ADAGRAD": "AdaGrad", "RMSPROP": "RMSProp",
    "ADADELTA": "AdaDelta", "ADAM": "Adam",
  ]

  private mutating func upgradeNets(_ field: String, _ problems: inout Diagnostics) {
    guard solver.has(field) else { return }
    let nets = solver.messages(field).map { net in
      let upgrade = problems.collecting(all: { () throws(Diagnostics) in try NetUpgrade(net) })
      warnings += upgrade?.warnings ?? []
      changes += (upgrade?.changes ?? []).map { "\(field): \($0)" }
      return upgrade?.net ?? net
    }
    solver.set(field, messages: nets)
  }
}
