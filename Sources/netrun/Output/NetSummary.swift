import Compute
import Layers
import Nets

/// What `netrun summary` tells of a net.
struct NetSummary {
  /// One layer.
  struct Line {
    let name: String
    let type: String
    let tops: [(name: String, shape: Shape)]
    /// Values that the layer owns.
    let parameters: Int
    /// The layers whose parameters it uses.
    let owners: [String]
    /// Multiplications with additions of a forward pass over the batch.
    let macs: Int
    let memory: NetMemory
  }

  let name: String
  let path: String
  /// Which of a solver's nets it is; empty if it was given by itself.
  let title: String
  let state: NetState
  let batch: Int
  let lines: [Line]
  /// What the splits that the net has put in take.
  let splits: NetMemory
  let splitCount: Int
  let memory: NetMemory

  init(_ net: Net, path: String, title: String) {
    name = net.name
    self.path = path
    self.title = title
    state = net.state
    batch = LayerTable.batch(of: net)
    let own = net.nodes.indices.filter { !LayerTable.isAutomatic(net.nodes[$0]) }
    lines = own.map { NetSummary.line(net, $0) }
    memory = net.memory
    splitCount = net.nodes.count - own.count
    splits = net.nodes.indices.filter { LayerTable.isAutomatic(net.nodes[$0]) }
      .reduce(into: NetMemory()) { $0 += net.memory(of: $1) }
  }

  private static func line(_ net: Net, _ number: Int) -> Line {
    let node = net.nodes[number]
    var parameters = 0
    var owners: [String] = []
    for (index, owns) in net.ownsParameter[number].enumerated() {
      if owns {
        parameters += node.layer.parameters[index].count
      } else {
        let place = net.parameterIndices[number][index]
        let owner = net.nodes[net.parameters[place].owner.layer].name
        if !owners.contains(owner) { owners.append(owner) }
      }
    }
    return Line(
      name: node.name, type: node.spec.type,
      tops: zip(node.topNames, node.tops).map { ($0, $1.shape) }, parameters: parameters,
      owners: owners, macs: node.layer.multiplyAdds, memory: net.memory(of: number))
  }

  private var parameters: Int { lines.reduce(0) { $0 + $1.parameters } }
  private var macs: Int {
    lines.reduce(0) { sum, line in
      let (total, overflow) = sum.addingReportingOverflow(line.macs)
      return overflow ? .max : total
    }
  }

  // MARK: Text

  func rendered(_ style: Style, width: Int?) -> String {
    var table = Table([
      .init("layer"), .init("type"), .init("output"), .init("parameters", .right),
      .init(batch > 1 ? "MAC/sample" : "MAC", .right), .init("activations", .right),
      .init("gradients", .right),
    ])
    for line in lines {
      table.append(
        [line.name, line.type, line.tops.map(\.shape.display).joined(separator: ", ")]
          + [parameterText(line), macText(line.macs)] + memoryTexts(line.memory),
        isDim: line.parameters == 0 && line.owners.isEmpty && line.macs == 0)
    }
    if splits.total > 0 {
      table.append(
        ["(\(Numbers.count(splitCount, "split")))", "Split", "", "–", "–"] + memoryTexts(splits),
        isDim: true)
    }
    table.appendRule()
    table.append(
      [
        "total", Numbers.count(lines.count, "layer"), "", Numbers.grouped(parameters),
        macText(macs),
      ]
        + memoryTexts(memory), isBold: true)
    return heading(style) + table.rendered(style, width: width) + closing
  }

  private func heading(_ style: Style) -> String {
    var parts = [style.bold(name.isEmpty ? path : name)]
    if !title.isEmpty { parts.append(title) }
    if !name.isEmpty { parts.append(path) }
    parts.append(state.phase.rawValue)
    if state.level != 0 { parts.append("level \(state.level)") }
    if !state.stages.isEmpty {
      parts.append(
        "\(state.stages.count == 1 ? "stage" : "stages") \(state.stages.joined(separator: ", "))")
    }
    if batch > 1 { parts.append("batches of \(batch)") }
    return parts.joined(separator: ", ") + "\n"
  }

  private var closing: String {
    let parts = [
      ("activations", memory.activations), ("their gradients", memory.activationGradients),
      ("shared by others of both", memory.shared),
      ("parameters", memory.parameters), ("their gradients", memory.parameterGradients),
      ("work", memory.work),
    ].filter { $0.1 > 0 }.map { "\($0.0) \(Numbers.bytes($0.1))" }
    return "memory: \(Numbers.bytes(memory.total)) (\(parts.joined(separator: ", ")))\n"
  }

  private func parameterText(_ line: Line) -> String {
    let shared = line.owners.isEmpty ? "" : "as \(line.owners.joined(separator: ", "))"
    if line.parameters == 0 { return shared.isEmpty ? "–" : shared }
    let own = Numbers.grouped(line.parameters)
    return shared.isEmpty ? own : "\(own), else \(shared)"
  }

  /// In thousands, millions or billions, so that a column of them can be compared at a glance.
  private func macText(_ count: Int) -> String {
    let each = Double(count) / Double(batch)
    switch each {
    case ..<0.5: return "–"
    case ..<1e4: return Numbers.grouped(Int(each.rounded()))
    case ..<1e6: return "\(Numbers.fixed(each / 1e3, 1)) k"
    case ..<1e9: return "\(Numbers.fixed(each / 1e6, 2)) M"
    default: return "\(Numbers.fixed(each / 1e9, 2)) G"
    }
  }

  private func memoryTexts(_ memory: NetMemory) -> [String] {
    [memory.activations, memory.activationGradients + memory.parameterGradients].map {
      $0 > 0 ? Numbers.bytes($0) : "–"
    }
  }

  // MARK: JSON

  var json: JSON {
    let layers = lines.map { line in
      JSON.members([
        "name": .string(line.name), "type": .string(line.type),
        "tops": .array(
          line.tops.map { top in
            .members([
              "name": .string(top.name), "shape": .array(top.shape.dimensions.map { .int($0) }),
            ])
          }),
        "parameters": .int(line.parameters),
        "shares_with": line.owners.isEmpty ? nil : .array(line.owners.map { .string($0) }),
        "macs": .int(line.macs), "memory": NetSummary.json(line.memory),
      ])
    }
    return .members([
      "model": .string(path), "name": .string(name), "net": title.isEmpty ? nil : .string(title),
      "phase": .string(state.phase.rawValue), "level": .int(state.level),
      "stages": .array(state.stages.map { .string($0) }), "batch": .int(batch),
      "layers": .array(layers),
      "total": .members([
        "layers": .int(lines.count), "parameters": .int(parameters), "macs": .int(macs),
        "memory": NetSummary.json(memory, isWhole: true),
      ]),
    ])
  }

  private static func json(_ memory: NetMemory, isWhole: Bool = false) -> JSON {
    .members([
      "activations": .int(memory.activations),
      "activation_gradients": .int(memory.activationGradients),
      "shared": isWhole ? .int(memory.shared) : nil,
      "parameters": .int(memory.parameters),
      "parameter_gradients": .int(memory.parameterGradients),
      "work": isWhole ? .int(memory.work) : nil, "total": isWhole ? .int(memory.total) : nil,
    ])
  }
}
