import Compute
import Prototxt
import Schema

/// Makes blobs of numbers by fillers: for tests and timings that need no data.
///
///     top = what its filler draws
///
/// Shapes: as given. Tops with a constant filler are filled once, others anew in each pass.
final class DummyData: BatchLayer {
  static let reference = LayerReference(
    "DummyData", .data,
    summary: "Makes blobs of numbers by fillers: for tests and timings that need no data.",
    formula: "top = what its filler draws", shapes: "tops: as given",
    notes: "Tops with a constant filler are filled once, others anew in each pass.",
    arity: Arity(0...0, 1...Arity.unlimited),
    parameters: [
      ParameterTable(
        "dummy_data_param",
        [
          "data_filler": "How tops are filled: none (with 0), one for all, or one for each.",
          "shape": "The shape of each top, or one for all.",
          "num": "Older form of the first size: one for all tops, or one for each.",
          "channels": "Older form of the second size.",
          "height": "Older form of the third size.",
          "width": "Older form of the fourth size.",
        ])
    ])
  static let samples = [
    LayerSample(
      "dummy_data_param { shape { dim: 2 dim: 3 } data_filler { type: 'gaussian' } }",
      bottoms: [], tops: 2, hasGradient: false),
    LayerSample(
      "dummy_data_param { num: 2 channels: 3 height: 1 height: 4 width: 2 data_filler { value: 1.5 } "
        + "data_filler { type: 'uniform' min: -1 } }", bottoms: [], tops: 2, hasGradient: false),
    LayerSample("dummy_data_param { shape { dim: 4 } }", bottoms: [], hasGradient: false),
  ]

  private static let oldFields = ["num", "channels", "height", "width"]

  private let shapes: [Shape]
  private let fillers: [Filler]
  private var random: RandomStream
  private var areConstantsFilled = false

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    shapes = try DummyData.shapes(spec)
    fillers = try DummyData.fillers(spec, shapes)
    random = context.random(spec, "values")
  }

  private static func fillers(_ spec: LayerSpec, _ shapes: [Shape]) throws -> [Filler] {
    let given = spec.parameters("dummy_data_param")
    let messages = given.messages("data_filler")
    let count = spec.tops.count
    guard [0, 1, count].contains(messages.count) else {
      throw spec.error(
        "has \(count) tops but \(messages.count) fillers", at: given.location("data_filler"),
        help: "give one data_filler for all tops, one for each, or none for zeros")
    }
    return try shapes.indices.map { index in
      guard !messages.isEmpty else { return Filler(.constant(0)) }
      let filler = try spec.filler(messages[messages.count == 1 ? 0 : index])
      try spec.check(filler, fits: shapes[index])
      return filler
    }
  }

  private static func shapes(_ spec: LayerSpec) throws -> [Shape] {
    let given = spec.parameters("dummy_data_param")
    let count = spec.tops.count
    guard let old = oldFields.first(where: given.has) else {
      let messages = given.messages("shape")
      try check(spec, given, "shape", messages.count)
      return try (0..<count).map { index in
        let place = messages.count == 1 ? 0 : index
        return try spec.shape(messages[place], at: given.location("shape", place))
      }
    }
    guard !given.has("shape") else {
      throw spec.error(
        "has both shape and the older \(old)", at: given.location(old),
        notes: [Note("shape is given here", at: given.location("shape"))], help: "keep shape")
    }
    let sizes = try oldFields.map { field in
      let sizes = given.ints(field)
      try check(spec, given, field, sizes.count)
      return sizes
    }
    return try (0..<count).map { index in
      guard let shape = Shape.checked(sizes.map { $0[$0.count == 1 ? 0 : index] }) else {
        throw spec.error("top '\(spec.tops[index])' would not fit in memory", at: given.location)
      }
      return shape
    }
  }

  private static func check(
    _ spec: LayerSpec, _ given: Message, _ field: String, _ count: Int
  ) throws {
    let tops = spec.tops.count
    guard count != 1, count != tops else { return }
    throw spec.error(
      count == 0 ? "\(field) is missing" : "has \(tops) tops but \(count) values of \(field)",
      at: given.location(field), help: "give one \(field) for all tops or one for each")
  }

  /// How many numbers have been drawn.
  var state: LayerState {
    get { LayerState(counters: [random.counter]) }
    set { random.counter = newValue.counters.first ?? 0 }
  }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] { shapes }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    for index in 0..<top.count {
      if case .constant = fillers[index].kind, areConstantsFilled { continue }
      fillers[index].fill(top[index], &random)
    }
    areConstantsFilled = true
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {}
}
