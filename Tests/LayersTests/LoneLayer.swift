import Compute
import Prototxt
import Schema
import TestSupport
import Testing

@testable import Layers

/// A layer with bottoms and tops of its own, outside any net.
struct LoneLayer {
  let layer: any SampleLayer
  let bottoms: [Blob]
  let tops: [Blob]
  private let scratch: Blob

  /// Builds the layer of a text, which names type and parameters; bottoms and tops are added.
  init(_ text: String, _ shapes: [Shape], tops: Int? = nil, phase: Phase = .train) throws {
    let file = SourceFile(name: "t", bytes: Array(text.utf8))
    let message = try TextFormat.parse(file: file, as: .layer).message
    layer = try LoneLayer.make(message, bottoms: shapes.count, tops: tops ?? 1, phase)
    bottoms = shapes.enumerated().map { Blob("x\($0)", shape: $1) }
    self.tops = try layer.reshape(shapes).enumerated().map { Blob("y\($0)", shape: $1) }
    scratch = Blob("scratch", shape: [layer.scratchCount])
    for blob in bottoms + self.tops { _ = blob.gradient }
  }

  private static func make(
    _ message: Message, bottoms: Int, tops: Int, _ phase: Phase
  ) throws -> any SampleLayer {
    var message = message
    if !message.has("bottom") {
      for index in 0..<bottoms { message.append("bottom", .string("x\(index)")) }
      for index in 0..<tops { message.append("top", .string("y\(index)")) }
    }
    let type = try #require(LayerCatalog.type(named: message.string("type")))
    let context = LayerContext(workers: Workers(count: 1), seed: 5)
    return try #require(
      try type.init(LayerSpec(message, phase: phase), context) as? any SampleLayer)
  }

  /// Computes all samples, a few at a time.
  func forward(chunk: Int = 2) throws {
    try layer.beginForward(bottoms, tops)
    for start in stride(from: 0, to: layer.sampleCount, by: chunk) {
      let range = start..<min(layer.sampleCount, start + chunk)
      layer.forward(bottoms, tops, samples: range, scratch: scratch.values)
    }
    try layer.endForward(bottoms, tops)
  }

  /// Computes the gradients of the bottoms that are asked for, and of the parameters.
  func backward(_ propagate: [Bool]? = nil, learns: Bool = true, chunk: Int = 2) {
    let pass = BackwardPass(
      propagate: propagate ?? bottoms.map { _ in true },
      gradients: layer.parameters.map { learns ? $0.gradient : nil })
    layer.beginBackward(tops, bottoms, pass: pass)
    for start in stride(from: 0, to: layer.sampleCount, by: chunk) {
      let range = start..<min(layer.sampleCount, start + chunk)
      layer.backward(tops, bottoms, samples: range, pass: pass, scratch: scratch.values)
    }
  }
}

/// Expects that building a layer for bottoms of the shapes fails with the messages, with notes and
/// help behind a bar, at the places of the marks; a place is not compared where there is no mark.
func expectProblems(
  _ marked: String, _ shapes: [Shape], tops: Int = 1, _ messages: [String],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let text = MarkedText(marked)
  var found: [Diagnostic] = []
  do {
    _ = try LoneLayer(text.text, shapes, tops: tops)
  } catch let error as Diagnostics {
    found = error.all
  } catch let error as Diagnostic {
    found = [error]
  } catch {
    Issue.record(error, sourceLocation: sourceLocation)
  }
  let texts = found.map { diagnostic in
    var text = diagnostic.message
    for note in diagnostic.notes { text += " | \(note.message)" }
    if let help = diagnostic.help { text += " | \(help)" }
    return text
  }
  #expect(texts == messages, sourceLocation: sourceLocation)
  if !text.offsets.isEmpty {
    #expect(found.map { $0.location?.start } == text.offsets, sourceLocation: sourceLocation)
  }
}
