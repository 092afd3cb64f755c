import Compute

/// A graph of ONNX that is being made: nodes, constants, inputs and outputs.
///
/// Fields go by their numbers in `onnx.proto`; operators are those of opset 13.
struct ONNXGraph {
  /// What an operator is told beside its inputs.
  enum Attribute {
    case int(Int)
    case float(Float)
    case string(String)
    case ints([Int])
  }

  private static let floatType = 1
  private static let intType = 7

  private var nodes: [ProtoBytes] = []
  private var constants: [ProtoBytes] = []
  private var inputs: [ProtoBytes] = []
  private var outputs: [ProtoBytes] = []
  private var names: Set<String> = []
  private(set) var nodeCount = 0
  /// The bytes of all constants.
  private(set) var constantBytes = 0

  /// A name that nothing has yet, alike to one that is wanted.
  mutating func free(_ wanted: String) -> String {
    var name = wanted
    var number = 2
    while !names.insert(name).inserted {
      name = "\(wanted)_\(number)"
      number += 1
    }
    return name
  }

  /// Takes a name, so that nothing else gets it.
  mutating func reserve(_ name: String) { names.insert(name) }

  // MARK: Values

  /// Adds a constant of floats.
  mutating func constant(
    _ name: String, _ shape: [Int], _ values: UnsafePointer<Float>
  ) -> String {
    let count = shape.reduce(1, *)
    return constant(
      name, shape, ONNXGraph.floatType, UnsafeRawBufferPointer(start: values, count: 4 * count))
  }

  /// Adds a constant of floats.
  mutating func constant(_ name: String, _ shape: [Int], _ values: [Float]) -> String {
    values.withUnsafeBytes { constant(name, shape, ONNXGraph.floatType, $0) }
  }

  /// Adds a single float.
  mutating func constant(_ name: String, _ value: Float) -> String { constant(name, [], [value]) }

  /// Adds whole numbers along one axis.
  mutating func integers(_ name: String, _ values: [Int]) -> String {
    values.map { Int64($0) }.withUnsafeBytes {
      constant(name, [values.count], ONNXGraph.intType, $0)
    }
  }

  private mutating func constant(
    _ wanted: String, _ shape: [Int], _ type: Int, _ memory: UnsafeRawBufferPointer
  ) -> String {
    let name = free(wanted)
    var tensor = ProtoBytes()
    for size in shape { tensor.add(1, size) }
    tensor.add(2, type)
    tensor.add(8, name)
    tensor.add(9, memory: memory)
    constants.append(tensor)
    constantBytes += memory.count
    return name
  }

  /// Adds an input of floats; `nil` in place of a size leaves it open.
  mutating func input(_ name: String, _ shape: [Int?]) {
    inputs.append(ONNXGraph.value(name, shape))
  }

  /// Adds an output of floats.
  mutating func output(_ name: String, _ shape: [Int?]) {
    outputs.append(ONNXGraph.value(name, shape))
  }

  private static func value(_ name: String, _ shape: [Int?]) -> ProtoBytes {
    var sizes = ProtoBytes()
    for size in shape {
      var dimension = ProtoBytes()
      if let size { dimension.add(1, size) } else { dimension.add(2, "N") }
      sizes.add(1, dimension)
    }
    var tensor = ProtoBytes()
    tensor.add(1, floatType)
    tensor.add(2, sizes)
    var type = ProtoBytes()
    type.add(1, tensor)
    var value = ProtoBytes()
    value.add(1, name)
    value.add(2, type)
    return value
  }

  // MARK: Nodes

  /// Adds an operator.
  mutating func node(
    _ type: String, _ inputs: [String], _ outputs: [String],
    _ attributes: KeyValuePairs<String, Attribute> = [:]
  ) {
    var node = ProtoBytes()
    for name in inputs { node.add(1, name) }
    for name in outputs { node.add(2, name) }
    nodeCount += 1
    node.add(3, "\(outputs.first ?? type)#\(nodeCount)")
    node.add(4, type)
    for (name, value) in attributes { node.add(5, ONNXGraph.attribute(name, value)) }
    nodes.append(node)
  }

  private static func attribute(_ name: String, _ value: Attribute) -> ProtoBytes {
    var result = ProtoBytes()
    result.add(1, name)
    switch value {
    case .float(let value):
      result.add(2, value)
      result.add(20, 1)
    case .int(let value):
      result.add(3, value)
      result.add(20, 2)
    case .string(let value):
      result.add(4, value)
      result.add(20, 3)
    case .ints(let values):
      for value in values { result.add(8, value) }
      result.add(20, 7)
    }
    return result
  }

  // MARK: The file

  /// The model as the pieces of a file: weights are too large to be put together in memory.
  func model(name: String, version: String) -> [[UInt8]] {
    var title = ProtoBytes()
    title.add(2, name.isEmpty ? "net" : name)
    let parts =
      nodes.map { (1, $0) } + constants.map { (5, $0) } + inputs.map { (11, $0) }
      + outputs.map { (12, $0) }
    var pieces = [title.bytes]
    for (field, part) in parts {
      var head = ProtoBytes()
      head.addHead(field, count: part.bytes.count)
      pieces += [head.bytes, part.bytes]
    }
    var opset = ProtoBytes()
    opset.add(1, "")
    opset.add(2, 13)
    var model = ProtoBytes()
    model.add(1, 7)
    model.add(2, "netrun")
    model.add(3, version)
    model.add(8, opset)
    model.addHead(7, count: pieces.reduce(0) { $0 + $1.count })
    return [model.bytes] + pieces
  }
}
