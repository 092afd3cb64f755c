import Compute
import Testing

@testable import Layers

@Suite("LRN")
struct LRNTests {
  private func pass(_ fields: String, _ shape: Shape) throws -> (y: [Float], dx: [Float]) {
    let lone = try LoneLayer("name: 'n' type: 'LRN' lrn_param { \(fields) }", [shape])
    for index in 0..<shape.count {
      lone.bottoms[0].values[index] = Float(index * 37 % 11) / 5 - 1
      lone.tops[0].gradient[index] = Float(index * 17 % 7) / 3 - 1
    }
    try lone.forward()
    lone.backward()
    return (lone.tops[0].array, lone.bottoms[0].gradientArray)
  }

  private func expectClose(_ a: [Float], _ b: [Float]) {
    #expect(a.count == b.count)
    #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test("A region wider than the blob costs no more and changes nothing")
  func wideRegions() throws {
    // With alpha in proportion, a wider region adds zeros only.
    let across = try pass("local_size: 9 alpha: 0.9", [2, 4, 2, 3])
    let wide = try pass("local_size: 2000000001 alpha: 200000000.1", [2, 4, 2, 3])
    expectClose(across.y, wide.y)
    expectClose(across.dx, wide.dx)
    let fields = "norm_region: WITHIN_CHANNEL"
    let within = try pass("\(fields) local_size: 7 alpha: 4.9", [2, 2, 3, 2])
    let wider = try pass("\(fields) local_size: 70001 alpha: 490014000.1", [2, 2, 3, 2])
    expectClose(within.y, wider.y)
    expectClose(within.dx, wider.dx)
  }

  @Test("Within a channel k does not count")
  func withinIgnoresK() throws {
    let fields = "norm_region: WITHIN_CHANNEL local_size: 3 alpha: 2"
    #expect(try pass(fields, [1, 2, 3, 4]).y == pass("\(fields) k: 7", [1, 2, 3, 4]).y)
    #expect(try pass("alpha: 2", [1, 2, 3, 4]).y != pass("alpha: 2 k: 7", [1, 2, 3, 4]).y)
  }

  @Test("Even regions, other axes and working in place are refused")
  func diagnostics() {
    func expect(_ fields: String, _ shape: Shape, _ message: String) {
      expectProblems(
        "name: 'n' type: 'LRN' \(fields)", [shape], ["layer 'n' (LRN): \(message)"])
    }
    expect(
      "lrn_param { local_size: 1️⃣4 }", [1, 2, 3, 4],
      "local_size is 4, but must be odd | the region has a value in its middle: choose 3 or 5")
    expect(
      "", [2, 3],
      "needs a bottom with 4 axes (batch, channels, height, width), not 2×3"
        + " | a Reshape layer can add axes of size 1")
    expect(
      "bottom: 'x' top: 1️⃣'x'", [1, 2, 3, 4],
      "cannot work in place: top 'x' is its own bottom, and the values around are still needed, "
        + "also for the gradient | give the top a name of its own")
  }
}
