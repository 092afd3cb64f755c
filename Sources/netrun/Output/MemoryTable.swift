import Layers
import Nets

/// Which memory the blobs of a net lie in, and when: what `netrun summary --memory` shows.
struct MemoryTable {
  let net: String
  let lines: [MemoryLine]
  let layers: [String]
  let memory: NetMemory
  let unshared: Int
  let shared: (pool: Int, thread: Int)
  /// What the solver's rule remembers of past gradients; 0 without a solver.
  let history: Int

  init(_ net: Net, path: String, title: String, historyCount: Int) {
    self.net = [net.name.isEmpty ? path : net.name, title, net.state.phase.rawValue]
      .filter { !$0.isEmpty }.joined(separator: ", ")
    lines = net.memoryLines
    layers = net.nodes.map(\.name)
    memory = net.memory
    unshared = net.unsharedBytes
    shared = net.sharedBytes
    history = net.runsBackward ? historyCount * memory.parameters : 0
  }

  // MARK: Text

  func rendered(_ style: Style, width: Int?) -> String {
    var table = Table([
      .init("blob"), .init("of"), .init("size", .right), .init("from"), .init("to"), .init("place"),
      .init("at", .right),
    ])
    for line in lines {
      let place = text(line.place)
      table.append(
        [
          line.blob, line.isGradient ? "gradients" : "values", Numbers.bytes(line.bytes),
          text(line.first), text(line.last), place.name, place.offset,
        ], isDim: line.place == .own)
    }
    return style.bold(net) + "\n" + table.rendered(style, width: width) + closing
  }

  private func text(_ time: MemoryLine.Time) -> String {
    time.isBackward ? "\(layers[time.layer]), backward" : layers[time.layer]
  }

  private func text(_ place: MemoryLine.Place) -> (name: String, offset: String) {
    switch place {
    case .own: ("own", "–")
    case .pool(let offset): ("pool", Numbers.bytes(offset))
    case .thread(let offset, let samples):
      ("thread, \(Numbers.count(samples, "sample"))", Numbers.bytes(offset))
    }
  }

  private var closing: String {
    let own = memory.activations + memory.activationGradients
    let kept = memory.parameters + memory.parameterGradients
    let lines: [(String, Int, String)] = [
      (
        "values and gradients", own + shared.pool + shared.thread,
        "\(Numbers.bytes(unshared)) apart"
      ),
      ("  own", own, "what comes in, losses, outputs"),
      ("  pool", shared.pool, "what crosses segments"),
      ("  thread", shared.thread, "of each thread, what a chunk needs"),
      ("parameters", memory.parameters, ""),
      ("their gradients", memory.parameterGradients, ""),
      ("the solver's history", history, ""),
      ("work", memory.work, "sums of chunks, scratch of a thread"),
      ("all", own + shared.pool + shared.thread + kept + history + memory.work, "with one thread"),
    ]
    var table = Table([.init("total"), .init("size", .right), .init("")])
    for (title, bytes, remark) in lines where bytes > 0 {
      table.append([title, Numbers.bytes(bytes), remark], isBold: title == "all")
    }
    return "\n" + table.rendered(Style(isOn: false), width: nil)
  }

  // MARK: JSON

  var json: JSON {
    .members([
      "net": .string(net),
      "blobs": .array(
        lines.map { line in
          let place = parts(line.place)
          return .members([
            "blob": .string(line.blob), "gradients": .bool(line.isGradient),
            "bytes": .int(line.bytes), "first": json(line.first), "last": json(line.last),
            "place": .string(place.name), "offset": place.offset.map { .int($0) },
            "samples": place.samples.map { .int($0) },
          ])
        }),
      "unshared": .int(unshared), "pool": .int(shared.pool), "thread": .int(shared.thread),
      "own": .int(memory.activations + memory.activationGradients),
      "parameters": .int(memory.parameters),
      "parameter_gradients": .int(memory.parameterGradients), "history": .int(history),
      "work": .int(memory.work),
    ])
  }

  private func parts(
    _ place: MemoryLine.Place
  ) -> (name: String, offset: Int?, samples: Int?) {
    switch place {
    case .own: ("own", nil, nil)
    case .pool(let offset): ("pool", offset, nil)
    case .thread(let offset, let samples): ("thread", offset, samples)
    }
  }

  private func json(_ time: MemoryLine.Time) -> JSON {
    .members(["layer": .string(layers[time.layer]), "backward": .bool(time.isBackward)])
  }
}
