import Prototxt
import TestSupport
import Testing

@testable import Schema

@Suite("What is wrong with a text")
struct TextDiagnosticTests {
  /// Expects the messages, with their labels, notes and help, at the places of the marks.
  private func expect(
    _ marked: String, as type: MessageType = .net, _ messages: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let marked = MarkedText(marked)
    let file = SourceFile(name: "t", bytes: Array(marked.text.utf8))
    var found: [Diagnostic] = []
    do {
      found = try TextFormat.parse(file: file, as: type).warnings
    } catch {
      found = error.all
    }
    let texts = found.map { diagnostic in
      var text = diagnostic.message
      if let label = diagnostic.label { text += " | \(label)" }
      for note in diagnostic.notes { text += " | \(note.message)" }
      if let help = diagnostic.help { text += " | \(help)" }
      return text
    }
    #expect(texts == messages, sourceLocation: sourceLocation)
    #expect(found.map { $0.location?.start } == marked.offsets, sourceLocation: sourceLocation)
  }

  @Test("Unknown fields, with what was probably meant")
  func unknownFields() {
    expect(
      "layer { convolution_param { 1️⃣kernel_sise: 5 } }",
      "unknown field 'kernel_sise' in ConvolutionParameter | did you mean 'kernel_size'?")
    expect(
      "layer { type: 'InnerProduct' 1️⃣num_output: 5 }",
      "unknown field 'num_output' in LayerParameter | it belongs into 'inner_product_param { }'")
    expect(
      "1️⃣base_lr: 0.1", "unknown field 'base_lr' in NetParameter | it is a field of SolverParameter")
    expect("1️⃣zzzzzzzz: 1", "unknown field 'zzzzzzzz' in NetParameter")
  }

  @Test("A field of one value that is set twice")
  func twice() {
    expect(
      "name: 'a'\n1️⃣name: 'b'\nstate { phase: TRAIN }\n2️⃣state { level: 1 }",
      "'name' is set a second time | first set here",
      "'state' is set a second time | first set here")
    expect("name: [1️⃣'a', 'b']", "'name' takes one value, not a list")
  }

  @Test("Values of the wrong type")
  func wrongTypes() {
    expect(
      """
      name: 1️⃣5
      layer {
        type: 2️⃣Convolution
        bottom: 3️⃣1.5
        phase: 4️⃣"TRAIN"
        convolution_param {
          num_output: 5️⃣"20"
          bias_term: 6️⃣2
          pad: 7️⃣1.5
          weight_filler: 8️⃣"xavier"
        }
        9️⃣type { }
      }
      """,
      "'name' takes a string in quotes, found 5",
      "'type' takes a string in quotes, found 'Convolution' | put it in quotes: \"Convolution\"",
      "'bottom' takes a string in quotes, found 1.5",
      "'phase' takes a name without quotes, not a string | write it without quotes: TRAIN",
      "'num_output' takes a whole number, not negative, found a string",
      "'bias_term' takes true or false, found 2",
      "'pad' takes a whole number, not negative, found 1.5",
      "'weight_filler' is a message, not a single value | "
        + "write weight_filler { ... } with fields of FillerParameter in the braces",
      "'type' is set a second time | first set here")
    expect("1️⃣name { }", "'name' takes a string in quotes, not a message")
  }

  @Test("Numbers out of range")
  func ranges() {
    expect(
      "layer { pooling_param { pad: 1️⃣-1 kernel_size: 2️⃣4294967296 } }",
      "'pad' takes a whole number from 0 to 4294967295",
      "'kernel_size' takes a whole number from 0 to 4294967295")
    expect(
      "iter_size: 1️⃣2147483648 max_iter: -2147483648 random_seed: -9223372036854775808", as: .solver,
      "'iter_size' takes a whole number from -2147483648 to 2147483647")
    expect(
      "base_lr: 1️⃣1e40", as: .solver,
      "the number is too large for a float and counts as infinite")
    expect(
      "base_lr: 1️⃣010", as: .solver,
      "'base_lr' takes a decimal number | a number that begins with 0 is octal or hexadecimal")
  }

  @Test("Enums")
  func enums() {
    expect(
      "layer { pooling_param { pool: 1️⃣MAXX } }",
      "'MAXX' is no value of 'pool' | did you mean MAX? | MAX, AVE or STOCHASTIC")
    expect(
      "layer { pooling_param { pool: 1️⃣7 } }",
      "7 is no value of 'pool' | MAX, AVE or STOCHASTIC")
    expect(
      "layer { pooling_param { pool: 1️⃣-1 } }",
      "-1 is no value of 'pool' | MAX, AVE or STOCHASTIC")
  }

  @Test("Required fields that are missing")
  func missing() {
    expect("layer { 1️⃣clip_param { min: 0 } }", "ClipParameter needs a value for 'max'")
  }

  @Test("Where a brace is missing, fields are not said to be unknown")
  func unbalanced() {
    expect(
      "1️⃣layer {\n  name: 'a'\nlayer {\n  name: 'b'\n}",
      "'layer' is not closed with '}' | '}' is probably missing before this")
  }

  @Test("Mistakes of grammar and of meaning come in the order of the text")
  func order() {
    expect(
      "1️⃣nam: 'x'\nlayer { name: 2️⃣} \n3️⃣foo: 1",
      "unknown field 'nam' in NetParameter | did you mean 'name'?",
      "expected a value for 'name', found '}'", "unknown field 'foo' in NetParameter")
  }

  @Test("Strings that are no UTF-8 are read with a warning")
  func notUTF8() throws {
    let file = SourceFile(
      name: "t", bytes: Array("name: \"".utf8) + [0xb0, 0xa1] + Array("\"".utf8))
    let (net, warnings) = try TextFormat.parse(file: file, as: .net)
    #expect(warnings.count == 1)
    #expect(net.string("name").contains("\u{fffd}"))
  }
}
