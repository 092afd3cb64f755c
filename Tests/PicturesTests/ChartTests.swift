import Foundation
import Testing

@testable import Pictures

@Suite("Charts and pages")
struct ChartTests {
  @Test("Ticks are round numbers that hold all values between them")
  func linear() {
    let axis = Axis([0.13, 2.27], count: 5)
    #expect(axis.ticks.map(\.text) == ["0", "0.5", "1.0", "1.5", "2.0", "2.5"])
    #expect(axis.low == 0 && axis.high == 2.5 && axis.place(1.25) == 0.5)
    let tight = Axis([0.0, 1000], count: 4, isTight: true)
    #expect(tight.ticks.map(\.text) == ["0", "500", "1000"] && tight.high == 1000)
    #expect(Axis([0.0, 50_000], count: 5).ticks.map(\.text).last == "50k")
    #expect(Axis([-3.0, 4], count: 4).ticks.map(\.text) == ["-4", "-2", "0", "2", "4"])
  }

  @Test("Odd values do not break an axis")
  func odd() {
    let greatest = Double.greatestFiniteMagnitude
    let least = Double.leastNonzeroMagnitude
    for values in [
      [], [5.0], [0.0], [-2.0], [.nan, .infinity], [1e-30, 2e-30], [-1e300, 1e300],
      [-greatest, greatest], [greatest], [least, 4 * least, 0], [1e-300, 1e300], [least, greatest],
    ] {
      for isLogarithmic in [false, true] {
        let axis = Axis(values, isLogarithmic: isLogarithmic)
        #expect(axis.high > axis.low && axis.ticks.count < 40, "\(values)")
        for value in values where value.isFinite && (!isLogarithmic || value > 0) {
          let place = axis.place(value) ?? -1
          #expect(place >= -1e-9 && place <= 1 + 1e-9, "\(value) at \(place)")
        }
      }
    }
    #expect(Axis([0.0, 1], isLogarithmic: true).place(0) == nil)
  }

  @Test("A logarithmic axis has powers of ten")
  func logarithmic() {
    let axis = Axis([1e-5, 0.1], count: 4, isLogarithmic: true)
    #expect(axis.ticks.map(\.text) == ["1e-05", "0.0001", "0.001", "0.01", "0.1"])
    #expect(abs((axis.place(1e-3) ?? 0) - 0.5) < 1e-9)
  }

  @Test("Long curves are thinned and keep their peaks and gaps")
  func thinned() {
    var points = (0..<100_000).map { (x: Double($0), y: sin(Double($0) / 9000)) }
    points[4321].y = 50
    points[70_000].y = .nan
    let thin = LineChart.thinned(points, to: 600)
    #expect(thin.count < 2000 && thin.contains { $0.y == 50 } && thin.contains { $0.y.isNaN })
    #expect(zip(thin, thin.dropFirst()).allSatisfy { $0.x <= $1.x || $0.y.isNaN || $1.y.isNaN })
    #expect(thin.last?.x == 99_999)
  }

  @Test("Pictures and pages are well-formed, whatever names hold")
  func wellFormed() throws {
    let nasty = "a<b> & \"c\" \u{1} 'd'"
    let chart = LineChart(
      title: nasty, x: nasty, y: nasty, isLogarithmic: true,
      curves: [
        .init(nasty, [(0, 1), (1, .nan), (2, 0), (3, 7)], ink: .series(0)),
        .init("dots", [(0, 2), (3, 3)], ink: .series(9), look: .dashed),
        .init("", [], ink: .text, look: .faint),
      ]
    ).drawn()
    try check(chart.document)
    var page = Page(title: nasty)
    page.section(nasty)
    page.tiles([(nasty, nasty)])
    page.pictures([chart])
    page.wide(chart)
    page.table([.init(nasty), .init("n", isNumber: true)], [[nasty, "1"]])
    page.gallery([.init(image: "data:image/png;base64,AA==", lines: [nasty, "x"])])
    page.section("two")
    let text = page.document
    #expect(!text.contains("a<b>") && !text.contains("http:/") && !text.contains("https:/"))
    #expect(text.contains("prefers-color-scheme:dark") && text.contains("href=\"#part-2\""))
    #expect(
      text.components(separatedBy: "<div").count == text.components(separatedBy: "</div>").count)
  }

  private func check(_ document: String) throws {
    #expect(!document.contains("NaN") && !document.contains("nan "))
    let names = document.matches(of: /<(\/?)([a-z]+)[^>]*?(\/?)>/).map { $0.output }
    var open: [Substring] = []
    for name in names where name.3.isEmpty {
      if name.1.isEmpty { open.append(name.2) } else { #expect(open.popLast() == name.2) }
    }
    #expect(open.isEmpty)
  }
}

@Suite("Counts and bytes")
struct CountTests {
  @Test("Histograms count every finite value once")
  func histogram() {
    let found = Histogram([0, 0.5, 1, 1, 4, .nan, .infinity], bins: 4)
    #expect(found.counts == [2, 2, 0, 1] && found.low == 0 && found.high == 4)
    #expect(found.letters.count == 4 && found.letters.first == "█")
    #expect(Histogram([3, 3], bins: 3).counts == [2, 0, 0] && Histogram([]).letters.isEmpty)
    let chart = BarChart(title: "w", x: "value", found).drawn()
    #expect(chart.document.components(separatedBy: "<rect").count == 1 + 1 + 3)
  }

  @Test("Bytes as letters")
  func base64() {
    for (text, letters) in ["": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg=="] {
      #expect(DataAddress.base64(Array(text.utf8)) == letters)
    }
    #expect(DataAddress.base64([0xff, 0xef, 0xbe]) == "/+++")
  }

  @Test("A map of counts has a cell for each that is not 0, and a number in it")
  func map() {
    let map = HeatMap(title: "t", names: ["a", "b<"], counts: [3, 1, 0, 2]).drawn().document
    #expect(map.contains("a taken for b&lt;: 1, 25.0 %"))
    #expect(map.components(separatedBy: "<rect").count == 1 + 1 + 3 + 1)
    for count in [1, 30, 100] {
      let names = (0..<count).map(String.init)
      let large = HeatMap(
        title: "t", names: names, counts: Array(repeating: 1, count: count * count))
      #expect(large.drawn().height < 2000)
    }
  }
}
