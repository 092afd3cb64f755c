/// A picture of lines, areas and words, as text.
///
/// Colours are given twice: as attributes for light ground, which every program understands, and as
/// classes whose style follows the reader's choice of light or dark.
public struct SVG {
  /// Where a text stands from its point.
  public enum Anchor: String, Sendable {
    /// It begins there.
    case start
    /// Its middle is there.
    case middle
    /// It ends there.
    case end
  }

  /// The size in pixels.
  public let width: Double, height: Double
  /// What the picture shows, for those who do not see it.
  public let label: String
  private var body = ""

  /// Makes an empty picture.
  public init(width: Double, height: Double, label: String) {
    (self.width, self.height, self.label) = (width, height, label)
  }

  // MARK: Parts

  /// Draws a line.
  public mutating func line(
    _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ ink: Ink, width: Double = 1,
    dash: String? = nil
  ) {
    element(
      "line",
      "x1=\"\(n(x1))\" y1=\"\(n(y1))\" x2=\"\(n(x2))\" y2=\"\(n(y2))\" "
        + SVG.stroke(ink, width, dash), nil)
  }

  /// Draws a rectangle; `tip` is shown where the pointer rests.
  public mutating func rect(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, fill: Ink?, stroke: Ink? = nil,
    radius: Double = 0, opacity: Double = 1, dash: String? = nil, tip: String? = nil
  ) {
    var text =
      "x=\"\(n(x))\" y=\"\(n(y))\" width=\"\(n(max(0, width)))\" height=\"\(n(max(0, height)))\""
    if radius > 0 { text += " rx=\"\(n(radius))\"" }
    if opacity < 1 { text += " fill-opacity=\"\(n(opacity))\"" }
    text += " " + SVG.paint(fill, stroke, 1, dash)
    element("rect", text, tip)
  }

  /// Draws a dot.
  public mutating func circle(
    _ x: Double, _ y: Double, _ radius: Double, fill: Ink, tip: String? = nil
  ) {
    element(
      "circle", "cx=\"\(n(x))\" cy=\"\(n(y))\" r=\"\(n(radius))\" \(SVG.paint(fill, nil, 1, nil))",
      tip)
  }

  /// Draws a path, of SVG's own commands.
  public mutating func path(
    _ commands: String, fill: Ink? = nil, stroke: Ink? = nil, width: Double = 1,
    dash: String? = nil, opacity: Double = 1, tip: String? = nil
  ) {
    var text = "d=\"\(commands)\" " + SVG.paint(fill, stroke, width, dash)
    if stroke != nil { text += " stroke-linejoin=\"round\"" }
    if opacity < 1 { text += " opacity=\"\(n(opacity))\"" }
    element("path", text, tip)
  }

  /// Writes a line of text.
  ///
  /// With a halo the ground shows around the letters, where lines run behind them; turned text runs
  /// upward.
  public mutating func text(
    _ x: Double, _ y: Double, _ text: String, size: Double = 12, anchor: Anchor = .start,
    ink: Ink = .text, isBold: Bool = false, hasHalo: Bool = false, turned: Bool = false,
    tip: String? = nil
  ) {
    var attributes = "x=\"\(n(x))\" y=\"\(n(y))\" font-size=\"\(n(size))\" "
    if anchor != .start { attributes += "text-anchor=\"\(anchor.rawValue)\" " }
    if isBold { attributes += "font-weight=\"600\" " }
    if turned { attributes += "transform=\"rotate(-90 \(n(x)) \(n(y)))\" " }
    if hasHalo {
      // The same text below, thick in the ground's colour: not every program paints strokes first.
      body +=
        "<text \(attributes)\(SVG.paint(.ground, .ground, 4, nil)) stroke-linejoin=\"round\">"
        + "\(SVG.escaped(text))</text>\n"
    }
    let title = tip.map { "<title>\(SVG.escaped($0))</title>" } ?? ""
    body +=
      "<text \(attributes)\(SVG.paint(ink, nil, 1, nil))>\(title)\(SVG.escaped(text))</text>\n"
  }

  /// Draws an image that is given as a `data:` address, each of its points a sharp square.
  public mutating func image(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, address: String
  ) {
    body +=
      "<image x=\"\(n(x))\" y=\"\(n(y))\" width=\"\(n(width))\" height=\"\(n(height))\" "
      + "style=\"image-rendering:pixelated\" href=\"\(SVG.escaped(address))\"/>\n"
  }

  /// Puts another picture at a place.
  public mutating func place(_ other: SVG, _ x: Double, _ y: Double) {
    body += "<g transform=\"translate(\(n(x)) \(n(y)))\">\n\(other.body)</g>\n"
  }

  // MARK: Whole pictures

  /// The picture as a file of its own.
  public var document: String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" \(SVG.size(width, height)) role="img" \
    aria-label="\(SVG.escaped(label))" \(SVG.font)>
    <style>
    \(Ink.styleSheet)
    </style>
    <rect width="100%" height="100%" \(SVG.paint(.ground, nil, 1, nil))/>
    \(body)</svg>

    """
  }

  /// The picture as a part of a page, which brings the style.
  ///
  /// One that `scales` shrinks with the page; others keep their size.
  public func inline(scales: Bool = true) -> String {
    let size = SVG.size(width, height)
    let style =
      scales
      ? "style=\"width:100%;max-width:\(n(width * 1.25))px;height:auto\" " : "class=\"wide\" "
    return "<svg \(size) \(style)role=\"img\" aria-label=\"\(SVG.escaped(label))\" \(SVG.font)>\n"
      + "\(body)</svg>\n"
  }

  private static let font =
    "font-family=\"system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif\""

  private static func size(_ width: Double, _ height: Double) -> String {
    "width=\"\(n(width))\" height=\"\(n(height))\" viewBox=\"0 0 \(n(width)) \(n(height))\""
  }

  private mutating func element(_ name: String, _ attributes: String, _ tip: String?) {
    if let tip {
      body += "<\(name) \(attributes)><title>\(SVG.escaped(tip))</title></\(name)>\n"
    } else {
      body += "<\(name) \(attributes)/>\n"
    }
  }

  private static func stroke(_ ink: Ink, _ width: Double, _ dash: String?) -> String {
    paint(nil, ink, width, dash, namesFill: false)
  }

  private static func paint(
    _ fill: Ink?, _ stroke: Ink?, _ width: Double, _ dash: String?, namesFill: Bool = true
  ) -> String {
    var classes: [String] = []
    var parts: [String] = []
    if let fill {
      classes.append("f-\(fill.name)")
      parts.append("fill=\"\(fill.light)\"")
    } else if namesFill {
      parts.append("fill=\"none\"")
    }
    if let stroke {
      classes.append("k-\(stroke.name)")
      parts.append("stroke=\"\(stroke.light)\"")
      if width != 1 { parts.append("stroke-width=\"\(n(width))\"") }
      if let dash { parts.append("stroke-dasharray=\"\(dash)\"") }
    }
    if !classes.isEmpty { parts.insert("class=\"\(classes.joined(separator: " "))\"", at: 0) }
    return parts.joined(separator: " ")
  }

  // MARK: Text

  /// A text with what has a meaning in XML written otherwise, and without what XML cannot hold.
  public static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x20 || scalar.value == 0x7f: result += "\u{fffd}"
      case "\u{fffe}", "\u{ffff}": result += "\u{fffd}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// About how wide a text is in a sans-serif face.
  public static func width(_ text: String, size: Double) -> Double {
    var sum = 0.0
    for scalar in text.unicodeScalars {
      switch scalar {
      case "i", "l", "j", ".", ",", ":", ";", "'", "|", "!", " ", "(", ")", "[", "]", "/", "·":
        sum += 0.34
      case "f", "t", "r", "-", "I": sum += 0.42
      case "m", "w", "M", "W", "@", "%": sum += 0.93
      case _ where scalar.properties.isUppercase: sum += 0.71
      case _ where scalar.value > 0x2e80: sum += 1
      default: sum += 0.61
      }
    }
    return sum * size
  }

  private func n(_ value: Double) -> String { SVG.n(value) }

  /// A coordinate with two decimals at most.
  static func n(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e9 else { return "0" }
    let rounded = (value * 100).rounded() / 100
    return rounded == rounded.rounded() ? String(Int(rounded)) : "\(rounded)"
  }
}
