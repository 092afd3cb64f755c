import Compute
import Layers
import Nets

/// What `netrun time` tells of a net, and of a solver's steps.
struct TimingReport {
  /// One layer: seconds for the batch, and multiplications with additions of the forward pass.
  struct Line {
    let name: String
    let type: String
    let forward: Double
    let backward: Double
    let operations: Double
    /// How many times the forward pass's operations the backward pass takes: one for each gradient.
    let backwardFactor: Double
    let isFused: Bool

    /// GFLOP/s of both passes.
    var speed: Double {
      let seconds = forward + backward
      return seconds > 0 ? operations * (1 + backwardFactor) / seconds / 1e9 : 0
    }
  }

  let name: String
  let lines: [Line]
  /// `nil` if whole steps alone were measured.
  let timing: NetTiming?
  /// Seconds of a training step, the median; `nil` if a net was timed without a solver.
  let step: Double?
  /// Seconds from the start of the process to the end of its first step or pass.
  let first: Double?
  /// GFLOP/s of large matrix products here; `nil` if layers were not measured.
  let peak: Double?
  let batch: Int
  let threads: Int
  let forwardOnly: Bool

  init(
    _ net: Net, _ timing: NetTiming?, steps: [Double], first: Double?, peak: Double?,
    forwardOnly: Bool
  ) {
    name = net.name
    self.timing = timing
    step = steps.isEmpty ? nil : NetTiming.median(steps)
    self.first = first
    self.peak = peak
    self.forwardOnly = forwardOnly
    batch = LayerTable.batch(of: net)
    threads = net.context.workers.count
    lines = (timing?.layers ?? []).compactMap { time in
      let node = net.nodes[time.layer]
      guard !LayerTable.isAutomatic(node) else { return nil }
      let isBackward = !forwardOnly && node.needsBackward
      let gradients = [node.propagates.contains(true), node.learns.contains(true)].count { $0 }
      return Line(
        name: node.name, type: node.spec.type, forward: time.forward, backward: time.backward,
        operations: Double(node.layer.operations),
        backwardFactor: isBackward ? Double(gradients) : 0, isFused: node.isFused)
    }
  }

  /// Seconds of a forward and a backward pass.
  private var passes: Double? { timing.map { $0.forward + $0.backward } }
  private var operations: Double {
    lines.reduce(0) { $0 + $1.operations * (1 + $1.backwardFactor) }
  }

  /// What a step takes beyond its passes; medians of separate runs, so it is not exact.
  private var update: Double? {
    guard let step, let passes else { return nil }
    return max(0, step - passes)
  }

  func rendered(_ style: Style, width: Int?) -> String {
    guard let peak, let timing else { return summary }
    return table(timing, peak, style, width) + summary
  }

  private func table(
    _ timing: NetTiming, _ peak: Double, _ style: Style, _ width: Int?
  ) -> String {
    var columns: [Table.Column] = [.init("layer"), .init("type"), .init("forward ms", .right)]
    if !forwardOnly { columns.append(.init("backward ms", .right)) }
    columns += [.init("GFLOP/s", .right), .init("of peak", .right), .init("of time", .right)]
    var table = Table(columns)
    let total = lines.reduce(0) { $0 + $1.forward + $1.backward }
    for line in lines {
      let share = total > 0 ? (line.forward + line.backward) / total : 0
      table.append(
        cells(
          line.name, line.type, line.forward, line.backward, line.speed,
          Numbers.percent(share, 0), peak),
        isDim: share < 0.01)
    }
    table.appendRule()
    let seconds = timing.forward + timing.backward
    let speed = seconds > 0 ? operations / seconds / 1e9 : 0
    table.append(
      cells("whole net", "", timing.forward, timing.backward, speed, "", peak), isBold: true)
    return table.rendered(style, width: width)
      + "Layers are timed one by one, the whole net without clocks between them; "
      + "peak is a matrix product's \(Numbers.fixed(peak, 0)) GFLOP/s.\n"
  }

  /// The net as a whole, in sentences.
  private var summary: String {
    var passes = timing.map { "forward \(Numbers.duration($0.forward))" } ?? ""
    if let timing, !forwardOnly { passes += ", backward \(Numbers.duration(timing.backward))" }
    if let update { passes += ", update and the rest \(Numbers.duration(update))" }
    var text = step.map { "Training step: \(Numbers.duration($0))" } ?? "Passes: \(passes)"
    if step != nil, !passes.isEmpty { text += " (\(passes))" }
    text += ": \(Numbers.grouped(Int(speed.rounded()))) images/s in batches of \(batch) on "
    text += Numbers.count(threads, "thread")
    if let first {
      text += "; the first ended \(Numbers.duration(first)) after the program's start"
    }
    return text + "\n"
  }

  /// Images a second: by whole steps if they were timed, else by passes.
  private var speed: Double {
    guard let seconds = step ?? passes, seconds > 0 else { return 0 }
    return Double(batch) / seconds
  }

  private func cells(
    _ name: String, _ type: String, _ forward: Double, _ backward: Double, _ speed: Double,
    _ share: String, _ peak: Double
  ) -> [String] {
    var cells = [name, type, Numbers.fixed(forward * 1000, 3)]
    if !forwardOnly { cells.append(Numbers.fixed(backward * 1000, 3)) }
    return cells
      + (speed > 0
        ? [Numbers.short(speed), Numbers.percent(speed / max(peak, 1e-9), 0)] : ["–", "–"])
      + [share]
  }

  func json(_ path: String, iterations: Int) -> JSON {
    func ms(_ seconds: Double) -> JSON { .double((seconds * 1e6).rounded() / 1e3) }
    let layers = lines.map { line in
      JSON.members([
        "name": .string(line.name), "type": .string(line.type), "forward_ms": ms(line.forward),
        "backward_ms": forwardOnly ? nil : ms(line.backward),
        "gflops": line.speed > 0 ? .double((line.speed * 100).rounded() / 100) : nil,
        "share_of_peak": line.speed > 0
          ? .double((line.speed / max(peak ?? 0, 1e-9) * 1e4).rounded() / 1e4) : nil,
      ])
    }
    return .members([
      "model": .string(path), "name": .string(name), "iterations": .int(iterations),
      "batch": .int(batch), "threads": .int(threads), "forward_ms": timing.map { ms($0.forward) },
      "backward_ms": forwardOnly ? nil : timing.map { ms($0.backward) },
      "step_ms": step.map(ms), "update_ms": update.map(ms),
      "first_seconds": first.map { .double(($0 * 1e3).rounded() / 1e3) },
      "images_per_second": speed > 0 ? .double((speed * 10).rounded() / 10) : nil,
      "peak_gflops": peak.map { .double(($0 * 10).rounded() / 10) },
      "layers": peak == nil ? nil : .array(layers),
    ])
  }
}
