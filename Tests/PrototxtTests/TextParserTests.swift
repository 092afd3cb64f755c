import TestSupport
import Testing

@testable import Prototxt

@Suite("The text parser")
struct TextParserTests {
  /// The tree in a form that is easy to compare: `a=1 b{c="x"} d[1,2]`.
  private func outline(_ text: String) -> String {
    let result = TextParser.parse(SourceFile(name: "t", bytes: Array(text.utf8)))
    #expect(result.diagnostics.isEmpty, "\(Diagnostics(result.diagnostics).rendered(color: false))")
    return outline(result.message)
  }

  private func outline(_ message: TextMessage) -> String {
    message.fields.map { field in
      let values = field.values.map(outline).joined(separator: ",")
      if field.isList { return "\(field.name)[\(values)]" }
      return values.hasPrefix("{") ? field.name + values : "\(field.name)=\(values)"
    }.joined(separator: " ")
  }

  private func outline(_ value: TextValue) -> String {
    switch value.content {
    case .number(let number): (number.isNegative ? "-" : "") + number.digits
    case .word(let word, let isNegative): (isNegative ? "-" : "") + word
    case .string(let bytes): "\"" + String(decoding: bytes, as: UTF8.self) + "\""
    case .message(let inner): "{" + outline(inner) + "}"
    }
  }

  @Test(
    "Everything that protobuf's text format allows",
    arguments: [
      ("", ""), ("# only a comment", ""), ("\u{feff}a: 1", "a=1"),
      ("a:1 b : 2\tc:3\r\nd:4\u{0c}", "a=1 b=2 c=3 d=4"),
      ("a: 1 # one\n#two\nb: 2", "a=1 b=2"),
      ("m { a: 1 }", "m{a=1}"), ("m: { a: 1 }", "m{a=1}"), ("m < a: 1 >", "m{a=1}"),
      ("m: <a:1 n{b:2}>", "m{a=1 n{b=2}}"), ("m{}", "m{}"),
      ("a: 1, b: 2; m { } , c: 3", "a=1 b=2 m{} c=3"),
      ("a: [1, 2,3]", "a[1,2,3]"), ("a: []", "a[]"), ("m [ {a:1}, <b:2> ]", "m[{a=1},{b=2}]"),
      (#"s: "a" 'b' "c""#, #"s="abc""#), ("s: 'it\\'s \"x\"'", "s=\"it's \"x\"\""),
      (#"s: "a\n\t\\\"\'\x41\102\7\u00e9\U0001F600""#, "s=\"a\n\t\\\"'AB\u{7}é😀\""),
      (#"s: "\ud83d\ude00""#, "s=\"😀\""), ("s: \"two\nlines\"", "s=\"two\nlines\""),
      ("s: '# no comment'", "s=\"# no comment\""), (#"s: "卷积""#, #"s="卷积""#),
      ("a: -1 b: - 2 c: -inf d: nan", "a=-1 b=-2 c=-inf d=nan"),
      ("a: 0x1F b: 017 c: 0", "a=0x1F b=017 c=0"),
      (
        "a: 1.5 b: .5 c: 5. d: 1e-3 e: 2.5E+4 f: 1.f g: 3F",
        "a=1.5 b=.5 c=5. d=1e-3 e=2.5E+4 f=1.f g=3F"
      ),
      ("e: MAX t: true", "e=MAX t=true"),
    ])
  func grammar(text: String, expected: String) {
    #expect(outline(text) == expected)
  }

  @Test(
    "Numbers are what their digits mean",
    arguments: [
      ("0", 0, 0.0), ("017", 15, nil), ("0x1f", 31, nil),
      ("18446744073709551615", UInt64.max, 0x1p64),
      ("99999999999999999999", nil, 1e20), ("1.5", nil, 1.5), ("2f", nil, 2),
      ("1e400", nil, .infinity),
      ("5.", nil, 5), (".5e1f", nil, 5),
    ] as [(String, UInt64?, Double?)])
  func numbers(text: String, magnitude: UInt64?, double: Double?) throws {
    let result = TextParser.parse(SourceFile(name: "t", bytes: Array("a: \(text)".utf8)))
    guard case .number(let number)? = result.message.fields.first?.values.first?.content else {
      Issue.record("\(text) is no number")
      return
    }
    #expect(number.magnitude == magnitude)
    #expect(number.double == double)
  }

  // MARK: Mistakes

  private func expect(
    _ marked: String, _ messages: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let marked = MarkedText(marked)
    let file = SourceFile(name: "t", bytes: Array(marked.text.utf8))
    let found = TextParser.parse(file).diagnostics
    #expect(found.map(\.message) == messages, sourceLocation: sourceLocation)
    #expect(found.map { $0.location?.start } == marked.offsets, sourceLocation: sourceLocation)
  }

  @Test("Every mistake of a text is told, with its place")
  func several() {
    expect(
      """
      name: "x"
      num_output 1️⃣5
      pad: 2️⃣}
      layer { top: 3️⃣"abc
        kernel: 4️⃣089
        stride: 5️⃣=2
        group 6️⃣= 1 }
      """,
      [
        "expected ':' or '{' after 'num_output', found '5'",
        "expected a value for 'pad', found '}'",
        "the string has no closing \"",
        "a number that begins with 0 is octal and has no digits 8 and 9",
        "'=' has no meaning here",
        "'=' has no meaning here",
      ])
  }

  @Test("Signs that only look right are recognised")
  func lookalikes() {
    expect("a1️⃣：5", ["'：' is not ':'"])
    expect("s: 1️⃣“x”\nb: 2", ["'“' is not '\"'"])
  }

  @Test("A value left out does not swallow the next field")
  func missingValue() {
    expect(
      "num_output:\n1️⃣bias_term: true", ["expected a value for 'num_output', found 'bias_term'"])
  }

  @Test("A missing brace is found by the indentation")
  func missingBrace() throws {
    let marked = MarkedText("1️⃣layer {\n  name: \"a\"\n2️⃣layer {\n  name: \"b\"\n}\n")
    let result = TextParser.parse(SourceFile(name: "t", bytes: Array(marked.text.utf8)))
    let diagnostic = try #require(result.diagnostics.first)
    #expect(result.diagnostics.count == 1)
    #expect(!result.isBalanced)
    #expect(diagnostic.message == "'layer' is not closed with '}'")
    #expect(diagnostic.location?.start == marked.offsets[0])
    #expect(diagnostic.notes.first?.location?.start == marked.offsets[1])
    #expect(diagnostic.notes.first?.message == "'}' is probably missing before this")
  }

  @Test("Braces that do not fit")
  func braces() {
    expect("a: 1 1️⃣}\nb: 2", ["'}' closes nothing"])
    expect("m < a: 1 1️⃣}\nb: 1", ["expected '>', found '}'"])
    expect("m [ { a: 1 } 1️⃣{ b: 2 } ]\nc: 3", ["expected ',' or ']', found '{'"])
    expect("1️⃣[ext.x]: 5\nb: 1", ["extensions in square brackets are no part of Caffe's files"])
  }

  @Test("Bad escapes and control characters")
  func escapes() {
    expect(#"s: "ab1️⃣\q" t: 1"#, [#"the escape '\q' means nothing"#])
    expect("a: 1️⃣\u{1}", ["a control character (byte 1) is no text"])
  }

  @Test(
    "Endless nesting is a diagnostic, not an overflow of the stack", arguments: ["a{", "a:<", "a["])
  func deep(unit: String) {
    let text = String(repeating: unit, count: 200_000)
    let result = TextParser.parse(SourceFile(name: "t", bytes: Array(text.utf8)))
    #expect(!result.diagnostics.isEmpty)
  }

  @Test("After a hundred mistakes it is enough")
  func many() {
    let text = String(repeating: "a = 1\n", count: 10_000)
    let result = TextParser.parse(SourceFile(name: "t", bytes: Array(text.utf8)))
    #expect((100...110).contains(result.diagnostics.count))
  }
}
