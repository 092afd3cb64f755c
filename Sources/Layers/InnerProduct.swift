import CKernels
import Compute
import Schema

/// Multiplies each item by a matrix and adds a bias: a fully connected layer.
///
///     y = x · Wᵀ + b          (x · W + b with transpose)
///
/// Shapes: the axes of `x` from `axis` on are taken as one of K values; those before it are M items.
/// `W` is N × K (K × N with transpose), `b` is N; `y` has the axes before `axis`, then N.
///
/// Gradient: dx = dy · W, dW += dyᵀ · x, db += Σ dy over the items.
final class InnerProduct: GradientStreaming {
  static let reference = LayerReference(
    "InnerProduct", .common,
    summary: "Multiplies each item by a matrix and adds a bias: a fully connected layer.",
    formula: "y = x · Wᵀ + b    (x · W + b with transpose)",
    shapes: "x: axes before `axis` (M items), then K values; y: the same M items, then N. "
      + "W: N × K (K × N with transpose); b: N",
    notes: "K is fixed when the net is built.",
    arity: .oneToOne,
    parameters: [
      ParameterTable(
        "inner_product_param",
        [
          "num_output": "N, the number of outputs; must be given.",
          "bias_term": "Whether b is added.",
          "weight_filler": "How W is filled; the default leaves it at zero, which never learns.",
          "bias_filler": "How b is filled.",
          "axis": "The first axis that is multiplied; negative counts from the end.",
          "transpose": "Whether W is stored K × N.",
        ])
    ])
  static let samples = [
    LayerSample(
      "inner_product_param { num_output: 5 weight_filler { type: 'xavier' } }",
      bottoms: [.uniform([3, 2, 2])]),
    LayerSample(
      "inner_product_param { num_output: 4 bias_term: false transpose: true axis: 2"
        + " weight_filler { type: 'gaussian' std: 0.5 } }",
      bottoms: [.uniform([2, 3, 7])]),
    LayerSample(
      "inner_product_param { num_output: 3 axis: 0 weight_filler { type: 'xavier' }"
        + " bias_filler { type: 'uniform' } }", bottoms: [.uniform([6])]),
    LayerSample(
      "inner_product_param { num_output: 3 weight_filler { type: 'xavier' }"
        + " bias_filler { type: 'uniform' } }", bottoms: [.uniform([260, 2])]),
  ]

  private let spec: LayerSpec
  private let context: LayerContext
  private let outputs: Int
  private let hasBias: Bool
  private let isTransposed: Bool
  private let weightFiller: Filler
  private let biasFiller: Filler
  private var items = 0
  private var width = 0
  /// The products where there are few items: what counts is how often W is read.
  private var thin: ThinProduct?
  private let shared = Buffer<Float>()
  private(set) var parameters: [Blob] = []
  /// The three products where there are many items.
  private var products: (forward: MatrixProduct, weights: MatrixProduct, bottom: MatrixProduct)?

  /// Items from which on weights are laid out anew for each pass: they pay for it.
  private static let manyItems = 256

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("inner_product_param")
    self.spec = spec
    self.context = context
    outputs = try spec.positive(given, "num_output")
    hasBias = given.bool("bias_term")
    isTransposed = given.bool("transpose")
    weightFiller = try spec.filler(given, "weight_filler")
    biasFiller = try spec.filler(given, "bias_filler")
  }

  var backwardReads: BackwardReads { .bottoms }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let bottom = bottoms[0]
    let axis = try spec.axis(spec.parameters("inner_product_param"), of: bottom)
    items = bottom.count(from: 0, to: axis)
    let newWidth = bottom.count(from: axis)
    if parameters.isEmpty {
      width = newWidth
      let shape: Shape = isTransposed ? [width, outputs] : [outputs, width]
      parameters = [try spec.parameter("weights", shape, weightFiller, context)]
      if hasBias { parameters.append(try spec.parameter("bias", [outputs], biasFiller, context)) }
    }
    guard newWidth == width else {
      throw spec.error(
        "was built for \(width) values an item, but the bottom now has \(newWidth)",
        help: "the sizes of the axes that are multiplied cannot change after the net is built")
    }
    plan()
    return [Shape(Array(bottom.dimensions[..<axis]) + [outputs])]
  }

  private func plan() {
    (products, thin) = (nil, nil)
    guard !isTransposed else { return }
    if items < InnerProduct.manyItems {
      let product = ThinProduct(items: items, outputs: outputs, width: width)
      thin = product
      guard !context.isSketch else { return }
      shared.reserve(product.sharedCount)
      context.workers.reserveScratch(product.scratchCount)
      return
    }
    let made = (
      forward: MatrixProduct(transposeB: true, m: items, n: outputs, k: width),
      weights: MatrixProduct(transposeA: true, m: outputs, n: width, k: items),
      bottom: MatrixProduct(m: items, n: width, k: outputs)
    )
    products = made
    context.workers.reserveScratch(
      max(made.forward.scratchCount, made.weights.scratchCount, made.bottom.scratchCount))
  }

  var operations: Int { items * outputs * (2 * width + (hasBias ? 1 : 0)) }

  var multiplyAdds: Int { items * outputs * width }

  func streamsGradient(of parameter: Int) -> Bool { parameter == 0 && thin != nil }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    let y = top[0].values
    if let products {
      products.forward.run(
        context.workers, bottom[0].values, lda: width, parameters[0].reading, ldb: width,
        start: hasBias ? UnsafePointer(parameters[1].values) : nil, y, ldc: outputs)
      return
    }
    if let thin {
      return thin.forward(
        context.workers, y, bottom[0].values, parameters[0].reading,
        bias: hasBias ? parameters[1].values : nil, shared: shared.pointer)
    }
    if hasBias {
      let bias = parameters[1].values
      for item in 0..<items { (y + item * outputs).update(from: bias, count: outputs) }
    }
    BLAS.multiply(
      workers: context.workers, transposeB: !isTransposed, m: items, n: outputs, k: width,
      bottom[0].values, lda: width, parameters[0].values, ldb: isTransposed ? outputs : width,
      beta: hasBias ? 1 : 0, y, ldc: outputs)
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    let dy = top[0].gradient
    let x = bottom[0].values
    if let products {
      backward(products.weights, products.bottom, top, bottom, pass: pass)
      return
    }
    if hasBias, let db = pass.gradients[1] {
      for item in 0..<items { nk_add(db, db, dy + item * outputs, outputs) }
    }
    if let thin {
      return thin.backward(
        context.workers, dx: pass.propagate[0] ? bottom[0].gradient : nil, dw: pass.target(0), dy,
        x, parameters[0].reading)
    }
    if let dw = pass.gradients[0] {
      if isTransposed {
        BLAS.multiply(
          workers: context.workers, transposeA: true, m: width, n: outputs, k: items, x,
          lda: width, dy, ldb: outputs, beta: 1, dw, ldc: outputs)
      } else {
        BLAS.multiply(
          workers: context.workers, transposeA: true, m: outputs, n: width, k: items, dy,
          lda: outputs, x, ldb: width, beta: 1, dw, ldc: width)
      }
    }
    if pass.propagate[0] {
      BLAS.multiply(
        workers: context.workers, transposeB: isTransposed, m: items, n: width, k: outputs, dy,
        lda: outputs, parameters[0].values, ldb: isTransposed ? outputs : width, beta: 0,
        bottom[0].gradient, ldc: width)
    }
  }

  /// With many items: the bias's gradient is summed beside the rows of weights that read the same values.
  private func backward(
    _ weights: MatrixProduct, _ inputs: MatrixProduct, _ top: [Blob], _ bottom: [Blob],
    pass: BackwardPass
  ) {
    let dy = top[0].gradient
    let db = hasBias ? pass.gradients[1] : nil
    func sumBias(_ range: Range<Int>) {
      guard let db else { return }
      for item in 0..<items {
        nk_add(
          db + range.lowerBound, db + range.lowerBound, dy + item * outputs + range.lowerBound,
          range.count)
      }
    }
    if let dw = pass.gradients[0] {
      weights.run(
        context.workers, dy, lda: outputs, bottom[0].values, ldb: width, start: dw,
        startStride: width, dw, ldc: width, perRows: sumBias)
    } else {
      sumBias(0..<outputs)
    }
    guard pass.propagate[0] else { return }
    inputs.run(
      context.workers, dy, lda: outputs, parameters[0].values, ldb: width, bottom[0].gradient,
      ldc: width)
  }
}
