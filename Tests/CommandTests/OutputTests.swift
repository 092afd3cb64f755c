import Glibc
import Prototxt
import Testing

@testable import netrun

@Suite("What is shown")
struct OutputTests {
  @Test("Numbers read well")
  func numbers() {
    #expect(Numbers.general(Float(0.1)) == "0.1")
    #expect(Numbers.general(Float(2.297462)) == "2.29746")
    #expect(Numbers.general(1_000_000.0) == "1e+06")
    #expect(Numbers.general(Float.nan) == "nan")
    #expect(Numbers.grouped(0) == "0")
    #expect(Numbers.grouped(999) == "999")
    #expect(Numbers.grouped(431_080) == "431,080")
    #expect(Numbers.grouped(-1_234_567) == "-1,234,567")
    #expect(Numbers.duration(0.0032) == "3.20 ms")
    #expect(Numbers.duration(4.12) == "4.1 s")
    #expect(Numbers.duration(125) == "2:05 min")
    #expect(Numbers.duration(11220) == "3:07:00 h")
    #expect(Numbers.duration(.infinity) == "?")
    #expect(Numbers.percent(0.97214) == "97.21 %")
    #expect(Numbers.bytes(999) == "999 bytes")
    #expect(Numbers.bytes(1_500_000) == "1.5 MB")
    #expect(Numbers.count(1, "error") == "1 error")
    #expect(Numbers.count(2, "batch", plural: "batches") == "2 batches")
    #expect(Numbers.short(0) == "0")
    #expect(Numbers.short(1234.6) == "1,235")
  }

  @Test("Tables align their columns")
  func table() {
    var table = Table([.init("layer"), .init("values", .right)])
    table.append(["conv1", "1,234"])
    table.append(["an_inner_product", "5"])
    table.appendRule()
    table.append(["total", "1,239"])
    #expect(
      table.rendered(Style(isOn: false)) == """
        layer             values
        conv1              1,234
        an_inner_product       5
        ────────────────────────
        total              1,239

        """)
  }

  @Test("Names give way where a terminal is narrow")
  func narrow() {
    var table = Table([.init("layer"), .init("values", .right)])
    table.append(["inception_3a/pool_projection", "5"])
    let lines = table.rendered(Style(isOn: false), width: 24).split(separator: "\n")
    #expect(lines[1] == "inception_3a/po…       5")
    #expect(lines.allSatisfy { $0.count <= 24 })
    var wide = Table([.init("layer"), .init("type"), .init("parameters", .right)])
    wide.append(["conv1", "Convolution", "5"])
    #expect(
      wide.rendered(Style(isOn: false), width: 20)
        == "layer  type\nconv1  Convolution\n")
  }

  @Test("Colours are for terminals that want them")
  func colors() {
    #expect(Terminal.wantsColors(noColor: nil, terminal: "xterm"))
    #expect(Terminal.wantsColors(noColor: "", terminal: "xterm"))
    #expect(!Terminal.wantsColors(noColor: "1", terminal: "xterm"))
    #expect(!Terminal.wantsColors(noColor: nil, terminal: "dumb"))
    #expect(Style(isOn: false).bold("x") == "x")
    #expect(Style(isOn: true).bold("x") == "\u{1b}[1mx\u{1b}[0m")
  }

  @Test("JSON is written as others read it")
  func json() {
    let value = JSON.members([
      "a": .int(1), "b": nil, "c": .array([.float(0.5), .float(2), .float(.nan)]),
      "d": .string("x\"\\\n\u{1}é"), "e": .bool(true), "f": .double(1e-7),
    ])
    #expect(
      value.text
        == #"{"a": 1, "c": [0.5, 2, null], "d": "x\"\\\n\u0001é", "e": true, "f": 1e-07}"#)
    let nested = JSON.members(["a": .members(["b": .int(1)]), "c": .array([.members([:])])])
    #expect(nested.indented() == "{\n  \"a\": {\n    \"b\": 1\n  },\n  \"c\": [\n    {}\n  ]\n}")
  }

  @Test("The live line is erased, cut to the width, and comes back below what scrolls")
  func liveLine() {
    let sink = StringSink()
    let live = LiveLine(sink, width: { 11 })
    live.update(at: 0) { "iteration 1 of 9" }
    live.update(at: 0.05) { "too early" }
    live.scroll("kept\n")
    live.update(at: 0.2) { "two" }
    live.finish()
    live.finish()
    #expect(
      sink.text == "\r\u{1b}[Kiteration \r\u{1b}[Kkept\niteration \r\u{1b}[Ktwo\r\u{1b}[K")
  }

  @Test("Codes of colours take no columns")
  func cut() {
    let text = "\u{1b}[1mabc\u{1b}[0m def"
    #expect(LiveLine.cut(text, to: 4) == "\u{1b}[1mabc\u{1b}[0m ")
    #expect(LiveLine.cut(text, to: 2) == "\u{1b}[1mab\u{1b}[0m")
  }

  @Test("A reader that goes away loses the rest, and nothing else happens")
  func closedPipe() {
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    let sink = DescriptorSink(ends[1])
    sink.write("one\n")
    close(ends[0])
    sink.write("two\n")
    #expect(sink.isClosed)
    sink.write("three\n")
    close(ends[1])
  }
}

@Suite("How a command fails")
struct FailureTests {
  @Test(
    "The first error decides the exit code",
    arguments: [
      (Diagnostic.Kind.usage, 64), (.badInput, 65), (.missingInput, 66), (.inputOutput, 74),
      (.runFailed, 1),
    ] as [(Diagnostic.Kind, Int32)])
  func exitCodes(kind: Diagnostic.Kind, code: Int32) {
    let failure = Failure(Diagnostic.error("no", kind: kind), color: false)
    #expect(failure?.exitCode == code)
    #expect(failure?.text == "error: no\n")
  }

  @Test("All errors are shown and counted, warnings are not")
  func count() {
    let failure = Failure(
      Diagnostics([.warning("w", kind: .usage), .error("a"), .error("b", kind: .runFailed)]),
      color: false)
    #expect(failure.text == "warning: w\nerror: a\nerror: b\n2 errors\n")
    #expect(failure.exitCode == 65)
  }
}

@Suite("The machine")
struct MachineTests {
  @Test("The processor's name and instructions are read")
  func cpu() {
    let text = """
      processor\t: 0
      model name\t: Example CPU @ 2.00GHz
      flags\t\t: fpu sse avx2 fma avx512f avx512vl

      processor\t: 1
      model name\t: Another
      """
    let cpu = CPU(cpuinfo: text)
    #expect(cpu.model == "Example CPU @ 2.00GHz")
    #expect(cpu.hasAVX2 && cpu.hasFMA && cpu.hasAVX512)
    #expect(!CPU(cpuinfo: "flags : sse avx2").hasAVX512)
    #expect(CPU(cpuinfo: "").model == "unknown")
  }

  @Test("Kernels of OpenBLAS that leave instructions unused are remarked upon")
  func advice() {
    let forced = BLASAdvice(core: "Haswell", override: "Haswell", best: .avx512)
    #expect(forced.alternative == .some(nil))
    #expect(
      forced.remark(now: 60, then: 110)
        == "OPENBLAS_CORETYPE=Haswell makes OpenBLAS use its 'Haswell' kernels, which leave AVX-512 "
        + "unused: 'unset OPENBLAS_CORETYPE' gives 110 instead of 60 GFLOP/s on one thread")
    #expect(forced.remark(now: 60, then: 61) == nil)
    let chosen = BLASAdvice(core: "Zen", override: nil, best: .avx512)
    #expect(
      chosen.remark(now: 60, then: 110)?.contains("export OPENBLAS_CORETYPE=SkylakeX") == true)
    #expect(BLASAdvice(core: "Cooperlake", override: nil, best: .avx512).alternative == nil)
    #expect(BLASAdvice(core: "Haswell", override: nil, best: .avx2).alternative == nil)
    let old = BLASAdvice(core: "Prescott", override: "Prescott", best: .avx2)
    #expect(old.remark(now: 20, then: 60)?.contains("leave AVX2 unused: 'unset") == true)
  }
}
