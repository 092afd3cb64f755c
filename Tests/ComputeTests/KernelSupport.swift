import CKernels
import Testing

/// Lengths around the widths of vector registers.
let awkwardSizes = [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 127, 128, 129, 1025]

/// A small generator of test values, the same in every run.
struct TestValues {
  private var state: UInt64

  init(seed: UInt64 = 1) {
    state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
  }

  /// The next value, evenly spread over `range`.
  mutating func next(in range: ClosedRange<Float> = -1...1) -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let unit = Float(state >> 40) / Float(1 << 24)
    return range.lowerBound + unit * (range.upperBound - range.lowerBound)
  }

  /// The next `count` values.
  mutating func array(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
    (0..<count).map { _ in next(in: range) }
  }
}

/// Records an issue at the first element where `got` and `wanted` are further apart than allowed.
func expectClose(
  _ got: [Float], _ wanted: [Float], relative: Float = 1e-5, absolute: Float = 1e-6,
  _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(got.count == wanted.count, sourceLocation: sourceLocation)
  for (index, (a, b)) in zip(got, wanted).enumerated() where a != b && !(a.isNaN && b.isNaN) {
    guard abs(a - b) <= absolute + relative * abs(b) else {
      Issue.record(
        "\(what) element \(index) is \(a) instead of \(b)", sourceLocation: sourceLocation)
      return
    }
  }
}

/// Gives `body` the address of an array, for kernels whose output is their input.
func inPlace(_ array: inout [Float], _ body: (UnsafeMutablePointer<Float>) -> Void) {
  array.withUnsafeMutableBufferPointer { buffer in
    if let base = buffer.baseAddress { body(base) }
  }
}
