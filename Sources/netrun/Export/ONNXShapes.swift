import Compute
import Layers
import Nets
import Prototxt
import Schema

// Layers that join, part, move and reduce values.

extension ONNXExport {
  mutating func eltwise(_ node: Node) {
    let given = node.spec.parameters("eltwise_param")
    var inputs = node.bottoms.indices.map { bottom(node, $0) }
    switch given.enumName("operation") {
    case "PROD":
      for index in 1..<(inputs.count - 1) {
        inputs[index] = step(node, "Mul", [inputs[index - 1], inputs[index]])
      }
      finish(node, "Mul", Array(inputs.suffix(2)))
    case "MAX": finish(node, "Max", inputs)
    default:
      for (index, factor) in given.floats("coeff").enumerated() where index < inputs.count {
        inputs[index] = times(node, inputs[index], factor)
      }
      finish(node, "Sum", inputs)
    }
  }

  mutating func concat(_ node: Node) {
    let given = node.spec.parameters("concat_param")
    let axis = given.has("concat_dim") ? given.int("concat_dim") : given.int("axis")
    finish(node, "Concat", node.bottoms.indices.map { bottom(node, $0) }, ["axis": .int(axis)])
  }

  mutating func slice(_ node: Node) {
    let given = node.spec.parameters("slice_param")
    let wanted = given.has("slice_dim") ? given.int("slice_dim") : given.int("axis")
    let axis = node.bottoms[0].shape.axis(wanted) ?? 1
    if node.tops.count == 1 { return alias(node, 0, bottom(node)) }
    let from = bottom(node)
    let sizes = graph.integers("\(node.name)/sizes", node.tops.map { $0.shape[axis] })
    let names = node.tops.indices.map { top(node, $0) }
    graph.node("Split", [from, sizes], names, ["axis": .int(axis)])
  }

  /// A layer that changes nothing but the shape.
  mutating func reshape(_ node: Node) {
    let sizes = graph.integers("\(node.name)/shape", node.tops[0].shape.dimensions)
    finish(node, "Reshape", [bottom(node), sizes])
  }

  mutating func permute(_ node: Node) {
    let given = node.spec.parameters("permute_param").ints("order")
    let rest = (0..<node.bottoms[0].shape.axes).filter { !given.contains($0) }
    finish(node, "Transpose", [bottom(node)], ["perm": .ints(given + rest)])
  }

  mutating func shuffle(_ node: Node) {
    let group = node.spec.parameters("shuffle_channel_param").int("group")
    let shape = node.bottoms[0].shape
    let parts = [shape[0], group, shape[1] / group, shape.count(from: 2)]
    let parted = reshaped(node, bottom(node), parts)
    let moved = step(node, "Transpose", [parted], ["perm": .ints([0, 2, 1, 3])])
    let sizes = graph.integers("\(node.name)/shape", shape.dimensions)
    finish(node, "Reshape", [moved, sizes])
  }

  mutating func softmax(_ node: Node) {
    let axis = node.spec.parameters("softmax_param").int("axis")
    finish(node, "Softmax", [bottom(node)], ["axis": .int(axis)])
  }

  mutating func crop(_ node: Node) {
    let given = node.spec.parameters("crop_param")
    let (input, output) = (node.bottoms[0].shape, node.tops[0].shape)
    let first = input.axis(given.int("axis")) ?? 0
    let offsets = given.ints("offset")
    let starts = (first..<input.axes).map { axis in
      offsets.isEmpty ? 0 : offsets.count == 1 ? offsets[0] : offsets[axis - first]
    }
    let ends = zip(first..<input.axes, starts).map { output[$0] + $1 }
    let inputs = [
      bottom(node), graph.integers("\(node.name)/starts", starts),
      graph.integers("\(node.name)/ends", ends),
      graph.integers("\(node.name)/axes", Array(first..<input.axes)),
    ]
    finish(node, "Slice", inputs)
  }

  mutating func tile(_ node: Node) {
    let given = node.spec.parameters("tile_param")
    let shape = node.bottoms[0].shape
    var repeats = Array(repeating: 1, count: shape.axes)
    repeats[shape.axis(given.int("axis")) ?? 0] = given.int("tiles")
    finish(node, "Tile", [bottom(node), graph.integers("\(node.name)/repeats", repeats)])
  }

  mutating func axpy(_ node: Node) {
    let shape = node.bottoms[1].shape
    let sizes = [shape[0], shape[1]] + Array(repeating: 1, count: shape.axes - 2)
    let factors = reshaped(node, bottom(node), sizes)
    let scaled = step(node, "Mul", [factors, bottom(node, 1)])
    finish(node, "Add", [scaled, bottom(node, 2)])
  }

  mutating func argMax(_ node: Node) throws(Diagnostic) {
    let given = node.spec.parameters("argmax_param")
    guard given.int("top_k") == 1 else {
      throw node.spec.error(
        "more than one place is not translated: ONNX orders equal values otherwise",
        at: given.location("top_k"))
    }
    let hasAxis = given.has("axis")
    let shape = node.bottoms[0].shape
    let axis = hasAxis ? shape.axis(given.int("axis")) ?? 0 : 1
    let from = hasAxis ? bottom(node) : reshaped(node, bottom(node), [shape.leadingCount, -1])
    let largest: ONNXGraph.Attribute = .ints([axis])
    if hasAxis, given.bool("out_max_val") {
      return finish(node, "ReduceMax", [from], ["axes": largest, "keepdims": .int(1)])
    }
    // Of equal values the later counts.
    let place = step(
      node, "ArgMax", [from],
      ["axis": .int(axis), "keepdims": .int(1), "select_last_index": .int(1)])
    if hasAxis { return finish(node, "Cast", [place], ["to": .int(1)]) }
    var result = step(node, "Cast", [place], ["to": .int(1)])
    if given.bool("out_max_val") {
      let value = step(node, "ReduceMax", [from], ["axes": largest, "keepdims": .int(1)])
      result = step(node, "Concat", [result, value], ["axis": .int(1)])
    }
    let sizes = graph.integers("\(node.name)/shape", node.tops[0].shape.dimensions)
    finish(node, "Reshape", [result, sizes])
  }

  mutating func reduction(_ node: Node) {
    let given = node.spec.parameters("reduction_param")
    let shape = node.bottoms[0].shape
    let axis = shape.axes > 0 ? shape.axis(given.int("axis")) ?? 0 : 0
    let from = reshaped(
      node, bottom(node), [shape.count(from: 0, to: axis), shape.count(from: axis)])
    var result: String
    switch given.enumName("operation") {
    case "ASUM": result = step(node, "ReduceL1", [from], ["axes": .ints([1])])
    case "SUMSQ": result = step(node, "ReduceSumSquare", [from], ["axes": .ints([1])])
    case "MEAN": result = step(node, "ReduceMean", [from], ["axes": .ints([1])])
    default: result = step(node, "ReduceSum", [from, graph.integers("\(node.name)/axes", [1])])
    }
    result = times(node, result, given.float("coeff"))
    let sizes = graph.integers("\(node.name)/shape", node.tops[0].shape.dimensions)
    finish(node, "Reshape", [result, sizes])
  }

  mutating func embed(_ node: Node) {
    let places = step(node, "Cast", [bottom(node)], ["to": .int(7)])
    let table = parameter(node, 0)
    guard node.layer.parameters.count > 1 else {
      return finish(node, "Gather", [table, places], ["axis": .int(0)])
    }
    let rows = step(node, "Gather", [table, places], ["axis": .int(0)])
    finish(node, "Add", [rows, parameter(node, 1)])
  }
}
