import Compute
import Glibc
import Layers
import Nets
import Prototxt
import Schema

// Layers that treat values or channels by themselves.

extension ONNXExport {
  mutating func relu(_ node: Node) {
    let slope = node.spec.parameters("relu_param").float("negative_slope")
    if slope == 0 { return finish(node, "Relu", [bottom(node)]) }
    finish(node, "LeakyRelu", [bottom(node)], ["alpha": .float(slope)])
  }

  mutating func prelu(_ node: Node) {
    let axes = node.bottoms[0].shape.axes
    let count = node.layer.parameters[0].count
    let shape = [count] + Array(repeating: 1, count: max(0, axes - 2))
    let slopes = parameter(node, 0, count == 1 ? [1] : shape)
    finish(node, "PRelu", [bottom(node), slopes])
  }

  mutating func clip(_ node: Node, _ least: Float, _ most: Float) {
    let inputs = [bottom(node), scalar(node, least), scalar(node, most)]
    finish(node, "Clip", inputs)
  }

  mutating func threshold(_ node: Node) {
    let limit = scalar(node, node.spec.parameters("threshold_param").float("threshold"))
    let isAbove = step(node, "Greater", [bottom(node), limit])
    finish(node, "Cast", [isAbove], ["to": .int(1)])
  }

  mutating func swish(_ node: Node) {
    let beta = node.spec.parameters("swish_param").float("beta")
    let scaled = times(node, bottom(node), beta)
    let gate = step(node, "Sigmoid", [scaled])
    finish(node, "Mul", [bottom(node), gate])
  }

  /// A value times a number, which may be 1.
  mutating func times(_ node: Node, _ value: String, _ factor: Float) -> String {
    if factor == 1 { return value }
    let number = scalar(node, factor)
    return step(node, "Mul", [value, number])
  }

  /// A value plus a number, which may be 0.
  mutating func plus(_ node: Node, _ value: String, _ summand: Float) -> String {
    if summand == 0 { return value }
    let number = scalar(node, summand)
    return step(node, "Add", [value, number])
  }

  mutating func power(_ node: Node) {
    let given = node.spec.parameters("power_param")
    let (power, scale, shift) = (given.float("power"), given.float("scale"), given.float("shift"))
    if power * scale == 0 {
      let value = power == 0 ? 1 : powf(shift, power)
      let shape = node.tops[0].shape
      let values = [Float](repeating: value, count: shape.count)
      return alias(node, 0, graph.constant("\(node.name)/value", shape.dimensions, values))
    }
    let scaled = times(node, bottom(node), scale)
    let inner = plus(node, scaled, shift)
    if power == 1 { return finish(node, "Identity", [inner]) }
    let exponent = scalar(node, power)
    finish(node, "Pow", [inner, exponent])
  }

  mutating func exponential(_ node: Node) {
    let given = node.spec.parameters("exp_param")
    let base = given.float("base")
    let factor = base == -1 ? 1 : logf(base)
    let scaled = times(node, bottom(node), given.float("scale") * factor)
    finish(node, "Exp", [plus(node, scaled, given.float("shift") * factor)])
  }

  mutating func logarithm(_ node: Node) {
    let given = node.spec.parameters("log_param")
    let base = given.float("base")
    let scaled = times(node, bottom(node), given.float("scale"))
    let result = step(node, "Log", [plus(node, scaled, given.float("shift"))])
    let name = times(node, result, base == -1 ? 1 : 1 / logf(base))
    finish(node, "Identity", [name])
  }

  // MARK: Channels

  mutating func batchNorm(_ node: Node) throws(Diagnostic) {
    let given = node.spec.parameters("batch_norm_param")
    guard given.optionalBool("use_global_stats") ?? true else {
      throw node.spec.error(
        "use_global_stats is false: statistics of the batch in use are not translated",
        at: given.location("use_global_stats"))
    }
    let blobs = node.layer.parameters
    let weight = blobs[2].reading[0]
    let factor = weight == 0 ? 0 : 1 / weight
    let channels = blobs[0].count
    let mean = (0..<channels).map { blobs[0].reading[$0] * factor }
    let variance = (0..<channels).map { blobs[1].reading[$0] * factor }
    let ones = [Float](repeating: 1, count: channels)
    let zeros = [Float](repeating: 0, count: channels)
    let hasScale = blobs.count > 4
    let inputs = [
      bottom(node),
      hasScale ? parameter(node, 3) : graph.constant("\(node.name)/scale", [channels], ones),
      hasScale ? parameter(node, 4) : graph.constant("\(node.name)/bias", [channels], zeros),
      graph.constant("\(node.name)/mean", [channels], mean),
      graph.constant("\(node.name)/variance", [channels], variance),
    ]
    finish(node, "BatchNormalization", inputs, ["epsilon": .float(given.float("eps"))])
  }

  mutating func forkedNorm(_ node: Node) throws(Diagnostic) {
    let given = node.spec.parameters("bn_param")
    let blobs = node.layer.parameters
    let channels = blobs[0].count
    if blobs.count == 2, given.enumName("bn_mode") == "INFERENCE" {
      let shape = [channels] + Array(repeating: 1, count: node.bottoms[0].shape.axes - 2)
      let scaled = step(node, "Mul", [bottom(node), parameter(node, 0, shape)])
      return finish(node, "Add", [scaled, parameter(node, 1, shape)])
    }
    let isFirst = ["var_eps", "decay", "moving_average"].contains(where: given.has)
    guard blobs.count == 4, !isFirst || given.bool("moving_average") else {
      throw node.spec.error("statistics of the batch in use are not translated")
    }
    let inputs = [bottom(node)] + (0..<4).map { parameter(node, $0, [channels]) }
    let epsilon = given.float(isFirst ? "var_eps" : "eps")
    finish(node, "BatchNormalization", inputs, ["epsilon": .float(epsilon)])
  }

  /// A number for each place along some axes, so that it meets the right ones of a value.
  private func broadcast(_ node: Node, _ field: String, _ numbers: Shape) -> [Int] {
    let given = node.spec.parameters(field)
    let shape = node.bottoms[0].shape
    guard numbers.axes > 0 else { return [] }
    let axis = shape.axis(given.int("axis")) ?? 0
    return numbers.dimensions
      + Array(repeating: 1, count: max(0, shape.axes - axis - numbers.axes))
  }

  mutating func scale(_ node: Node) {
    let given = node.spec.parameters("scale_param")
    let fromBottom = node.bottoms.count > 1
    let numbers = fromBottom ? node.bottoms[1].shape : node.layer.parameters[0].shape
    let shape = broadcast(node, "scale_param", numbers)
    let factors =
      fromBottom ? reshaped(node, bottom(node, 1), shape) : parameter(node, 0, shape)
    guard given.bool("bias_term") else {
      return finish(node, "Mul", [bottom(node), factors])
    }
    let scaled = step(node, "Mul", [bottom(node), factors])
    finish(node, "Add", [scaled, parameter(node, fromBottom ? 0 : 1, shape)])
  }

  mutating func bias(_ node: Node) {
    let fromBottom = node.bottoms.count > 1
    let numbers = fromBottom ? node.bottoms[1].shape : node.layer.parameters[0].shape
    let shape = broadcast(node, "bias_param", numbers)
    let summands =
      fromBottom ? reshaped(node, bottom(node, 1), shape) : parameter(node, 0, shape)
    finish(node, "Add", [bottom(node), summands])
  }

  mutating func lrn(_ node: Node) {
    let given = node.spec.parameters("lrn_param")
    let size = given.int("local_size")
    let (alpha, beta) = (given.float("alpha"), given.float("beta"))
    if given.enumName("norm_region") == "ACROSS_CHANNELS" {
      return finish(
        node, "LRN", [bottom(node)],
        [
          "size": .int(size), "alpha": .float(alpha), "beta": .float(beta),
          "bias": .float(given.float("k")),
        ])
    }
    let squares = step(node, "Mul", [bottom(node), bottom(node)])
    let side = (size - 1) / 2
    let means = step(
      node, "AveragePool", [squares],
      [
        "kernel_shape": .ints([size, size]), "strides": .ints([1, 1]),
        "pads": .ints([side, side, side, side]), "count_include_pad": .int(1),
      ])
    let sums = plus(node, times(node, means, alpha), 1)
    let exponent = scalar(node, -beta)
    let factors = step(node, "Pow", [sums, exponent])
    finish(node, "Mul", [bottom(node), factors])
  }

  mutating func normalize(_ node: Node) {
    let given = node.spec.parameters("norm_param")
    let axes = node.bottoms[0].shape.axes
    let sums = step(
      node, "ReduceSumSquare", [bottom(node)],
      ["axes": .ints(given.bool("across_spatial") ? Array(1..<axes) : [1]), "keepdims": .int(1)])
    let lengths = step(node, "Sqrt", [plus(node, sums, given.float("eps"))])
    let unit = step(node, "Div", [bottom(node), lengths])
    let count = node.layer.parameters[0].count
    let shape = count == 1 ? [] : [count] + Array(repeating: 1, count: axes - 2)
    finish(node, "Mul", [unit, parameter(node, 0, shape)])
  }

  mutating func mvn(_ node: Node) {
    let given = node.spec.parameters("mvn_param")
    let shape = node.tops[0].shape.dimensions
    let from =
      node.bottoms[0].shape.dimensions == shape
      ? bottom(node) : reshaped(node, bottom(node), shape)
    let axes = given.bool("across_channels") ? [1, 2, 3] : [2, 3]
    let means = step(node, "ReduceMean", [from], ["axes": .ints(axes), "keepdims": .int(1)])
    guard given.bool("normalize_variance") else { return finish(node, "Sub", [from, means]) }
    let centred = step(node, "Sub", [from, means])
    let squares = step(node, "Mul", [centred, centred])
    let variance = step(node, "ReduceMean", [squares], ["axes": .ints(axes), "keepdims": .int(1)])
    let deviation = plus(node, step(node, "Sqrt", [variance]), given.float("eps"))
    finish(node, "Div", [centred, deviation])
  }
}
