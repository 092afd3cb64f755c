import Layers
import Nets
import Pictures
import Prototxt
import Schema

/// Reads a net and draws it, in one phase or in both.
struct NetDrawing {
  var path: String
  /// `nil` for both.
  let phase: Phase?
  var level = 0
  var stages: [String] = []
  var shapes: [AssumedShape] = []

  /// What was drawn.
  struct Result {
    let picture: SVG
    /// The nets, as far as their shapes are known.
    let nets: [Net]
    let counts: [(phase: String, layers: Int)]
  }

  /// Draws the net.
  ///
  /// - Throws: all that is wrong with it; of two phases one may be in order.
  func draw(isTurned: Bool = false, _ console: Console) throws -> Result {
    let description: Message
    do throws(Diagnostics) {
      let (net, warnings) = try NetDescription.load(path)
      console.show(warnings)
      description = net
    } catch {
      guard case .solver(let solver)? = DescribedFile(path),
        let net = DescribedFile.netPath(of: solver, at: path)
      else { throw error }
      var other = self
      other.path = net
      return try other.draw(isTurned: isTurned, console)
    }
    try requireUsed(description)
    let parts = try parts(description, console)
    guard !parts.isEmpty else {
      throw Diagnostic.error("has no layers in this phase", path: path, help: "try --phase ALL")
    }
    let name = description.string("name")
    var graph = NetGraph(
      title: name.isEmpty ? FilePath.name(path) : name, phases: parts.map(\.state.phase))
    for part in parts {
      if let net = part.net {
        graph.add(net)
      } else {
        graph.add(description.messages("layer").filter(part.state.includes), part.state.phase)
      }
    }
    return Result(
      picture: graph.drawn(isTurned: isTurned), nets: parts.compactMap(\.net), counts: graph.counts)
  }

  /// The phases that have layers, each with its net if that can be built.
  private func parts(
    _ description: Message, _ console: Console
  ) throws -> [(state: NetState, net: Net?)] {
    let sketch = NetSketch(shapes: shapes, console: console)
    let given = description.message("state")
    var result: [(state: NetState, net: Net?)] = []
    var failures: [any Error] = []
    var asked: Diagnostics?
    for phase in phase.map({ [$0] }) ?? [.train, .test] {
      var state = NetState(phase: phase, level: level, stages: stages)
      if level == 0 { state.level = given.int("level") }
      state.stages = given.strings("stage") + state.stages
      guard description.messages("layer").contains(where: state.includes) else { continue }
      do {
        result.append(
          (
            state,
            try sketch.build(
              description, folder: FileResolver.folder(of: path), state: state)
          ))
      } catch let error as Diagnostics where NetDrawing.asksForShapes(error) {
        asked = error
        result.append((state, nil))
      } catch { failures.append(error) }
    }
    if let failure = failures.first {
      guard let phase = result.first?.state.phase.rawValue, self.phase == nil else { throw failure }
      console.remark(
        "only the phase \(phase) can be drawn; --phase tells of the other what is wrong")
    }
    if let help = asked?.all.first?.help {
      // One picture has shapes everywhere or nowhere.
      for index in result.indices { result[index].net = nil }
      console.remark("the data are not here, so the shapes are not known; \(help)")
    }
    return result
  }

  /// Refuses a shape for what is not there: a name that is mistyped must not pass.
  private func requireUsed(_ description: Message) throws(Diagnostic) {
    let tops = NetSketch.tops(description.messages("layer"))
    guard let unused = shapes.first(where: { !tops.contains($0.top) }) else { return }
    throw .error(
      "no data layer or input makes '\(unused.top)', whose shape is given", path: path,
      help: closestMatch(to: unused.top, in: tops).map { "did you mean '\($0)'?" }, kind: .usage)
  }

  /// Whether nothing is wrong but that shapes cannot be known without the data.
  private static func asksForShapes(_ error: Diagnostics) -> Bool {
    error.all.filter { $0.severity == .error }.allSatisfy { $0.help?.contains("--shape ") == true }
  }
}
