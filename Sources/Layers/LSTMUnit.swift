import CKernels
import Compute
import Schema

/// One step of a long short-term memory without its weights: what LSTM does after the products.
///
///     i, f, o, g = the four parts of x
///     c = cont · σ(f) · c_before + σ(i) · tanh g          h = σ(o) · tanh c
///
/// Shapes: `c_before`, `c` and `h` are 1 × N × D, `x` is 1 × N × 4D, `cont` is 1 × N.
///
/// Gradient: with c' = dc + dh · o · (1 − tanh² c): dc_before = c' · f, and to x through the four gates, where
/// f counts as σ(f) · cont.
final class LSTMUnit: SampleLayer {
  static let reference = LayerReference(
    "LSTMUnit", .recurrent,
    summary: "One step of a long short-term memory without its weights.",
    formula: "i, f, o, g = the four parts of x\nc = cont · σ(f) · c_before + σ(i) · tanh g\n"
      + "h = σ(o) · tanh c",
    shapes: "bottoms: c_before: 1 × N × D; x: 1 × N × 4D; cont: 1 × N; tops: c, h: 1 × N × D",
    notes: "A part of LSTM, which does all steps at once. With a cont other than 0 and 1 the "
      + "gradient takes σ(f) · cont for the value of the gate, as Caffe does.",
    arity: Arity(3...3, 2...2))
  static let samples = [
    LayerSample(
      "", bottoms: [.uniform([1, 3, 4]), .uniform([1, 3, 16]), .constants([1, 3], [1, 0, 1])],
      tops: 2),
    LayerSample(
      "", bottoms: [.uniform([1, 1, 17]), .range([1, 1, 68], -2...2), .constants([1, 1], [1])],
      tops: 2),
  ]

  private let spec: LayerSpec
  private let gates = Blob("gates")
  private var size = 0
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    try spec.refuseInPlace(why: "the gradient needs what the cells held before")
  }

  func takesGradient(bottom: Int) -> Bool { bottom != 2 }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let cells = bottoms[0]
    guard cells.axes == 3, cells[0] == 1 else {
      throw spec.error(
        "'\(spec.bottoms[0])' is \(cells.display), but must be 1 × sequences × cells",
        at: spec.message.location("bottom", 0))
    }
    let wanted: [Shape] = [cells, [1, cells[1], 4 * cells[2]], [1, cells[1]]]
    for index in 1...2 where bottoms[index] != wanted[index] {
      throw spec.error(
        "'\(spec.bottoms[index])' is \(bottoms[index].display), but '\(spec.bottoms[0])' is "
          + "\(cells.display), so it must be \(wanted[index].display)",
        at: spec.message.location("bottom", index),
        help: index == 1 ? "it holds four gates for each cell" : "it holds cont, one a sequence")
    }
    sampleCount = cells[1]
    size = cells[2]
    gates.reshape(wanted[1])
    return [cells, cells]
  }

  var operations: Int { 9 * sampleCount * size }

  /// Room for the gradients that nobody wants.
  var scratchCount: Int { 5 * size }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    for sample in samples {
      let part = sample * size
      nk_lstm_step_forward(
        top[0].values + part, top[1].values + part, gates.values + 4 * part,
        bottom[1].values + 4 * part, bottom[0].values + part, bottom[2].values[sample], size)
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] || pass.propagate[1] else { return }
    for sample in samples {
      let part = sample * size
      nk_lstm_step_backward(
        pass.propagate[0] ? bottom[0].gradient + part : scratch + 4 * size,
        pass.propagate[1] ? bottom[1].gradient + 4 * part : scratch, top[0].gradient + part,
        top[1].gradient + part, top[0].values + part, bottom[0].values + part,
        gates.values + 4 * part, size)
    }
  }
}
