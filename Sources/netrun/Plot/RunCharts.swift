import Pictures

/// The curves of one or several runs, as charts.
struct RunCharts {
  /// A chart before it is drawn, on paper or in letters.
  struct Panel {
    let title: String
    let unit: String
    let isLogarithmic: Bool
    let steps: Bool
    let curves: [Curve]
  }

  /// A curve of a run.
  struct Curve {
    let name: String
    let run: Int
    let isTest: Bool
    let isFaint: Bool
    let points: [(x: Double, y: Double)]
    /// The colour's number.
    let color: Int
  }

  let panels: [Panel]
  let xTitle: String

  /// - Parameters:
  ///   - runs: The runs, with what each is called.
  ///   - bySeconds: Whether time runs along rather than iterations.
  ///   - isLogarithmic: Whether losses stand on a logarithmic axis.
  init(_ runs: [(name: String, log: RunLog)], bySeconds: Bool = false, isLogarithmic: Bool = false)
  {
    xTitle = bySeconds ? "seconds" : "iteration"
    var panels: [Panel] = []
    func add(
      _ title: String, unit: String = "", log: Bool = false, steps: Bool = false,
      _ picks: (RunLog.Kind) -> Bool
    ) {
      let curves = RunCharts.curves(runs, bySeconds, picks)
      guard !curves.isEmpty else { return }
      panels.append(
        Panel(title: title, unit: unit, isLogarithmic: log, steps: steps, curves: curves))
    }
    add("Loss", log: isLogarithmic) { [.loss, .batchLoss, .testLoss].contains($0) }
    add("Accuracy", unit: "share of right answers") { $0 == .accuracy }
    add("Learning rate", log: isLogarithmic || RunCharts.ratesSpread(runs), steps: true) {
      $0 == .rate
    }
    var others: [String] = []
    for series in runs.flatMap(\.log.series) {
      if case .other(let name) = series.kind, !others.contains(name) { others.append(name) }
    }
    for name in others { add(name) { $0 == .other(name) } }
    self.panels = panels
  }

  private static func curves(
    _ runs: [(name: String, log: RunLog)], _ bySeconds: Bool, _ picks: (RunLog.Kind) -> Bool
  ) -> [Curve] {
    var result: [Curve] = []
    for (number, run) in runs.enumerated() {
      let all = run.log.series.filter { picks($0.kind) && !isRepetition($0, of: run.log) }
      let picked = all.filter { !$0.isTest } + all.filter(\.isTest)
      // Several curves of a single run are told apart by colour; several runs have one each.
      var color = runs.count > 1 ? number : 0
      for series in picked {
        let isFaint = series.kind == .batchLoss
        let points = series.points.compactMap { point -> (x: Double, y: Double)? in
          let x = bySeconds ? point.seconds : point.iteration
          return x.isNaN ? nil : (x, point.value)
        }
        guard !points.isEmpty else { continue }
        let name =
          isFaint
          ? ""
          : runs.count > 1
            ? series.name.isEmpty ? run.name : "\(run.name) \(series.name)" : series.name
        result.append(
          Curve(
            name: name, run: number, isTest: series.isTest, isFaint: isFaint, points: points,
            color: isFaint && runs.count == 1 ? 0 : color))
        if runs.count == 1, !isFaint { color += 1 }
      }
    }
    return result
  }

  /// Whether a batch's losses are the smoothed ones, as with average_loss: 1.
  private static func isRepetition(_ series: RunLog.Series, of log: RunLog) -> Bool {
    guard series.kind == .batchLoss else { return false }
    return log.series.first { $0.kind == .loss }?.points == series.points
  }

  /// Whether rates differ so much that a linear axis would show the largest only.
  private static func ratesSpread(_ runs: [(name: String, log: RunLog)]) -> Bool {
    let rates = runs.flatMap(\.log.series).filter { $0.kind == .rate }.flatMap(\.points).map(
      \.value)
    guard let least = rates.min(), let most = rates.max(), least > 0 else { return false }
    return most / least >= 20
  }

  // MARK: Pictures

  /// A picture for each panel.
  func pictures(width: Double = 720) -> [SVG] {
    let places = panels.flatMap(\.curves).flatMap(\.points).map(\.x)
    // The charts stand one below the other: what happened at one time is to stand there too.
    let range = [places.min(), places.max()].compactMap { $0 }
    return panels.map { panel in
      LineChart(
        title: panel.title, x: xTitle, y: panel.unit, isLogarithmic: panel.isLogarithmic,
        steps: panel.steps, range: range,
        curves: panel.curves.map { curve in
          LineChart.Curve(
            curve.name, curve.points, ink: .series(curve.color),
            look: curve.isFaint ? .faint : curve.isTest ? .dashed : .line)
        }
      ).drawn(width: width, height: panel.title == "Learning rate" ? 220 : 300)
    }
  }

  /// All panels one below the other, under a title.
  func picture(title: String) -> SVG {
    let parts = pictures()
    let height = 44 + parts.reduce(0) { $0 + $1.height }
    var picture = SVG(width: 720, height: height, label: title)
    picture.text(16, 30, title, size: 17, isBold: true)
    var y = 44.0
    for part in parts {
      picture.place(part, 0, y)
      y += part.height
    }
    return picture
  }

  /// What the runs came to, a row for each curve but the faint ones.
  var table: [[String]] {
    panels.flatMap { panel in
      panel.curves.filter { !$0.isFaint }.map { curve in
        let values = curve.points.map(\.y).filter(\.isFinite)
        return [
          panel.title, curve.name, Numbers.general(curve.points.last?.y ?? .nan),
          Numbers.general(values.min() ?? .nan), Numbers.general(values.max() ?? .nan),
          Numbers.general(curve.points.last?.x ?? .nan),
        ]
      }
    }
  }
}
