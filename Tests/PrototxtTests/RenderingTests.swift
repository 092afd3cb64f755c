import Foundation
import Testing

@testable import Prototxt

@Suite("Rendered diagnostics")
struct RenderingTests {
  private static let file = SourceFile(
    name: "lenet.prototxt", bytes: Array("layer {\n\tkernel_sise: 5  # 卷积 size\n}\n".utf8))

  private static func range(_ text: String) -> SourceRange {
    let whole = String(decoding: file.bytes, as: UTF8.self)
    let start = whole.range(of: text)?.lowerBound ?? whole.startIndex
    let offset = whole.utf8.distance(from: whole.startIndex, to: start)
    return SourceRange(file: file, start: offset, end: offset + text.utf8.count)
  }

  @Test("The line is shown with a caret, tildes, the label, notes and help")
  func full() {
    let diagnostic = Diagnostic.error(
      "unknown field 'kernel_sise'", at: Self.range("kernel_sise"),
      label: "did you mean 'kernel_size'?",
      notes: [Note("in this layer", at: Self.range("layer")), Note("nowhere")],
      help: "see the list of fields")
    #expect(
      diagnostic.rendered(color: false) == """
        lenet.prototxt:2:2: error: unknown field 'kernel_sise'
           2 | \tkernel_sise: 5  # 卷积 size
             | \t^~~~~~~~~~~ did you mean 'kernel_size'?
        lenet.prototxt:1:1: note: in this layer
           1 | layer {
             | ^~~~~
        note: nowhere
        help: see the list of fields
        """)
  }

  @Test("Wide characters take two columns")
  func wide() {
    let diagnostic = Diagnostic.warning("small", at: Self.range("size"))
    #expect(
      diagnostic.rendered(color: false) == """
        lenet.prototxt:2:23: warning: small
           2 | \tkernel_sise: 5  # 卷积 size
             | \t                       ^~~~
        """)
    let chinese = Diagnostic.warning("wide", at: Self.range("卷积"))
    #expect(chinese.rendered(color: false).hasSuffix("\n     | \t                  ^~~~"))
  }

  @Test("A file that is no text stands in front by its path")
  func path() {
    let diagnostic = Diagnostic.error("is empty", path: "w.caffemodel", help: "give another")
    #expect(
      diagnostic.rendered(color: false) == "w.caffemodel: error: is empty\nhelp: give another")
    #expect(Diagnostic.error("no place").rendered(color: false) == "error: no place")
  }

  @Test("Colours change nothing but colours")
  func color() {
    let diagnostic = Diagnostic.error("bad", at: Self.range("layer"), label: "here", help: "do")
    let colored = diagnostic.rendered(color: true)
    #expect(colored.contains("\u{1b}[1;31merror: "))
    var plain = ""
    var isInside = false
    for character in colored {
      if character == "\u{1b}" { isInside = true }
      if !isInside { plain.append(character) }
      if character == "m" { isInside = false }
    }
    #expect(plain == diagnostic.rendered(color: false))
  }

  @Test("Of an endless line only the surroundings are shown, and nothing that commands a terminal")
  func endless() {
    let text =
      String(repeating: "x", count: 5000) + "\u{1b}[2J" + String(repeating: "y", count: 500)
    let file = SourceFile(name: "a", bytes: Array(text.utf8))
    let range = SourceRange(file: file, start: 5000, end: 5004)
    let lines = Diagnostic.error("no", at: range).rendered(color: false).split(separator: "\n")
    #expect(lines[1].count < 300)
    #expect(!lines[1].contains("\u{1b}"))
  }

  @Test(
    "Ranges outside of the text are no crash", arguments: [(-5, -1), (3, 1), (99, 999), (0, 0)])
  func outside(start: Int, end: Int) {
    let range = SourceRange(file: Self.file, start: start, end: end)
    #expect(!Diagnostic.error("no", at: range).rendered(color: false).isEmpty)
    let empty = SourceFile(name: "e", bytes: [])
    let inEmpty = SourceRange(file: empty, start: start, end: end)
    #expect(Diagnostic.error("no", at: inEmpty).rendered(color: false).hasPrefix("e:1:1: "))
  }

  @Test("Each kind of error has its exit code")
  func exitCodes() {
    let codes: [(Diagnostic.Kind, Int32)] = [
      (.usage, 64), (.badInput, 65), (.missingInput, 66), (.inputOutput, 74), (.runFailed, 1),
    ]
    for (kind, code) in codes { #expect(kind.exitCode == code) }
  }
}
