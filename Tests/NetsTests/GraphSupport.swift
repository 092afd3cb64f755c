import Compute
import Layers
import Nets
import Prototxt
import Schema
import TestSupport
import Testing

/// Nets made of texts.
enum Graph {
  /// The description in a text, brought into today's form.
  static func description(_ text: String) throws -> Message {
    try NetUpgrade(TextFormat.parse(text, as: .net)).net
  }

  static func net(
    _ text: String, _ phase: Phase = .train, level: Int = 0, stages: [String] = [],
    threads: Int = 1, seed: UInt64 = 7
  ) throws -> Net {
    let context = LayerContext(workers: Workers(count: threads), seed: seed)
    return try Net(
      try description(text),
      options: Net.Options(
        state: NetState(phase: phase, level: level, stages: stages), context: context))
  }

  /// A layer in one line; `rest` is what stands behind its tops.
  static func layer(
    _ type: String, _ name: String, _ bottoms: [String] = [], _ tops: [String] = [],
    _ rest: String = ""
  ) -> String {
    let bottoms = bottoms.map { " bottom: '\($0)'" }.joined()
    let tops = tops.map { " top: '\($0)'" }.joined()
    return "layer { name: '\(name)' type: '\(type)'\(bottoms)\(tops) \(rest) }\n"
  }

  /// A `DummyData` layer named `data` whose tops all are drawn anew in each pass.
  static func data(_ tops: [String], _ shape: [Int] = [4, 3], _ rest: String = "") -> String {
    let sizes = shape.map { "dim: \($0) " }.joined()
    return layer(
      "DummyData", "data", [], tops,
      "dummy_data_param { shape { \(sizes)} data_filler { type: 'gaussian' } } \(rest)")
  }

  /// A `DummyData` layer named `labels` with a label for each of `count` samples.
  static func labels(_ top: String = "label", _ count: Int = 4) -> String {
    layer(
      "DummyData", "labels", [], [top],
      "dummy_data_param { shape { dim: \(count) } data_filler { value: 1 } }")
  }

  /// An inner product with random weights.
  static func product(
    _ name: String, _ bottom: String, _ top: String, _ outputs: Int = 5, _ rest: String = ""
  ) -> String {
    layer(
      "InnerProduct", name, [bottom], [top],
      "inner_product_param { num_output: \(outputs) weight_filler { type: 'xavier' } } \(rest)")
  }

  static func softmaxLoss(_ name: String, _ bottoms: [String], _ rest: String = "") -> String {
    layer("SoftmaxWithLoss", name, bottoms, [name], rest)
  }
}

/// Expects a net to be refused with the messages, each with its label, notes and help, at the places
/// of the marks.
func expectRefused(
  _ marked: String, phase: Phase = .train, _ messages: String...,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let marked = MarkedText(marked)
  var found: [Diagnostic] = []
  do {
    _ = try Graph.net(marked.text, phase)
  } catch let error as Diagnostics {
    found = error.all
  } catch {
    Issue.record(error, sourceLocation: sourceLocation)
  }
  #expect(found.map(told) == messages, sourceLocation: sourceLocation)
  #expect(found.map { $0.location?.start } == marked.offsets, sourceLocation: sourceLocation)
}

/// A diagnostic in one line: message, label, notes, help.
func told(_ diagnostic: Diagnostic) -> String {
  var text = diagnostic.message
  if let label = diagnostic.label { text += " | \(label)" }
  for note in diagnostic.notes { text += " | \(note.message)" }
  if let help = diagnostic.help { text += " | \(help)" }
  return text
}
