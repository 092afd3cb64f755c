public import Nets
public import Schema

/// The nets that a solver names, read but not built.
public struct NamedNets {
  /// A net and the state that the solver builds it in.
  public struct Named {
    /// The net, in today's form.
    public let description: Message
    /// The file that it came from; `nil` if it stands in the solver.
    public let path: String?
    /// The folder where files that it names are looked for.
    public let folder: String?
    /// Phase, level and stages.
    public let state: NetState
  }

  /// The net to train.
  public let train: Named
  /// The nets to test.
  public let tests: [Named]

  /// How many numbers the update rule remembers for each parameter; 0 if the rule cannot be read.
  public let historyCount: Int

  /// Reads the nets of a `SolverParameter` in today's form.
  ///
  /// - Parameters:
  ///   - solver: The solver.
  ///   - path: The file that it came from: nets are looked for beside it.
  ///   - options: Level, stages, and who hears of warnings.
  /// - Throws: `Diagnostics` with what is wrong.
  public init(_ solver: Message, path: String?, options: Solver.Options) throws {
    let nets = SolverNets(
      message: solver, folder: SolverNets.folder(ofSolver: path), options: options)
    historyCount = (try? SolverSettings(solver)).map { type(of: $0.rule).historyCount } ?? 0
    train = Named(try nets.train())
    tests = try nets.tests().map(Named.init)
  }
}

extension NamedNets.Named {
  fileprivate init(_ plan: SolverNets.Plan) {
    self.init(
      description: plan.description, path: plan.path, folder: plan.folder, state: plan.state)
  }
}
