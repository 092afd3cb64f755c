import Compute
import Layers
import Nets
import Prototxt
import Schema
import Synchronization
import TestSupport
import Testing

/// What is said of parameters and shapes that a layer cannot take, and where.
@Suite struct LayerDiagnosticTests {
  /// A mistake: inputs by shape, the layer with a mark where the message must point (without one, at the
  /// layer as such), and the message.
  struct Mistake: Sendable, CustomTestStringConvertible {
    let inputs: [[Int]]
    let layer: String
    let message: String

    init(_ inputs: [[Int]], _ layer: String, _ message: String) {
      self.inputs = inputs
      self.layer = layer
      self.message = message
    }

    var testDescription: String { message }
  }

  static let mistakes: [Mistake] = [
    Mistake(
      [[2, 3]], "type: 'ReLU' bottom: 'x0' top: 'x0' relu_param { negative_slope: 1️⃣-1 }",
      "cannot run in place with a negative_slope below 0"),
    Mistake(
      [[2, 3]],
      "type: 'InnerProduct' bottom: 'x0' top: 1️⃣'x0' inner_product_param { num_output: 3 }",
      "cannot work in place: top 'x0' has the name of its bottom"),
    Mistake(
      [[2, 3]], "type: 'Flatten' bottom: 'x0' top: 1️⃣'x0'",
      "cannot work in place: top 'x0' has the name of its bottom"),
    Mistake(
      [[2]], "type: 'Softmax' bottom: 'x0' top: 'y'", "axis 1 of a blob with 1 axes (2)"),
    Mistake(
      [[2, 3], [3]], "type: 'SoftmaxWithLoss' bottom: 'x0' bottom: 1️⃣'x1' top: 'y'",
      "the bottom of shape 2×3 holds 2 predictions over axis 1, but there are 3 labels (3)"),
    Mistake(
      [[2, 3], [2]],
      "type: 'Accuracy' bottom: 'x0' bottom: 'x1' top: 'y' accuracy_param { top_k: 1️⃣4 }",
      "top_k is 4, but there are only 3 classes (axis 1 of 2×3)"),
    Mistake(
      [[2, 3], [2]],
      "type: 'Accuracy' bottom: 'x0' bottom: 'x1' top: 'y' accuracy_param { top_k: 1️⃣0 }",
      "top_k is 0, so nothing could be right"),
    Mistake(
      [[2, 3], [2, 4], [5, 3]],
      "type: 'Concat' bottom: 'x0' bottom: 'x1' bottom: 1️⃣'x2' top: 'y'",
      "bottoms may differ along axis 1 only, but 'x0' is 2×3 and 'x2' is 5×3"),
    Mistake(
      [[2, 3], [2, 4, 1]], "type: 'Concat' bottom: 'x0' bottom: 1️⃣'x1' top: 'y'",
      "bottoms may differ along axis 1 only, but 'x0' is 2×3 and 'x1' is 2×4×1"),
    Mistake(
      [[2, 3]], "type: 'Concat' bottom: 'x0' top: 'y' concat_param { axis: 1 concat_dim: 1️⃣1 }",
      "has both axis and concat_dim"),
    Mistake(
      [[2, 3]], "type: 'Concat' bottom: 'x0' top: 'y' concat_param { concat_dim: 1️⃣2 }",
      "axis 2 of a blob with 2 axes (2×3)"),
    Mistake(
      [[2, 3], [3, 2]], "type: 'Eltwise' bottom: 'x0' bottom: 1️⃣'x1' top: 'y'",
      "bottoms must have one shape, but 'x0' is 2×3 and 'x1' is 3×2"),
    Mistake(
      [[2], [2]],
      "type: 'Eltwise' bottom: 'x0' bottom: 'x1' top: 'y' eltwise_param { coeff: 1️⃣1 }",
      "has 2 bottoms but 1 coefficients"),
    Mistake(
      [[2], [2]],
      "type: 'Eltwise' bottom: 'x0' bottom: 'x1' top: 'y' "
        + "eltwise_param { operation: PROD coeff: 1️⃣1 coeff: 2 }",
      "coeff goes with operation SUM, not with PROD"),
    Mistake(
      [[2, 3, 4]],
      "type: 'Flatten' bottom: 'x0' top: 'y' flatten_param { axis: 2 end_axis: 1️⃣0 }",
      "end_axis 0 comes before axis 2 in a blob of 3 axes (2×3×4)"),
    Mistake(
      [[2]], "type: 'Dropout' bottom: 'x0' top: 'y' dropout_param { dropout_ratio: 1️⃣1 }",
      "dropout_ratio is 1.0, but must be 0 or more and below 1"),
    Mistake(
      [[2]], "type: 'Dropout' bottom: 'x0' top: 'y' dropout_param { dropout_ratio: 1️⃣nan }",
      "dropout_ratio is nan, but must be 0 or more and below 1"),
    Mistake(
      [],
      "type: 'DummyData' top: 'a' top: 'b' top: 'c' dummy_data_param { shape { dim: 1 } "
        + "1️⃣data_filler {} data_filler {} }", "has 3 tops but 2 fillers"),
    Mistake([], "type: 'DummyData' top: 'a'", "shape is missing"),
    Mistake(
      [], "type: 'DummyData' top: 'a' dummy_data_param { shape { dim: 1 } num: 1️⃣2 }",
      "has both shape and the older num"),
    Mistake(
      [], "type: 'DummyData' top: 'a' 1️⃣dummy_data_param { num: 2 channels: 1 height: 1 }",
      "width is missing"),
    Mistake(
      [], "type: 'DummyData' top: 'a' dummy_data_param { shape { dim: 1️⃣-2 } }", "a size of -2"),
    Mistake(
      [],
      "type: 'DummyData' top: 'a' dummy_data_param { shape { dim: 1 } "
        + "data_filler { type: 1️⃣'zavier' } }", "unknown filler 'zavier'"),
  ]

  @Test("a mistake is named and shown", arguments: mistakes)
  func mistake(_ mistake: Mistake) throws {
    var text = ""
    for (index, sizes) in mistake.inputs.enumerated() {
      let dims = sizes.map { "dim: \($0) " }.joined()
      text +=
        "layer { name: 'in\(index)' type: 'Input' top: 'x\(index)' "
        + "input_param { shape { \(dims)} } }\n"
    }
    let layer = mistake.layer.contains("1️⃣") ? "layer" : "1️⃣layer"
    let marked = MarkedText(text + "\(layer) { name: 'l' \(mistake.layer) }")
    let found = #expect(throws: Diagnostics.self) {
      let description = try TextFormat.parse(marked.text, as: .net)
      _ = try Net(
        description,
        options: Net.Options(
          state: NetState(phase: .train), context: LayerContext(workers: Workers(count: 1))))
    }
    let diagnostic = try #require(found?.all.first)
    #expect(diagnostic.message.hasSuffix(": \(mistake.message)"), "\(diagnostic.message)")
    #expect(diagnostic.location?.start == marked.offsets.first, "\(diagnostic)")
    #expect(found?.all.count == 1)
  }

  @Test("sizes that no memory holds are refused, also beside an axis of 0")
  func sizes() throws {
    #expect(Shape.checked([0, 1 << 40, 1 << 40]) == nil)
    let part = Shape([0, Int.max / 16])
    var text = ""
    var layer = "layer { name: 'l' type: 'Concat' top: 'y'"
    for index in 0..<20 {
      text +=
        "layer { name: 'in\(index)' type: 'Input' top: 'x\(index)' "
        + "input_param { shape { dim: 0 dim: \(part[1]) } } }\n"
      layer += " bottom: 'x\(index)'"
    }
    let found = #expect(throws: Diagnostics.self) {
      _ = try Net(
        TextFormat.parse(text + layer + " }", as: .net),
        options: Net.Options(
          state: NetState(phase: .train), context: LayerContext(workers: Workers(count: 1))))
    }
    #expect(
      found?.all.first?.message
        == "layer 'l' (Concat): the blob of all bottoms would not fit in memory")
  }

  @Test("coefficients that have no effect are remarked on")
  func remark() throws {
    let remarks = Mutex<[String]>([])
    let text = """
      layer { name: 'x' type: 'Input' top: 'a' top: 'b' input_param { shape { dim: 2 } } }
      layer { name: 'l' type: 'Eltwise' bottom: 'a' bottom: 'b' top: 'y'
        eltwise_param { operation: MAX coeff: 1 coeff: 2 } }
      """
    _ = try Net(
      TextFormat.parse(text, as: .net),
      options: Net.Options(
        state: NetState(phase: .train),
        context: LayerContext(workers: Workers(count: 1)) { remark in
          remarks.withLock { $0.append(remark) }
        }))
    #expect(
      remarks.withLock { $0 } == ["layer 'l' (Eltwise): coeff has no effect with operation MAX"])
  }
}
