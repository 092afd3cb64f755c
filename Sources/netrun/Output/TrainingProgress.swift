import Solvers

/// How far a run has come, and how fast it is.
struct TrainingProgress {
  private(set) var last: StepReport?
  private var first: StepReport?
  private var samples = 0
  /// The speed is measured over about a second.
  private var mark = (elapsed: 0.0, samples: 0, iteration: 0)
  private var recent = (samplesPerSecond: 0.0, iterationsPerSecond: 0.0)
  private(set) var count = 0
  private var trace = LossTrace()
  /// Seconds after which the run ends, whatever is left.
  var timeLimit: Double?

  /// Iterations that the net has learned from, in all runs.
  var done: Int { last.map { $0.iteration + 1 } ?? 0 }
  var elapsed: Double { last?.elapsed ?? 0 }
  /// Samples per second of the whole run.
  var speed: Double { elapsed > 0 ? Double(samples) / elapsed : 0 }
  /// The share of the time that went by waiting for data.
  var waitedShare: Double {
    elapsed > 1 ? (last?.waitedMilliseconds ?? 0) / 1000 / elapsed : 0
  }

  mutating func add(_ report: StepReport) {
    if first == nil {
      first = report
      mark = (0, 0, report.iteration)
    }
    last = report
    count += 1
    trace.add(report.loss)
    samples += report.samples
    let seconds = report.elapsed - mark.elapsed
    if seconds >= 1 || (recent.iterationsPerSecond == 0 && seconds > 0) {
      recent = (
        Double(samples - mark.samples) / seconds,
        Double(report.iteration + 1 - mark.iteration) / seconds
      )
      if seconds >= 1 { mark = (report.elapsed, samples, report.iteration + 1) }
    }
  }

  /// Passes over the data so far and in all, `2.4 of 10`; `nil` if their size is not known.
  var epochs: String? {
    guard let last, let size = last.epochSize, size > 0, last.samples > 0 else { return nil }
    let each = Double(last.samples) / Double(size)
    return Numbers.fixed(Double(done) * each, 1) + " of "
      + TrainingProgress.tenths(Double(last.maxIteration) * each)
  }

  /// Passes over the data that were made in this run.
  var epochCount: Double? {
    guard let size = last?.epochSize, size > 0, samples > 0 else { return nil }
    return Double(samples) / Double(size)
  }

  /// With a digit behind the point, unless it is 0.
  static func tenths(_ value: Double) -> String {
    let text = Numbers.fixed(value, 1)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// Images a second in the last second or so.
  private var images: String? {
    guard recent.samplesPerSecond > 0 else { return nil }
    return "\(Numbers.grouped(Int(recent.samplesPerSecond.rounded()))) images/s"
  }

  /// The time that is left: to the last iteration, or to the end of the time that was given.
  private var left: String? {
    guard let last, recent.iterationsPerSecond > 0 else { return nil }
    var seconds = Double(last.maxIteration - done) / recent.iterationsPerSecond
    if let timeLimit { seconds = min(seconds, max(0, timeLimit - elapsed)) }
    return "\(Numbers.clock(seconds)) left"
  }

  /// What a line of the log says behind the loss.
  func details(isUTF8: Bool) -> [String] {
    let bars = trace.text(cells: 16, isUTF8: isUTF8)
    return [epochs.map { "epoch \($0)" }, images, left, bars.isEmpty ? nil : bars].compactMap { $0 }
  }

  /// The live line; where `width` columns are too few, what matters least is left out.
  func line(_ style: Style, width: Int? = nil, isUTF8: Bool = true) -> String {
    guard let last else { return "" }
    let share = Double(done) / Double(max(1, last.maxIteration))
    let loss = Numbers.general(last.smoothedLoss)
    // What is shown, how it is painted, and how much it matters.
    var parts: [(text: String, shown: String, weight: Int)] = []
    func add(_ text: String?, _ weight: Int, _ paint: (String) -> String = { $0 }) {
      if let text { parts.append((text, paint(text), weight)) }
    }
    add("\(Numbers.grouped(done)) of \(Numbers.grouped(last.maxIteration))", 8)
    add(Numbers.percent(share, 0), 2) { style.bold($0) }
    add(epochs.map { "epoch \($0)" }, 5)
    add("loss \(loss)", 9) { _ in "loss \(style.bold(loss))" }
    add(images, 6)
    add(left, 7)
    add("rate \(Numbers.general(last.rate))", 3)
    func length() -> Int { parts.reduce(-2) { $0 + $1.text.count + 2 } }
    // The trace of the loss takes the room that is left, but more than what matters least.
    let bars = 8
    while let width, let least = parts.indices.min(by: { parts[$0].weight < parts[$1].weight }),
      parts.count > 1, length() + (parts[least].weight < 4 ? bars + 2 : 0) >= width
    { parts.remove(at: least) }
    let room = min(bars, (width ?? .max) - length() - 3)
    if room >= 4, let place = parts.firstIndex(where: { $0.weight == 9 }) {
      let text = trace.text(cells: room, isUTF8: isUTF8)
      if !text.isEmpty { parts.insert((text, text, 4), at: place + 1) }
    }
    return parts.map(\.shown).joined(separator: "  ")
  }
}
