import CKernels
import Compute
import Prototxt
import Schema

/// Reduces each window of an image to one value: its largest, its mean, or one drawn by chance.
///
///     MAX         y = max x
///     AVE         y = Σ x / area
///     STOCHASTIC  y = one x, drawn with probability x / Σ x;  TEST: Σ x² / Σ x
///
/// Shapes: `x` is N × C × H × W; `y` is N × C × H' × W', H' = ⌈(H + 2·pad − kernel) / stride⌉ + 1 (⌊ ⌋ with
/// round_mode FLOOR), and one less where there is padding and the last window would start at or
/// beyond H + pad. With MAX a second top holds the index h · W + w of each maximum.
///
/// Windows are cut to the image, so padding is never the maximum; the first of equal values is
/// taken. The area of AVE is that of the window cut to the padded image.
///
/// Gradient: dx takes dy where the value came from; dy / area everywhere with AVE; and with STOCHASTIC
/// in TEST the derivative of the quotient. That of the second top is ignored.
final class Pooling: SampleLayer {
  static let reference = LayerReference(
    "Pooling", .vision,
    summary: "Reduces each window of an image to one value: its largest, its mean, or one drawn.",
    formula: "MAX: y = max x\nAVE: y = Σ x / area\n"
      + "STOCHASTIC: y = one x, drawn with probability x / Σ x; in TEST y = Σ x² / Σ x",
    shapes:
      "x: N × C × H × W; y: N × C × H' × W', H' = ⌈(H + 2·pad − kernel) / stride⌉ + 1, one less "
      + "where there is padding and the last window would start at or beyond H + pad",
    notes: "The division is rounded up, other than in Convolution; round_mode: FLOOR rounds down. "
      + "Padding is never the maximum, and counts in the area of AVE. With MAX a second top "
      + "holds the index h · W + w of each maximum; its gradient is ignored.",
    arity: Arity(1...1, 1...2),
    parameters: [
      ParameterTable(
        "pooling_param",
        [
          "pool": "MAX, AVE or STOCHASTIC (for values of 0 or more, without pad).",
          "pad": "Rows and columns of padding on each side; smaller than the kernel.",
          "pad_h": "Padding above and below, together with pad_w and without pad.",
          "pad_w": "Padding left and right.",
          "kernel_size": "Height and width of the window.",
          "kernel_h": "Height of the window, together with kernel_w and without kernel_size.",
          "kernel_w": "Width of the window.",
          "stride": "Step from window to window.",
          "stride_h": "Step downwards, together with stride_w and without stride.",
          "stride_w": "Step to the right.",
          "engine": "Accepted, without effect.",
          "global_pooling": "Whether one window covers the image; no kernel, stride or pad then.",
          "round_mode": "CEIL keeps a last window that is cut by the border, FLOOR leaves it out.",
        ])
    ])

  private enum Method {
    case max
    case average
    case draw
    case mean
  }

  private let spec: LayerSpec
  private let method: Method
  private let window: PoolingWindow
  private let seed: UInt64
  private var passes: UInt64 = 0
  private var plan = nk_pool()
  private var channels = 0
  private let origins = IndexMemory()
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("pooling_param")
    self.spec = spec
    seed = context.random(spec, "draws").key
    switch given.enumName("pool") {
    case "AVE": method = .average
    case "STOCHASTIC": method = spec.phase == .train ? .draw : .mean
    default: method = .max
    }
    var problems = Diagnostics()
    window = try PoolingWindow(spec, given, &problems)
    if method == .draw || method == .mean, window.isPadded {
      problems.append(
        spec.error(
          "stochastic pooling takes no pad", at: given.location("pool"),
          help: "remove the pad, or pool by MAX or AVE"))
    }
    if method != .max, spec.tops.count > 1 {
      problems.append(
        spec.error(
          "has two tops, but only MAX has a second one: where each maximum was",
          at: spec.message.location("top", 1), help: "remove the second top, or set pool: MAX"))
    }
    try problems.keeping { try spec.refuseInPlace(why: "its windows make fewer values") }
    try problems.throwIfErrors()
  }

  var backwardReads: BackwardReads { method == .mean ? .everything : .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let bottom = bottoms[0]
    plan = try window.plan(spec, over: bottom)
    sampleCount = bottom[0]
    channels = bottom[1]
    let top: Shape = [bottom[0], bottom[1], plan.out_h, plan.out_w]
    operations = top.count * min(plan.kernel_h, bottom[2]) * min(plan.kernel_w, bottom[3])
    if method == .max || method == .draw { origins.reserve(top.count) }
    return Array(repeating: top, count: spec.tops.count)
  }

  /// What a run must keep to draw the same later: the number of passes.
  var state: LayerState {
    get { method == .draw ? LayerState(counters: [passes]) : LayerState() }
    set { passes = newValue.counters.first ?? passes }
  }

  func beginForward(_ bottom: [Blob], _ top: [Blob]) throws {
    if method == .draw { passes &+= 1 }
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    var plan = plan
    let part = top[0].part(samples, of: sampleCount)
    let planes = samples.count * channels
    let x = bottom[0].values + bottom[0].part(samples, of: sampleCount).lowerBound
    let y = top[0].values + part.lowerBound
    switch method {
    case .max:
      nk_max_pool_forward(y, origins.pointer + part.lowerBound, x, &plan, planes)
      guard top.count > 1 else { return }
      let indices = top[1].values
      for index in part { indices[index] = Float(origins.pointer[index]) }
    case .average: nk_average_pool_forward(y, x, &plan, planes)
    case .draw:
      nk_stochastic_pool_draw(
        y, origins.pointer + part.lowerBound, x, &plan, planes, seed, passes,
        UInt64(part.lowerBound))
    case .mean: nk_stochastic_pool_mean(y, x, &plan, planes)
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    var plan = plan
    let part = top[0].part(samples, of: sampleCount)
    let planes = samples.count * channels
    let start = bottom[0].part(samples, of: sampleCount).lowerBound
    let dx = bottom[0].gradient + start
    let dy = top[0].gradient + part.lowerBound
    switch method {
    case .max, .draw:
      nk_max_pool_backward(dx, dy, origins.pointer + part.lowerBound, &plan, planes)
    case .average: nk_average_pool_backward(dx, dy, &plan, planes)
    case .mean:
      nk_stochastic_pool_mean_backward(
        dx, dy, top[0].values + part.lowerBound, bottom[0].values + start, &plan, planes)
    }
  }
}
