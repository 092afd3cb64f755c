import Prototxt
import Testing

@testable import Schema

@Suite("Values in a text")
struct TextValueTests {
  @Test(
    "Truth values have many spellings",
    arguments: [
      ("true", true), ("True", true), ("t", true), ("1", true), ("0x1", true), ("false", false),
      ("False", false), ("f", false), ("0", false), ("00", false),
    ])
  func bools(text: String, value: Bool) throws {
    let net = try TextFormat.parse("force_backward: \(text)", as: .net)
    #expect(net.bool("force_backward") == value)
  }

  @Test("Enums go by name or by number")
  func enums() throws {
    for text in ["AVE", "1", "0x1"] {
      let layer = try TextFormat.parse("pooling_param { pool: \(text) }", as: .layer)
      #expect(layer.message("pooling_param").enumName("pool") == "AVE")
    }
  }

  @Test(
    "Floats",
    arguments: [
      ("5", 5), ("-0.5", -0.5), ("- 2", -2), (".5", 0.5), ("1e-3", 1e-3), ("2.5f", 2.5), ("3F", 3),
      ("inf", .infinity), ("-inf", -.infinity), ("Infinity", .infinity), ("1e-50", 0),
      ("18446744073709551616", 0x1p64), ("0.1", 0.1), ("16777217", 16_777_216),
    ] as [(String, Float)])
  func floats(text: String, value: Float) throws {
    #expect(try TextFormat.parse("base_lr: \(text)", as: .solver).float("base_lr") == value)
  }

  @Test("Printed floats read back as the same, in the fewest digits")
  func printedFloats() throws {
    let values: [Float] = [
      0, 1, -1, 0.1, 1e-8, 0.00390625, 1e20, 3.4028235e38, .leastNonzeroMagnitude, .infinity,
      -.infinity, .nan,
      0.999, 123_456_792,
    ]
    for value in values {
      var solver = Message(.solver)
      solver.set("base_lr", float: value)
      let printed = TextFormat.print(solver)
      #expect(try TextFormat.parse(printed, as: .solver) == solver)
    }
    #expect(
      TextFormat.print(try TextFormat.parse("base_lr: 0.01f", as: .solver)) == "base_lr: 0.01\n")
    #expect(TextFormat.print(try TextFormat.parse("base_lr: 10", as: .solver)) == "base_lr: 10\n")
  }

  @Test("Printed strings read back as the same")
  func printedStrings() throws {
    let text = "quotes \" ' back\\slash \n\r\t bell\u{7}1 卷积 😀 \u{7f}"
    var net = Message(.net)
    net.set("name", string: text)
    #expect(try TextFormat.parse(TextFormat.print(net), as: .net).string("name") == text)
    var datum = Message(.datum)
    datum.set("data", .bytes(Array(0...255)))
    #expect(try TextFormat.parse(TextFormat.print(datum), as: .datum) == datum)
  }

  @Test("The layout is protobuf's, fields in the order of their numbers")
  func layout() throws {
    let net = try TextFormat.parse(
      "layer { top: ['a', 'b'] include: { phase: TEST } type: 'X' name: 'n' } name: 'net'", as: .net
    )
    #expect(
      TextFormat.print(net) == """
        name: "net"
        layer {
          name: "n"
          type: "X"
          top: "a"
          top: "b"
          include {
            phase: TEST
          }
        }

        """)
  }
}
