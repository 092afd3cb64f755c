import CKernels
import Compute
import Prototxt
import Schema

/// Spatial pyramid pooling: as many values whatever the image's size.
///
///     y = [pool(x, 1 × 1), pool(x, 2 × 2), pool(x, 4 × 4), …], pyramid_height levels
///
/// Shapes: `x` is N × C × H × W. Level l has b = 2^l bins along each axis: kernel and stride ⌈size / b⌉,
/// pad ⌊(kernel · b − size + 1) / 2⌋, and the windows that Pooling has with these. `y` is N × the values of all
/// levels, each C × windows; with a single level N × C × 1 × 1.
///
/// Gradient: that of Pooling, added up over the levels.
///
/// From He et al. 2014.
final class SPP: SampleLayer {
  static let reference = LayerReference(
    "SPP", .vision,
    summary: "Spatial pyramid pooling: as many values whatever the image's size.",
    formula: "y = [pool(x, 1 × 1), pool(x, 2 × 2), pool(x, 4 × 4), …]",
    shapes:
      "x: N × C × H × W; y: N × the values of all levels, C · 4^l of level l; N × C × 1 × 1 with one "
      + "level",
    notes:
      "Level l has b = 2^l bins along each axis: kernel and stride ⌈size / b⌉ and pad ⌊(kernel · b − "
      + "size + 1) / 2⌋. As in Caffe, sizes for which the pad is not below the kernel are refused.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "spp_param",
        [
          "pyramid_height": "The number of levels; must be given.",
          "pool": "MAX, AVE, or STOCHASTIC where no level is padded.",
          "engine": "Accepted, without effect.",
        ])
    ])
  static let samples = [
    sample("pyramid_height: 2", [2, 3, 6, 6]),
    sample("pyramid_height: 3 pool: AVE", [2, 2, 8, 8]),
    sample("pyramid_height: 3 pool: MAX", [1, 2, 9, 11]),
    sample("pyramid_height: 1", [2, 3, 5, 4]),
    sample("pyramid_height: 1 pool: AVE", [2, 3, 5, 4]),
    sample("pyramid_height: 2 pool: AVE", [2, 1, 5, 7]),
    LayerSample(
      "spp_param { pyramid_height: 2 pool: STOCHASTIC }",
      bottoms: [.range([2, 2, 4, 6], 0...1)], hasGradient: false),
    LayerSample(
      "spp_param { pyramid_height: 2 pool: STOCHASTIC }",
      bottoms: [.range([2, 2, 4, 6], 0.2...1)], phase: .test),
  ]

  /// A sample whose values are all at least 0.05 apart, so that no small step changes a maximum.
  private static func sample(_ fields: String, _ shape: Shape) -> LayerSample {
    let count = shape.count
    let values = (0..<count).map { Float($0 * 61 % count - count / 2) * 0.05 }
    return LayerSample("spp_param { \(fields) }", bottoms: [.values(shape, values)])
  }

  private enum Method { case max, average, draw, mean }

  private struct Level {
    let pool: nk_pool
    /// Where its values begin among those of a sample.
    let offset: Int
  }

  private let spec: LayerSpec
  private let height: Int
  private let method: Method
  private let seed: UInt64
  private var passes: UInt64 = 0
  private var levels: [Level] = []
  private var channels = 0
  /// Values of one sample.
  private var inputSize = 0
  private var outputSize = 0
  private let origins = IndexMemory()
  private(set) var sampleCount = 1
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("spp_param")
    self.spec = spec
    seed = context.random(spec, "draws").key
    switch given.enumName("pool") {
    case "AVE": method = .average
    case "STOCHASTIC": method = spec.phase == .train ? .draw : .mean
    default: method = .max
    }
    height = try spec.positive(given, "pyramid_height")
    guard height <= 31 else {
      throw spec.error(
        "pyramid_height is \(height), but no image has 2^\(height - 1) bins",
        at: given.location("pyramid_height"))
    }
    try spec.refuseInPlace(why: "its windows make other values")
  }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let bottom = bottoms[0]
    guard bottom.axes == 4 else {
      throw spec.error(
        "needs a bottom with 4 axes (batch, channels, height, width), not \(bottom.display)",
        help: bottom.axes < 4
          ? "a Reshape layer can add axes of size 1" : "a Reshape layer can join axes")
    }
    channels = bottom[1]
    sampleCount = bottom[0]
    inputSize = bottom.count(from: 1)
    levels = []
    outputSize = 0
    for level in 0..<height {
      let pool = try pool(bottom, level)
      levels.append(Level(pool: pool, offset: outputSize))
      outputSize += channels * pool.out_h * pool.out_w
    }
    try spec.checkCount([sampleCount, outputSize], "a top", at: nil)
    operations = bottom.count * height
    if method == .max || method == .draw { origins.reserve(sampleCount * outputSize) }
    guard height > 1 else {
      return [[bottom[0], channels, levels[0].pool.out_h, levels[0].pool.out_w]]
    }
    return [[bottom[0], outputSize]]
  }

  /// The windows of one level.
  private func pool(_ bottom: Shape, _ level: Int) throws -> nk_pool {
    let place = spec.parameters("spp_param").location("pyramid_height")
    let bins = 1 << level
    func window(_ size: Int, _ name: String) throws -> (kernel: Int, pad: Int) {
      guard size > 0, size <= LayerSpec.largestSize else {
        throw spec.error("cannot pool an image of \(bottom[2]) × \(bottom[3])", at: place)
      }
      let kernel = (size + bins - 1) / bins
      let pad = (kernel * bins - size + 1) / 2
      guard pad < kernel else {
        throw spec.error(
          "a \(name) of \(size) cannot be pooled to \(bins) bins: windows of \(kernel) would need a "
            + "pad of \(pad), which must be smaller", at: place,
          help: "choose a smaller pyramid_height, or images of another size")
      }
      return (kernel, pad)
    }
    let (vertical, horizontal) = (try window(bottom[2], "height"), try window(bottom[3], "width"))
    let isPadded = vertical.pad > 0 || horizontal.pad > 0
    guard !isPadded || (method != .draw && method != .mean) else {
      throw spec.error(
        "stochastic pooling takes no pad, but an image of \(bottom[2]) × \(bottom[3]) needs one for "
          + "\(bins) bins", at: spec.parameters("spp_param").location("pool"),
        help: "pool by MAX or AVE, or choose sizes that are multiples of \(1 << (height - 1))")
    }
    // Of what Pooling takes, so that the number of windows is the same.
    var fields = Message("PoolingParameter")
    for (field, value) in [
      ("kernel_h", vertical.kernel), ("kernel_w", horizontal.kernel),
      ("stride_h", vertical.kernel), ("stride_w", horizontal.kernel),
      ("pad_h", vertical.pad), ("pad_w", horizontal.pad),
    ] {
      fields.set(field, .uint(UInt64(value)))
    }
    fields.location = place
    var problems = Diagnostics()
    let pooling = try PoolingWindow(spec, fields, &problems)
    try problems.throwIfErrors()
    return try pooling.plan(spec, over: bottom)
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
    for sample in samples {
      let x = bottom[0].values + sample * inputSize
      for level in levels {
        var pool = level.pool
        let at = sample * outputSize + level.offset
        let y = top[0].values + at
        switch method {
        case .max: nk_max_pool_forward(y, origins.pointer + at, x, &pool, channels)
        case .average: nk_average_pool_forward(y, x, &pool, channels)
        case .draw:
          nk_stochastic_pool_draw(
            y, origins.pointer + at, x, &pool, channels, seed, passes, UInt64(at))
        case .mean: nk_stochastic_pool_mean(y, x, &pool, channels)
        }
      }
    }
  }

  /// The gradient of one level, to be added to that of the others.
  var scratchCount: Int { height > 1 ? inputSize : 0 }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    for sample in samples {
      let sum = bottom[0].gradient + sample * inputSize
      for (number, level) in levels.enumerated() {
        var pool = level.pool
        let at = sample * outputSize + level.offset
        let dx = number == 0 ? sum : scratch
        let dy = top[0].gradient + at
        switch method {
        case .max, .draw: nk_max_pool_backward(dx, dy, origins.pointer + at, &pool, channels)
        case .average: nk_average_pool_backward(dx, dy, &pool, channels)
        case .mean:
          nk_stochastic_pool_mean_backward(
            dx, dy, top[0].values + at, bottom[0].values + sample * inputSize, &pool, channels)
        }
        if number > 0 { nk_add(sum, sum, dx, inputSize) }
      }
    }
  }
}
