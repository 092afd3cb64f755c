public import Prototxt
public import Schema

/// Looks at a solver without running it.
public enum SolverCheck {
  /// All that is wrong with the fields of a `SolverParameter` in today's form, and what has no effect.
  public static func problems(_ solver: Message) -> [Diagnostic] {
    do throws(Diagnostics) {
      return try SolverSettings(solver).warnings
    } catch { return error.all }
  }

  /// The fields that a rate policy reads; `nil` if there is no such policy.
  public static func fields(ofPolicy name: String) -> [String]? {
    PolicyReference.all.first { $0.name == name }.map { $0.needed + $0.optional }
  }

  /// The fields that only some rate policies read.
  public static let policyFields = ["gamma", "power", "stepsize", "stepvalue"]
}
