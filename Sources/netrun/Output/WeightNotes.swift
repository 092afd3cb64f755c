import Nets

/// What a user should know of weights that were loaded.
enum WeightNotes {
  static func lines(_ report: WeightReport) -> [String] {
    var result: [String] = []
    if !report.fresh.isEmpty {
      result.append(
        "\(report.path) has no weights for \(names(report.fresh)): they keep what their fillers gave"
      )
    }
    if !report.misfits.isEmpty {
      result.append(
        "\(report.path) does not fit \(names(report.misfits.map(\.layer))): they are trained anew")
    }
    if !report.ignored.isEmpty {
      result.append("\(report.path) has layers that the net has not: \(names(report.ignored))")
    }
    return result
  }

  private static func names(_ all: [String]) -> String {
    let shown = all.prefix(6).map { "'\($0)'" }.joined(separator: ", ")
    return all.count > 6 ? "\(shown) and \(all.count - 6) more" : shown
  }
}
