import ArgumentParser
import Compute
import Layers
import Nets
import Prototxt
import Schema

/// A shape that is given on the command line: `data=1,3,224,224`.
struct AssumedShape: ExpressibleByArgument {
  let top: String
  let shape: Shape

  init?(argument: String) {
    guard let equals = argument.lastIndex(of: "="), equals != argument.startIndex else {
      return nil
    }
    let sizes = argument[argument.index(after: equals)...]
      .split(omittingEmptySubsequences: false) { $0 == "," || $0 == "x" || $0 == "×" }
      .map { Int($0) }
    let known = sizes.compactMap { $0 }
    guard known.count == sizes.count, known.allSatisfy({ $0 > 0 }),
      let shape = Shape.checked(known)
    else { return nil }
    top = String(argument[..<equals])
    self.shape = shape
  }
}

/// Looks at nets whose data need not be here.
struct NetSketch {
  let shapes: [AssumedShape]
  let console: Console

  /// Builds a net without needing its data, filling its parameters or minding the machine's memory.
  ///
  /// - Throws: all that is wrong with the net, and which shapes cannot be known.
  func build(_ description: Message, folder: String?, state: NetState) throws -> Net {
    let layers = description.messages("layer").filter(state.includes)
    try requireShapes(layers)
    let files = FileResolver(folder: folder)
    var assumed = Dictionary(shapes.map { ($0.top, $0.shape) }, uniquingKeysWith: { $1 })
    assumed.merge(found(layers, files, state.phase)) { given, _ in given }
    let context = LayerContext(
      workers: Workers(count: 1), files: files, opensSources: false,
      assumedShapes: assumed, isSketch: true, remark: RemarkPrinter(console).remark)
    var options = Net.Options(state: state, context: context)
    options.mergesState = false
    // As the commands build nets: those that are trained run backward too.
    options.keeps = .only([])
    options.runsBackward = state.phase == .train
    return try Net(description, options: options)
  }

  /// The tops that any of the nets takes a shape for.
  static func tops(_ layers: [Message]) -> [String] {
    layers.filter(brings).flatMap { $0.strings("top") }
  }

  /// Whether a layer is one that brings values in from outside.
  private static func brings(_ layer: Message) -> Bool {
    let type = LayerCatalog.type(named: layer.string("type"))
    return type is any SourceLayer.Type || type is any InputLayer.Type
  }

  /// The shapes of data that are here, for layers of which no shape is given.
  ///
  /// Data that are not here, or cannot be read, are no error: their shape is asked for later.
  private func found(
    _ layers: [Message], _ files: FileResolver, _ phase: Phase
  ) -> [String: Shape] {
    var result: [String: Shape] = [:]
    let context = LayerContext(workers: Workers(count: 1), files: files)
    for message in layers {
      guard let type = LayerCatalog.type(named: message.string("type")) as? any SourceLayer.Type,
        !message.strings("top").contains(where: { top in shapes.contains { $0.top == top } })
      else { continue }
      let spec = LayerSpec(message, phase: phase, bottoms: [])
      guard let layer = try? type.init(spec, context), let found = try? layer.reshape([]) else {
        continue
      }
      for (top, shape) in zip(spec.tops, found) { result[top] = shape }
    }
    return result
  }

  /// Checks that inputs have a shape; the layers of data say so themselves.
  private func requireShapes(_ layers: [Message]) throws {
    var problems = Diagnostics()
    for layer in layers where layer.string("type") == "Input" {
      guard !layer.message("input_param").has("shape") else { continue }
      for (index, top) in layer.strings("top").enumerated()
      where !shapes.contains(where: { $0.top == top }) {
        problems.append(
          .error(
            "layer '\(layer.string("name"))' (Input): the net does not say which shape '\(top)' has",
            at: layer.location("top", index),
            help: "give it: --shape \(top)=1,CHANNELS,HEIGHT,WIDTH"))
      }
    }
    try problems.throwIfErrors()
  }
}
