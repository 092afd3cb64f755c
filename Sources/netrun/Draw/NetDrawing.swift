import Layers
import Nets
import Pictures
import Prototxt
import Schema

/// Reads a net and draws it, in one phase or in both.
struct NetDrawing {
  let path: String
  /// `nil` for both.
  let phase: Phase?
  var level = 0
  var stages: [String] = []
  var shapes: [AssumedShape] = []

  /// The nets that were drawn, and the picture.
  ///
  /// - Throws: all that is wrong with the net; of two phases one may be in order.
  func draw(isTurned: Bool = false, _ console: Console) throws -> (nets: [Net], picture: SVG) {
    let description: Message
    do throws(Diagnostics) {
      let (net, warnings) = try NetDescription.load(path)
      console.show(warnings)
      description = net
    } catch {
      guard case .solver(let solver)? = DescribedFile(path),
        let net = DescribedFile.netPath(of: solver, at: path)
      else { throw error }
      var other = NetDrawing(path: net, phase: phase)
      (other.level, other.stages, other.shapes) = (level, stages, shapes)
      return try other.draw(isTurned: isTurned, console)
    }
    let nets = try nets(description, console)
    guard !nets.isEmpty else {
      throw Diagnostic.error("has no layers in this phase", path: path, help: "try --phase ALL")
    }
    let name = nets.first.map(\.name) ?? ""
    let graph = NetGraph(nets, title: name.isEmpty ? FilePath.name(path) : name)
    return (nets, graph.drawn(isTurned: isTurned))
  }

  private func nets(_ description: Message, _ console: Console) throws -> [Net] {
    let sketch = NetSketch(shapes: shapes, console: console)
    let given = description.message("state")
    var result: [Net] = []
    var failure: (any Error)?
    for phase in phase.map({ [$0] }) ?? [.train, .test] {
      var state = NetState(phase: phase, level: level, stages: stages)
      if level == 0 { state.level = given.int("level") }
      state.stages = given.strings("stage") + state.stages
      do {
        let net = try sketch.build(description, folder: FileResolver.folder(of: path), state: state)
        if !net.nodes.isEmpty { result.append(net) }
      } catch { failure = failure ?? error }
    }
    if let failure, result.isEmpty || phase != nil { throw failure }
    if failure != nil, let phase = result.first?.state.phase.rawValue {
      console.remark(
        "only the phase \(phase) can be drawn; --phase tells of the other what is wrong")
    }
    return result
  }
}
