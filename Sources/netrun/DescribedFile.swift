import Prototxt
import Schema

/// What a text file describes, judged by its content: nets and solvers often end in `.txt` both.
enum DescribedFile {
  case net(Message)
  case solver(Message)

  /// Looks at a file; `nil` if it is neither, or is not there.
  init?(_ path: String) {
    if let solver = try? SolverDescription.read(path).solver {
      self = .solver(solver)
    } else if let net = try? NetDescription.read(path).net {
      self = .net(net)
    } else {
      return nil
    }
  }

  /// Adds, to the error of a command that was given a file of the other kind, what to run instead.
  static func explain(_ error: Diagnostics, _ path: String, command: String) -> Diagnostics {
    guard var first = error.all.first, error.all.count == 1 else { return error }
    switch (DescribedFile(path), command) {
    case (.solver(let solver)?, "test"):
      guard let net = netPath(of: solver, at: path) else { return error }
      first.help =
        "its net is tested by: netrun test \(net); the solver itself by: netrun train \(path)"
    case (.net?, "train"):
      first.help =
        "train with a solver that names this net in its field 'net'; "
        + "without training: netrun test \(path), or netrun time \(path)"
    default: return error
    }
    return Diagnostics(first)
  }

  /// The file of a solver's net, as far as it can be found.
  static func netPath(of solver: Message, at path: String) -> String? {
    let fields = ["net", "test_net", "train_net"]
    guard let field = fields.first(where: solver.has),
      let name = solver.strings(orString: field).first
    else { return nil }
    return FilePath.find(name, near: path) ?? name
  }
}

extension Message {
  /// The values of a string field, repeated or not.
  fileprivate func strings(orString field: String) -> [String] {
    type.field(named: field)?.label == .repeated ? strings(field) : [string(field)]
  }
}
