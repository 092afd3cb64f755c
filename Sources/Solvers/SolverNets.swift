import Compute
import Glibc
import Layers
import Nets
import Prototxt
import Schema

/// Builds the training net and the test nets that a solver names.
struct SolverNets {
  let message: Message
  /// The folder of the solver file, where nets are looked for behind the current folder.
  let folder: String?
  let options: Solver.Options

  /// A net that is to be built.
  struct Plan {
    let description: Message
    /// The file, if it is one.
    let path: String?
    let folder: String?
    let state: NetState
  }

  // MARK: Which nets

  /// The training net.
  ///
  /// - Throws: `Diagnostics` unless exactly one is named, and can be read.
  func train() throws -> Plan {
    let fields = ["net", "net_param", "train_net", "train_net_param"].filter(message.has)
    guard let field = fields.first, fields.count == 1 else {
      throw Diagnostics(
        .error(
          fields.isEmpty
            ? "the solver names no net to train"
            : "the solver names \(fields.count) nets to train: \(fields.joined(separator: ", "))",
          at: fields.isEmpty ? message.location : message.location(fields[1]),
          notes: fields.dropFirst().isEmpty
            ? [] : [Note("the first is here", at: message.location(fields[0]))],
          help: fields.isEmpty ? "add net: \"model.txt\"" : "keep one of them"))
    }
    let (description, path) = try load(field, 0)
    var state = NetState(phase: .train)
    state.merge(description.message("state"))
    state.merge(message.message("train_state"))
    if let level = options.level { state.level = level }
    state.stages += options.stages
    return Plan(
      description: description, path: path, folder: netFolder(path), state: state)
  }

  /// The test nets: those of `test_net_param`, of `test_net`, then the net itself for what remains of
  /// `test_iter`.
  func tests() throws -> [Plan] {
    var sources: [(field: String, index: Int)] = []
    for field in ["test_net_param", "test_net"] {
      sources += (0..<message.count(field)).map { (field, $0) }
    }
    let wanted = message.count("test_iter")
    let own = ["net_param", "net"].first(where: message.has)
    if let own { while sources.count < wanted { sources.append((own, 0)) } }
    try check(sources.count, wanted, hasOwn: own != nil)
    let states = message.messages("test_state")
    return try sources.enumerated().map { number, source in
      let (description, path) = try load(source.field, source.index)
      var state = NetState(phase: .test)
      state.merge(description.message("state"))
      if number < states.count { state.merge(states[number]) }
      return Plan(
        description: description, path: path, folder: netFolder(path), state: state)
    }
  }

  private func check(_ nets: Int, _ wanted: Int, hasOwn: Bool) throws {
    var problems = Diagnostics()
    if nets != wanted {
      problems.append(
        .error(
          "test_iter is given \(times(wanted)), but \(testNets(nets))",
          at: message.location(wanted > 0 ? "test_iter" : "test_net"),
          help: hasOwn || wanted > nets
            ? "give test_iter once for each test net"
            : "add test_iter: the number of batches of a test"))
    }
    let states = message.count("test_state")
    if states != 0, states != nets {
      problems.append(
        .error(
          "test_state is given \(times(states)), but \(testNets(nets))",
          at: message.location("test_state"), help: "give it once for each test net, or not at all")
      )
    }
    if nets > 0, message.int("test_interval") <= 0 {
      problems.append(
        .error(
          "there are test nets, but no test_interval", at: message.location("test_iter"),
          help: "add test_interval: the iterations between two tests"))
    }
    try problems.throwIfErrors()
  }

  private func times(_ count: Int) -> String {
    switch count {
    case 1: "once"
    case 2: "twice"
    default: "\(count) times"
    }
  }

  private func testNets(_ count: Int) -> String {
    switch count {
    case 0: "there are no test nets"
    case 1: "there is 1 test net"
    default: "there are \(count) test nets"
    }
  }

  /// The folder of a solver's file, if it came from one.
  static func folder(ofSolver path: String?) -> String? { path.map(FileResolver.folder) }

  /// Where the files that a net names are looked for.
  private func netFolder(_ path: String?) -> String? { path.map(FileResolver.folder) ?? folder }

  /// Whether a path leads to another file than the one that is taken.
  private func isOther(_ path: String, than taken: String) -> Bool {
    var (a, b) = (stat(), stat())
    return stat(path, &a) == 0 && stat(taken, &b) == 0
      && (a.st_ino, a.st_dev) != (b.st_ino, b.st_dev)
  }

  /// Reads the net of a field, inline or from a file; the latter's path comes with it.
  private func load(_ field: String, _ index: Int) throws -> (Message, String?) {
    if field.hasSuffix("param") { return (message.messages(field)[index], nil) }
    let name = message.strings(field)[index]
    let files = FileResolver(folder: folder)
    let candidates = files.candidates(name)
    guard let path = files.existing(name) else {
      throw Diagnostics(
        .error(
          "the net '\(name)' is not there", at: message.location(field, index),
          help: "looked for \(candidates.joined(separator: ", "))", kind: .missingInput))
    }
    if path != candidates[0] {
      options.observe(.remark("the net is \(path)"))
    } else if let other = candidates.dropFirst().first(where: { isOther($0, than: path) }) {
      options.observe(
        .remark(
          "the net is \(path) of the current folder, as in Caffe; \(other) is another and is not "
            + "read: give a path, or start in its folder, if that is meant"))
    }
    let (description, warnings) = try NetDescription.load(path)
    for warning in warnings { options.observe(.warning(warning)) }
    return (description, path)
  }

  // MARK: Building

  /// Builds a planned net; `number` is 0 for the training net, then 1 and so on.
  func build(
    _ plan: Plan, number: UInt64, workers: Workers, seed: UInt64, shuffles: Bool
  ) throws -> Net {
    let observe = options.observe
    let remarks = RemarkBox(observe)
    let context = LayerContext(
      workers: workers, seed: RandomStream.mix(seed &+ number &* 0x632b_e59b_d9b4_e019),
      files: FileResolver(folder: plan.folder), shuffles: shuffles && number == 0,
      remark: { remarks.tell($0) })
    var netOptions = Net.Options(state: plan.state, context: context)
    netOptions.mergesState = false
    netOptions.keeps = options.keeps
    // Test nets have the gradients of no parameters, and need no values for them.
    netOptions.runsBackward = number == 0
    return try Net(plan.description, options: netOptions)
  }
}

/// Carries the observer, which is called on the solver's thread only, through a Sendable closure.
private final class RemarkBox: @unchecked Sendable {
  private let observe: (SolverEvent) -> Void
  init(_ observe: @escaping (SolverEvent) -> Void) { self.observe = observe }
  func tell(_ text: String) { observe(.remark(text)) }
}
