import Glibc

/// Notes how long each layer takes in repeated passes.
final class LayerClock {
  private(set) var forward: [[Double]]
  private(set) var backward: [[Double]]

  init(layers: Int) {
    forward = Array(repeating: [], count: layers)
    backward = forward
  }

  func time(_ number: Int, backward isBackward: Bool, _ work: () throws -> Void) rethrows {
    let start = LayerClock.seconds
    try work()
    let taken = LayerClock.seconds - start
    if isBackward { backward[number].append(taken) } else { forward[number].append(taken) }
  }

  static var seconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// How long one layer took, in seconds: medians over the passes.
public struct LayerTiming: Sendable {
  /// The layer's place in the net.
  public let layer: Int
  /// The forward pass over the batch.
  public let forward: Double
  /// The backward pass over the batch; 0 if the layer has none.
  public let backward: Double
}

/// How long the passes of a net took, in seconds: medians.
public struct NetTiming: Sendable {
  /// Every layer, each run for itself; none if that was not asked for.
  public let layers: [LayerTiming]
  /// The forward pass as training runs it.
  public let forward: Double
  /// The backward pass as training runs it; 0 if it was not asked for.
  public let backward: Double
  /// Each forward and backward pass together, in the order in which they ran.
  public let passes: [Double]
  /// The loss of the first forward pass.
  public let initialLoss: Float

  /// The middle of some values; 0 if there are none.
  public static func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}

extension Net {
  /// Measures the passes: once each to warm up, then `iterations` times as training runs them, with
  /// no clock between layers, then as often layer by layer.
  ///
  /// - Parameters:
  ///   - iterations: How many passes of each kind count.
  ///   - forwardOnly: Whether the backward pass is left out.
  ///   - layerByLayer: Whether each layer is measured for itself too.
  /// - Throws: what a forward pass throws.
  /// - Returns: the medians of all passes.
  public func timing(
    iterations: Int, forwardOnly: Bool = false, layerByLayer: Bool = true
  ) throws -> NetTiming {
    let initialLoss = try forward()
    if !forwardOnly { backward() }
    var whole = (forward: [Double](), backward: [Double]())
    for _ in 0..<iterations {
      let start = LayerClock.seconds
      try forward()
      let middle = LayerClock.seconds
      if !forwardOnly { backward() }
      whole.forward.append(middle - start)
      whole.backward.append(LayerClock.seconds - middle)
    }
    return NetTiming(
      layers: layerByLayer ? try layerTimings(iterations, forwardOnly) : [],
      forward: NetTiming.median(whole.forward),
      backward: forwardOnly ? 0 : NetTiming.median(whole.backward),
      passes: zip(whole.forward, whole.backward).map { $0 + $1 }, initialLoss: initialLoss)
  }

  private func layerTimings(_ iterations: Int, _ forwardOnly: Bool) throws -> [LayerTiming] {
    let clock = LayerClock(layers: nodes.count)
    let previous = observer
    observer = .timing(clock)
    defer { observer = previous }
    for _ in 0..<iterations {
      try forward()
      if !forwardOnly { backward() }
    }
    return nodes.indices.map {
      LayerTiming(
        layer: $0, forward: NetTiming.median(clock.forward[$0]),
        backward: NetTiming.median(clock.backward[$0]))
    }
  }
}
