import Compute
import Layers
public import Nets

/// The result of running a net over its data.
public struct TestRun: Sendable {
  /// The mean of each output value.
  public let means: [OutputValue]
  /// The mean loss.
  public let loss: Float
  /// Batches run.
  public let batches: Int
  /// Samples run; 0 if the net has no data layer.
  public let samples: Int

  /// Runs a net over `iterations` batches as Caffe does, or once over all of its data.
  ///
  /// In a single pass the last batch may be smaller, and every batch counts by its samples.
  /// - Parameters:
  ///   - net: The net.
  ///   - iterations: Batches to run, or `nil` for exactly one pass.
  ///   - onBatch: Hears the outputs of each batch.
  ///   - isStopped: Asked before each batch.
  /// - Throws: what a forward pass throws.
  /// - Returns: `nil` if it was stopped.
  public static func run(
    _ net: Net, iterations: Int?, onBatch: (Int, [OutputValue]) -> Void = { _, _ in },
    isStopped: () -> Bool = { false }
  ) throws -> TestRun? {
    if iterations == nil {
      for node in net.sources { node.source?.beginSinglePass() }
    }
    var sum = Sum()
    while sum.batches < iterations ?? Int.max {
      if isStopped() { return nil }
      let loss: Float
      do {
        loss = try net.forward()
      } catch is EndOfData {
        break
      }
      let outputs = net.outputValues
      onBatch(sum.batches, outputs)
      let samples = net.currentSamples
      sum.add(outputs, loss, weight: iterations == nil ? Double(max(1, samples)) : 1)
      sum.samples += samples
    }
    return sum.result
  }

  private struct Sum {
    var batches = 0
    var samples = 0
    private var weight = 0.0
    private var loss = 0.0
    private var entries: [Entry] = []
    /// Where each output's entries are, by its name.
    private var places: [String: [Int]] = [:]

    /// The sum of one value of an output.
    ///
    /// A blob may have fewer values in some batches (the last of a pass, images of varying size), so
    /// each value has a weight of its own.
    private struct Entry {
      let output: OutputValue
      var sum = 0.0
      var weight = 0.0
    }

    mutating func add(_ batch: [OutputValue], _ batchLoss: Float, weight: Double) {
      var index = 0
      for (position, output) in batch.enumerated() {
        index = position > 0 && batch[position - 1].name == output.name ? index + 1 : 0
        let entry = entry(output, index)
        entries[entry].sum += weight * Double(output.value)
        entries[entry].weight += weight
      }
      loss += weight * Double(batchLoss)
      self.weight += weight
      batches += 1
    }

    private mutating func entry(_ output: OutputValue, _ index: Int) -> Int {
      if let known = places[output.name], index < known.count { return known[index] }
      entries.append(Entry(output: output))
      places[output.name, default: []].append(entries.count - 1)
      return entries.count - 1
    }

    var result: TestRun {
      // Values that only a later, larger batch had come behind the others of their blob.
      let order = entries.indices.sorted {
        (places[entries[$0].output.name]?.first ?? $0, $0)
          < (places[entries[$1].output.name]?.first ?? $1, $1)
      }
      return TestRun(
        means: order.map { number in
          let entry = entries[number]
          return OutputValue(
            name: entry.output.name,
            value: Float(entry.sum / max(entry.weight, .leastNonzeroMagnitude)),
            lossWeight: entry.output.lossWeight)
        }, loss: Float(loss / max(weight, 1)), batches: batches, samples: samples)
    }
  }
}

extension Net {
  /// All numbers of the outputs, in Caffe's order.
  public var outputValues: [OutputValue] {
    outputs.flatMap { blob in
      let weight = lossWeight(of: blob)
      return (0..<blob.count).map {
        OutputValue(name: blob.name, value: blob.values[$0], lossWeight: weight)
      }
    }
  }

  /// The weight of a blob in the loss.
  private func lossWeight(of blob: Blob) -> Float {
    for node in nodes.reversed() {
      if let index = node.tops.firstIndex(where: { $0 === blob }) { return node.lossWeights[index] }
    }
    return 0
  }

  /// Samples of the last forward pass, as the shapes of the data layers' tops say.
  var currentSamples: Int {
    sources.compactMap { $0.tops.first?.shape.leadingCount }.max() ?? 0
  }
}
