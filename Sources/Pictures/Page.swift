/// A web page that needs nothing but itself: no script, no font, no picture from elsewhere.
public struct Page {
  /// What the page is about.
  public let title: String
  private var body = ""
  private var sections: [(anchor: String, title: String)] = []

  /// Makes an empty page.
  public init(title: String) { self.title = title }

  // MARK: Parts

  /// Begins a part; with several the page begins with links to them.
  public mutating func section(_ title: String) {
    let anchor = "part-\(sections.count + 1)"
    sections.append((anchor, title))
    body += "<h2 id=\"\(anchor)\">\(SVG.escaped(title))</h2>\n"
  }

  /// Begins a smaller part.
  public mutating func heading(_ title: String) { body += "<h3>\(SVG.escaped(title))</h3>\n" }

  /// Adds a paragraph of plain text.
  public mutating func paragraph(_ text: String) { body += "<p>\(SVG.escaped(text))</p>\n" }

  /// Adds lines that keep their blanks and breaks.
  public mutating func code(_ text: String) { body += "<pre>\(SVG.escaped(text))</pre>\n" }

  /// Adds a few numbers in large letters, each with what it is.
  public mutating func tiles(_ tiles: [(value: String, name: String)]) {
    body += "<dl class=\"tiles\">\n"
    for tile in tiles {
      body +=
        "<div><dt>\(SVG.escaped(tile.name))</dt><dd>\(SVG.escaped(tile.value))</dd></div>\n"
    }
    body += "</dl>\n"
  }

  /// Adds pictures side by side where there is room.
  public mutating func pictures(_ pictures: [SVG]) {
    body += "<div class=\"charts\">\n"
    for picture in pictures { body += "<figure>\(picture.inline())</figure>\n" }
    body += "</div>\n"
  }

  /// Adds a picture that is scrolled where it is wider than the page.
  public mutating func wide(_ picture: SVG) {
    body += "<div class=\"scroll\">\(picture.inline(scales: false))</div>\n"
  }

  /// A table's column: its title, and whether its cells are numbers.
  public struct Column: Sendable {
    let title: String
    let isNumber: Bool

    /// Makes a column.
    public init(_ title: String, isNumber: Bool = false) {
      (self.title, self.isNumber) = (title, isNumber)
    }
  }

  /// Adds a table.
  public mutating func table(_ columns: [Column], _ rows: [[String]]) {
    func cells(_ texts: [String], _ name: String) -> String {
      zip(columns, texts).map { column, text in
        "<\(name)\(column.isNumber ? " class=\"n\"" : "")>\(SVG.escaped(text))</\(name)>"
      }.joined()
    }
    body += "<div class=\"scroll\"><table>\n<thead><tr>\(cells(columns.map(\.title), "th"))</tr>"
    body += "</thead>\n<tbody>\n"
    for row in rows { body += "<tr>\(cells(row, "td"))</tr>\n" }
    body += "</tbody></table></div>\n"
  }

  /// A picture of a gallery, with lines below it.
  public struct Card: Sendable {
    let image: String?
    let lines: [String]

    /// Makes a card; `image` is a `data:` address.
    public init(image: String?, lines: [String]) { (self.image, self.lines) = (image, lines) }
  }

  /// Adds cards in as many columns as there is room for; their points stay sharp.
  public mutating func gallery(_ cards: [Card]) {
    body += "<div class=\"gallery\">\n"
    for card in cards {
      body += "<figure>"
      if let image = card.image {
        body += "<img alt=\"\(SVG.escaped(card.lines.first ?? ""))\" src=\"\(SVG.escaped(image))\">"
      }
      let lines = card.lines.enumerated().map { index, line in
        index == 0 ? "<b>\(SVG.escaped(line))</b>" : SVG.escaped(line)
      }
      body += "<figcaption>\(lines.joined(separator: "<br>"))</figcaption></figure>\n"
    }
    body += "</div>\n"
  }

  // MARK: The whole page

  /// The page as a file.
  public var document: String {
    let links =
      sections.count < 2
      ? ""
      : "<nav>"
        + sections.map { "<a href=\"#\($0.anchor)\">\(SVG.escaped($0.title))</a>" }.joined()
        + "</nav>\n"
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <link rel="icon" href="data:,">
      <title>\(SVG.escaped(title))</title>
      <style>
      \(Ink.styleSheet)
      \(Page.style)
      </style>
      </head>
      <body>
      <main>
      <h1>\(SVG.escaped(title))</h1>
      \(links)\(body)</main>
      </body>
      </html>

      """
  }

  private static let style = """
    *{box-sizing:border-box}
    body{margin:0;background:var(--ground);color:var(--text);\
    font:15px/1.5 system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}
    main{max-width:1180px;margin:0 auto;padding:20px 16px 48px}
    h1{font-size:1.6em;line-height:1.25;margin:.2em 0 .4em;overflow-wrap:anywhere}
    h2{font-size:1.25em;margin:1.8em 0 .6em;padding-bottom:.25em;border-bottom:1px solid var(--grid)}
    h3{font-size:1.05em;margin:1.4em 0 .4em}
    p{max-width:75ch;overflow-wrap:anywhere}
    nav{display:flex;flex-wrap:wrap;gap:4px 16px;margin:.5em 0}
    a{color:var(--s0)}
    .tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:10px;margin:1em 0}
    .tiles div{background:var(--panel);border:1px solid var(--grid);border-radius:8px;padding:10px 14px}
    .tiles dt{color:var(--muted);font-size:.87em}
    .tiles dd{margin:0;font-size:1.35em;font-weight:600;overflow-wrap:anywhere}
    .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:14px}
    .charts figure{margin:0;border:1px solid var(--grid);border-radius:8px;padding:4px;min-width:0}
    .scroll{overflow-x:auto;max-width:100%}
    .wide{display:block}
    pre{overflow-x:auto;background:var(--panel);border:1px solid var(--grid);border-radius:8px;\
    padding:10px 14px;font-size:.87em;line-height:1.45}
    table{border-collapse:collapse;font-size:.93em;font-variant-numeric:tabular-nums}
    th,td{padding:4px 12px;text-align:left;border-bottom:1px solid var(--grid);white-space:nowrap}
    th{color:var(--muted);font-weight:600}
    .n{text-align:right}
    .gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(138px,1fr));gap:12px}
    .gallery figure{margin:0;border:1px solid var(--grid);border-radius:8px;padding:8px;\
    background:var(--panel);min-width:0}
    .gallery img{width:100%;max-height:220px;object-fit:contain;image-rendering:pixelated;\
    display:block;border-radius:4px}
    figcaption{font-size:.82em;line-height:1.35;margin-top:6px;overflow-wrap:anywhere;color:var(--muted)}
    figcaption b{color:var(--text)}
    @media print{main{max-width:none;padding:0}nav{display:none}\
    figure,table,.tiles div{break-inside:avoid}h2,h3{break-after:avoid}}
    """
}
