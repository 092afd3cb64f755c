import Compute
import Layers
import Nets
import Prototxt
import Schema

// Layers whose windows slide over images.

extension ONNXExport {
  /// What a field says for each of some axes: given once, for each, or by names for rows and columns.
  private static func sizes(
    _ given: Message, _ field: String, pair: String, _ axes: Int, default fallback: Int
  ) -> [Int] {
    let names = ["\(pair)_h", "\(pair)_w"]
    if axes == 2, names.allSatisfy({ given.type.field(named: $0) != nil }),
      names.contains(where: given.has)
    {
      return names.map { given.has($0) ? given.int($0) : fallback }
    }
    guard given.has(field) else { return Array(repeating: fallback, count: axes) }
    let isRepeated = given.type.field(named: field)?.label == .repeated
    let values = isRepeated ? given.ints(field) : [given.int(field)]
    return values.count == axes ? values : Array(repeating: values[0], count: axes)
  }

  mutating func convolution(_ node: Node, _ type: String) throws(Diagnostic) {
    let given = node.spec.parameters("convolution_param")
    guard let weights = node.layer.parameters.first else { return }
    let kernel = Array(weights.shape.dimensions.dropFirst(2))
    guard given.int("axis") == 1 || given.int("axis") == 1 - node.bottoms[0].shape.axes,
      !kernel.isEmpty
    else {
      throw node.spec.error("convolution along other axes than those of images is not translated")
    }
    let isDepthwise = node.spec.type != "Convolution" && node.spec.type != "Deconvolution"
    let group = isDepthwise ? node.bottoms[0].shape[1] : given.int("group")
    let axes = kernel.count
    let pads = ONNXExport.sizes(given, "pad", pair: "pad", axes, default: 0)
    let strides = ONNXExport.sizes(given, "stride", pair: "stride", axes, default: 1)
    let dilations = ONNXExport.sizes(given, "dilation", pair: "dilation", axes, default: 1)
    var rest = [parameter(node, 0)]
    if node.layer.parameters.count > 1 { rest.append(parameter(node, 1)) }
    for index in node.bottoms.indices {
      let from = bottom(node, index)
      let to = top(node, index)
      graph.node(
        type, [from] + rest, [to],
        [
          "kernel_shape": .ints(kernel), "strides": .ints(strides), "dilations": .ints(dilations),
          "pads": .ints(pads + pads), "group": .int(group),
        ])
    }
  }

  mutating func pooling(_ node: Node) throws(Diagnostic) {
    let given = node.spec.parameters("pooling_param")
    let (input, output) = (node.bottoms[0].shape, node.tops[0].shape)
    let isMax = given.enumName("pool") == "MAX"
    guard isMax || given.enumName("pool") == "AVE" else {
      throw node.spec.error("stochastic pooling has no counterpart in ONNX")
    }
    guard node.tops.count == 1 else {
      throw node.spec.error("the second top, where each maximum was, is not translated")
    }
    if given.bool("global_pooling") {
      return finish(node, isMax ? "GlobalMaxPool" : "GlobalAveragePool", [bottom(node)])
    }
    let kernel = ONNXExport.sizes(given, "kernel_size", pair: "kernel", 2, default: 1)
    let strides = ONNXExport.sizes(given, "stride", pair: "stride", 2, default: 1)
    let pads = ONNXExport.sizes(given, "pad", pair: "pad", 2, default: 0)
    // Caffe rounds the number of windows up: as much is added at the end as the last one needs.
    let ends = (0..<2).map {
      max(0, (output[2 + $0] - 1) * strides[$0] + kernel[$0] - input[2 + $0] - pads[$0])
    }
    guard zip(ends, kernel).allSatisfy({ $0 < $1 }), zip(pads, kernel).allSatisfy({ $0 < $1 })
    else {
      throw node.spec.error("a window lies wholly outside the image, which ONNX does not allow")
    }
    if isMax {
      return finish(
        node, "MaxPool", [bottom(node)],
        [
          "kernel_shape": .ints(kernel), "strides": .ints(strides), "pads": .ints(pads + ends),
        ])
    }
    let mean = step(
      node, "AveragePool", [bottom(node)],
      [
        "kernel_shape": .ints(kernel), "strides": .ints(strides), "pads": .ints(pads + ends),
        "count_include_pad": .int(1),
      ])
    let corrections = (0..<2).map { axis in
      (0..<output[2 + axis]).map { place in
        let start = place * strides[axis] - pads[axis]
        let end = min(start + kernel[axis], input[2 + axis] + pads[axis])
        return Float(kernel[axis]) / Float(end - start)
      }
    }
    // Caffe counts what lies in the padding that was asked for, but nothing beyond.
    guard corrections.joined().contains(where: { $0 != 1 }) else { return alias(node, 0, mean) }
    let map = corrections[0].flatMap { row in corrections[1].map { row * $0 } }
    let factors = graph.constant("\(node.name)/counts", [1, 1, output[2], output[3]], map)
    finish(node, "Mul", [mean, factors])
  }

  mutating func innerProduct(_ node: Node) throws(Diagnostic) {
    let given = node.spec.parameters("inner_product_param")
    let input = node.bottoms[0].shape
    guard let weights = node.layer.parameters.first else { return }
    let isTransposed = given.bool("transpose")
    let width = weights.shape[isTransposed ? 0 : 1]
    let rows = input.count / max(1, width)
    let from =
      input.dimensions == [rows, width]
      ? bottom(node) : reshaped(node, bottom(node), [rows, width])
    var inputs = [from, parameter(node, 0)]
    if node.layer.parameters.count > 1 { inputs.append(parameter(node, 1)) }
    let outputs = weights.shape[isTransposed ? 1 : 0]
    if node.tops[0].shape.dimensions == [rows, outputs] {
      return finish(node, "Gemm", inputs, ["transB": .int(isTransposed ? 0 : 1)])
    }
    let product = step(node, "Gemm", inputs, ["transB": .int(isTransposed ? 0 : 1)])
    let sizes = graph.integers("\(node.name)/shape", node.tops[0].shape.dimensions)
    finish(node, "Reshape", [product, sizes])
  }

  mutating func interp(_ node: Node) throws(Diagnostic) {
    let given = node.spec.parameters("interp_param")
    var from = bottom(node)
    let (begin, end) = (-given.int("pad_beg"), -given.int("pad_end"))
    let input = node.bottoms[0].shape
    if begin > 0 || end > 0 {
      from = cut(node, from, [begin, begin], [input[2] - end, input[3] - end], [2, 3])
    }
    let sizes = graph.integers("\(node.name)/sizes", node.tops[0].shape.dimensions)
    finish(
      node, "Resize", [from, "", "", sizes],
      ["mode": .string("linear"), "coordinate_transformation_mode": .string("align_corners")])
  }

  mutating func upsample(_ node: Node) throws(Diagnostic) {
    guard node.bottoms.count == 1 else {
      throw node.spec.error("making images larger by a pooling's mask is not translated")
    }
    let sizes = graph.integers("\(node.name)/sizes", node.tops[0].shape.dimensions)
    finish(
      node, "Resize", [bottom(node), "", "", sizes],
      [
        "mode": .string("nearest"), "coordinate_transformation_mode": .string("asymmetric"),
        "nearest_mode": .string("floor"),
      ])
  }

  /// What lies between some places along some axes.
  mutating func cut(
    _ node: Node, _ value: String, _ starts: [Int], _ ends: [Int], _ axes: [Int]
  ) -> String {
    let inputs = [
      value, graph.integers("\(node.name)/starts", starts),
      graph.integers("\(node.name)/ends", ends), graph.integers("\(node.name)/axes", axes),
    ]
    return step(node, "Slice", inputs)
  }
}
