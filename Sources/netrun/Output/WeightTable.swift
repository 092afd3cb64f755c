import Compute
import Layers
import Nets

/// What became of the weights in a file, layer by layer, when a net begins with them.
struct WeightTable {
  /// One layer.
  struct Line: Equatable {
    enum Fate: String {
      case loaded = "loaded"
      case fresh = "fresh: only in the net"
      case skipped = "skipped: only in the file"
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
    let loaded = Set(report.loaded)
    let fresh = Set(report.fresh)
    let own = net.nodes.filter { loaded.contains($0.name) || fresh.contains($0.name) }
    lines =
      own.map { node in
        Line(
          name: node.name, parameters: node.layer.parameters.reduce(0) { $0 + $1.count },
          fate: loaded.contains(node.name) ? .loaded : .fresh)
      } + report.ignored.map { Line(name: $0, parameters: nil, fate: .skipped) }
  }

  private func lines(_ fate: Line.Fate) -> [Line] { lines.filter { $0.fate == fate } }

  func rendered(_ style: Style, width: Int? = nil) -> String {
    var table = Table([.init("layer"), .init("parameters", .right), .init("weights")])
    for line in lines {
      table.append(
        [line.name, line.parameters.map(Numbers.grouped) ?? "–", line.fate.rawValue],
        isDim: line.fate == .skipped, isBold: line.fate == .fresh)
    }
    table.appendRule()
    var counts = ["\(lines(.loaded).count) loaded"]
    if !lines(.fresh).isEmpty { counts.append("\(lines(.fresh).count) fresh") }
    if !lines(.skipped).isEmpty { counts.append("\(lines(.skipped).count) skipped") }
    let parameters = lines(.loaded).reduce(0) { $0 + ($1.parameters ?? 0) }
    table.append(
      ["loaded", Numbers.grouped(parameters), counts.joined(separator: ", ")], isBold: true)
    return "\(style.bold("weights from \(path)"))\n" + table.rendered(style, width: width)
  }
}
