import CKernels
import Compute

/// Hands one blob to several layers, and adds up the gradients that come back.
///
///     y₁ = … = yₖ = x          dx = dy₁ + … + dyₖ
///
/// The net inserts it wherever a blob has several users; the tops share the bottom's memory.
final class Split: GradientSumming {
  static let reference = LayerReference(
    "Split", .utility,
    summary: "Hands one blob to several layers, and adds up the gradients that come back.",
    formula: "y₁ = … = yₖ = x,   dx = dy₁ + … + dyₖ", shapes: "tops: as the bottom",
    notes: "Inserted automatically wherever a blob has several users. The tops share the "
      + "bottom's memory.",
    arity: Arity(1...1, 1...Arity.unlimited))
  static let samples = [
    LayerSample("", bottoms: [.uniform([3, 4])], tops: 1),
    LayerSample("", bottoms: [.uniform([3, 4])], tops: 3),
  ]

  private(set) var sampleCount = 1
  private let tops: Int

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    tops = spec.tops.count
  }

  var views: LayerViews { .values }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    sampleCount = bottoms[0].leadingCount
    return Array(repeating: bottoms[0], count: tops)
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {}

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    let part = bottom[0].part(samples, of: sampleCount)
    let dx = bottom[0].gradient + part.lowerBound
    let first = top[0].gradient + part.lowerBound
    guard tops > 1 else { return nk_copy(dx, first, part.count) }
    nk_add(dx, first, top[1].gradient + part.lowerBound, part.count)
    for blob in top[2...] { nk_add(dx, dx, blob.gradient + part.lowerBound, part.count) }
  }
}
