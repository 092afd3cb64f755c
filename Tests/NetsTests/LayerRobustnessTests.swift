import CAllocations
import Compute
import Layers
import Nets
import Testing

/// What layers must stand, and what they must not do while they work.
@Suite struct LayerRobustnessTests {
  @Test("zeros and large values give no NaN", arguments: LayerCase.all)
  func extremes(_ layer: LayerCase) throws {
    for size in [Float(0), 1e6] {
      let net = try layer.net()
      layer.setInputs(of: net)
      for (index, bottom) in layer.sample.bottoms.enumerated() where layer.isDifferentiable(index) {
        guard let blob = net.blob("x\(index)") else { continue }
        var isPositive = false
        if case .range(_, let range) = bottom { isPositive = range.lowerBound >= 0 }
        for place in 0..<blob.count {
          blob.values[place] = !isPositive && place % 3 == 1 ? -size : size
        }
      }
      try net.forward()
      for (index, top) in try net.tested.tops.enumerated() {
        let place = top.array.firstIndex(where: \.isNaN)
        #expect(
          place == nil, "\(layer.testDescription): y\(index)[\(place ?? 0)] from values of \(size)")
      }
    }
  }

  /// All but what writes files: libhdf5 takes memory of its own, and more as the file grows.
  private static let takingNoMemory = LayerCase.all.filter { $0.type.type != "HDF5Output" }

  @Test(
    "passes at one shape take no memory",
    .enabled(if: allocations_can_be_counted() != 0), arguments: takingNoMemory)
  func allocations(_ layer: LayerCase) throws {
    let (net, repeats) = try large(layer)
    layer.setInputs(of: net, repeats)
    try net.tested.setTopGradients()
    func pass() throws {
      try net.forward()
      net.backward()
    }
    for _ in 0..<3 { try pass() }
    var count = allocation_count()
    // What a pass takes shows every time; what Swift's runtime takes once for itself does not.
    for _ in 0..<3 {
      allocations_begin()
      for _ in 0..<100 { try pass() }
      count = allocations_end()
      if count.growth <= 1024, count.largest <= 128 { break }
    }
    // A small object may be under way between two threads; even 16 bytes a pass would be more.
    #expect(
      count.growth <= 1024, "\(layer.testDescription): the heap grew by \(count.growth) bytes")
    // Without optimisation, Swift boxes the contexts of closures; no buffer is as small as that.
    #expect(
      count.largest <= 128,
      "\(layer.testDescription): took up to \(count.largest) bytes, in \(count.calls) pieces")
  }

  /// A net whose buffers are larger than what Swift itself may take.
  private func large(_ layer: LayerCase) throws -> (Net, Int) {
    do {
      return (try layer.net(.init(repeats: 100)), 100)
    } catch {
      return (try layer.net(), 1)  // Bottoms that do not share a batch cannot be repeated.
    }
  }

  @Test("the count of allocations sees them", .enabled(if: allocations_can_be_counted() != 0))
  func counting() {
    allocations_begin()
    let array = [Float](repeating: 1, count: 5000)
    let count = allocations_end()
    #expect(count.calls >= 1 && count.largest >= 20_000 && count.growth >= 20_000)
    #expect(array.count == 5000)
  }
}
