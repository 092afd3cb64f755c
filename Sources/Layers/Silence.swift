import Compute
import Schema

/// Uses blobs up without doing anything, so that they are no outputs of the net.
///
///     no top          dxᵢ = 0
final class Silence: SampleLayer {
  static let reference = LayerReference(
    "Silence", .utility,
    summary: "Uses blobs up without doing anything, so that they are no outputs of the net.",
    formula: "no top; the gradients of the bottoms are 0", shapes: "bottoms: any",
    arity: Arity(1...Arity.unlimited, 0...0))
  static let samples = [
    LayerSample("", bottoms: [.uniform([3, 4])], tops: 0),
    LayerSample("", bottoms: [.uniform([3, 4]), .uniform([2])], tops: 0),
  ]

  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws {}

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let count = bottoms[0].leadingCount
    sampleCount = bottoms.allSatisfy { $0.leadingCount == count } ? count : 1
    return []
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {}

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    for index in 0..<bottom.count where pass.propagate[index] {
      let part = bottom[index].part(samples, of: sampleCount)
      (bottom[index].gradient + part.lowerBound).update(repeating: 0, count: part.count)
    }
  }
}
