import Compute
import Layers
import Nets

/// What became of the weights in a file, layer by layer, when a net begins with them.
struct WeightTable {
  /// One layer.
  struct Line: Equatable {
    enum Fate: Equatable {
      case loaded, fresh, ignored
      /// The shapes do not fit, for the reason given.
      case misfit(String)

      var text: String {
        switch self {
        case .loaded: "loaded"
        case .fresh: "fresh: only in the net"
        case .ignored: "skipped: only in the file"
        case .misfit(let reason): "skipped (shape), fresh: \(reason)"
        }
      }

      var isFresh: Bool {
        switch self {
        case .fresh, .misfit: true
        case .loaded, .ignored: false
        }
      }

      var isSkipped: Bool { self != .loaded && self != .fresh }
    }

    let name: String
    let parameters: Int?
    let fate: Fate
  }

  let path: String
  let lines: [Line]

  /// Layers of the net come in its order; behind them those that only the file has.
  init(_ report: WeightReport, _ net: Net) {
    path = report.path
    var fates: [String: Line.Fate] = [:]
    for name in report.loaded { fates[name] = .loaded }
    for name in report.fresh { fates[name] = .fresh }
    for misfit in report.misfits { fates[misfit.layer] = .misfit(misfit.reason) }
    lines =
      net.nodes.compactMap { node in
        fates[node.name].map { fate in
          Line(
            name: node.name, parameters: node.layer.parameters.reduce(0) { $0 + $1.count },
            fate: fate)
        }
      } + report.ignored.map { Line(name: $0, parameters: nil, fate: .ignored) }
  }

  func rendered(_ style: Style, width: Int? = nil) -> String {
    var table = Table([.init("layer"), .init("parameters", .right), .init("weights")])
    for line in lines {
      table.append(
        [line.name, line.parameters.map(Numbers.grouped) ?? "–", line.fate.text],
        isDim: line.fate == .ignored, isBold: line.fate.isFresh)
    }
    table.appendRule()
    let loaded = lines.filter { $0.fate == .loaded }
    var counts = ["\(loaded.count) loaded"]
    for (count, word) in [
      (lines.count { $0.fate.isFresh }, "fresh"), (lines.count { $0.fate.isSkipped }, "skipped"),
    ] where count > 0 { counts.append("\(count) \(word)") }
    let parameters = loaded.reduce(0) { $0 + ($1.parameters ?? 0) }
    table.append(
      ["loaded", Numbers.grouped(parameters), counts.joined(separator: ", ")], isBold: true)
    return "\(style.bold("weights from \(path)"))\n" + table.rendered(style, width: width)
  }
}
