import Compute
import Layers
import Nets

/// What `netrun time` tells of a net.
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
  let timing: NetTiming
  /// GFLOP/s of large matrix products here.
  let peak: Double
  let batch: Int
  let threads: Int
  let forwardOnly: Bool

  init(_ net: Net, _ timing: NetTiming, peak: Double, forwardOnly: Bool) {
    name = net.name
    self.timing = timing
    self.peak = peak
    self.forwardOnly = forwardOnly
    batch = LayerTable.batch(of: net)
    threads = net.context.workers.count
    lines = timing.layers.compactMap { time in
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

  private var seconds: Double { timing.forward + timing.backward }
  private var operations: Double {
    lines.reduce(0) { $0 + $1.operations * (1 + $1.backwardFactor) }
  }

  func rendered(_ style: Style, width: Int?) -> String {
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
          Numbers.percent(share, 0)),
        isDim: share < 0.01)
    }
    table.appendRule()
    let speed = seconds > 0 ? operations / seconds / 1e9 : 0
    table.append(
      cells("whole net", "", timing.forward, timing.backward, speed, ""), isBold: true)
    let samples = seconds > 0 ? Int((Double(batch) / seconds).rounded()) : 0
    return table.rendered(style, width: width)
      + "\(Numbers.duration(seconds)) for a batch of \(batch): "
      + "\(Numbers.grouped(samples)) images/s on \(Numbers.count(threads, "thread")); "
      + "peak is a matrix product's \(Numbers.fixed(peak, 0)) GFLOP/s\n"
  }

  private func cells(
    _ name: String, _ type: String, _ forward: Double, _ backward: Double, _ speed: Double,
    _ share: String
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
          ? .double((line.speed / max(peak, 1e-9) * 1e4).rounded() / 1e4) : nil,
      ])
    }
    return .members([
      "model": .string(path), "name": .string(name), "iterations": .int(iterations),
      "batch": .int(batch), "threads": .int(threads), "forward_ms": ms(timing.forward),
      "backward_ms": forwardOnly ? nil : ms(timing.backward),
      "images_per_second": seconds > 0
        ? .double((Double(batch) / seconds * 10).rounded() / 10) : nil,
      "peak_gflops": .double((peak * 10).rounded() / 10), "layers": .array(layers),
    ])
  }
}
