/// A colour by what it is for: each has a value on light and one on dark ground.
public struct Ink: Sendable, Hashable {
  /// The name of its property in style sheets.
  public let name: String
  /// The colour on light ground, which also stands where style sheets do not reach.
  public let light: String
  /// The colour on dark ground.
  public let dark: String

  /// What is written.
  public static let text = Ink(name: "text", light: "#1f2430", dark: "#e6e8ee")
  /// What is written beside it, of less weight.
  public static let muted = Ink(name: "muted", light: "#5b6475", dark: "#a3abba")
  /// The lines behind a chart.
  public static let grid = Ink(name: "grid", light: "#e2e5eb", dark: "#333a47")
  /// Axes, frames and edges.
  public static let line = Ink(name: "line", light: "#8a93a3", dark: "#7d8798")
  /// The ground.
  public static let ground = Ink(name: "ground", light: "#ffffff", dark: "#14171d")
  /// The ground of a part that stands out.
  public static let panel = Ink(name: "panel", light: "#f5f6f9", dark: "#1d222b")
  /// What is right.
  public static let good = Ink(name: "good", light: "#16794a", dark: "#5fd39a")
  /// What is wrong.
  public static let bad = Ink(name: "bad", light: "#b42318", dark: "#ff8f80")
  /// What is written upon a strong colour.
  public static let inverse = Ink(name: "inverse", light: "#ffffff", dark: "#14171d")

  /// Colours of curves, bars and kinds of layers, that people who see fewer colours tell apart.
  public static let series: [Ink] = [
    Ink(name: "s0", light: "#1f66c1", dark: "#6db1ff"),
    Ink(name: "s1", light: "#c2500a", dark: "#ffa15c"),
    Ink(name: "s2", light: "#147d5a", dark: "#4fd1a5"),
    Ink(name: "s3", light: "#9b2f7f", dark: "#f08fd6"),
    Ink(name: "s4", light: "#6a52c7", dark: "#b4a2ff"),
    Ink(name: "s5", light: "#8a6d00", dark: "#e6c34a"),
    Ink(name: "s6", light: "#007c91", dark: "#57d0e3"),
    Ink(name: "s7", light: "#5c6470", dark: "#b5bcc8"),
  ]

  /// The colour of a curve by its number; they come round again.
  public static func series(_ index: Int) -> Ink { series[index % series.count] }

  static let all: [Ink] =
    [text, muted, grid, line, ground, panel, good, bad, inverse] + series

  /// The rules that give names their colours, for pictures and pages alike.
  static let styleSheet: String = {
    func properties(_ value: (Ink) -> String) -> String {
      all.map { "--\($0.name):\(value($0));" }.joined()
    }
    let classes = all.map {
      ".f-\($0.name){fill:var(--\($0.name))}.k-\($0.name){stroke:var(--\($0.name))}"
    }
    return """
      :root{color-scheme:light dark;\(properties(\.light))}
      @media (prefers-color-scheme:dark){:root{\(properties(\.dark))}}
      @media print{:root{color-scheme:light;\(properties(\.light))}}
      \(classes.joined(separator: "\n"))
      """
  }()
}
