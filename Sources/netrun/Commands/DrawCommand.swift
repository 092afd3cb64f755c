import ArgumentParser
import Layers
import Pictures
import Prototxt
import Schema

/// Draws a net.
struct DrawCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "draw",
    abstract: "Draw the layers of a net and how they hang together.",
    discussion: """
      Kinds of layers have colours, shapes stand where values go on, layers that work in place are \
      stacked on the one whose values they change. By itself both phases are drawn in one, and what \
      belongs to one alone is marked. The data need not be here: where shapes are known neither from \
      them nor from the net, they are left out, or given by --shape.

      Examples:
        netrun draw model.txt -o net.svg
        netrun draw deploy.prototxt --phase TEST --shape data=1,3,224,224 -o net.svg
        netrun draw model.txt --direction right -o net.html
      """)

  /// Which way a net runs.
  enum Direction: String, ExpressibleByArgument, CaseIterable {
    case down, right
  }

  @Argument(help: "The net, or a solver: a text file.")
  var file: String

  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("The picture (.svg) or page (.html).", valueName: "file"))
  var output: String

  @Option(help: "TRAIN, TEST or ALL: which of the net's layers are drawn.")
  var phase = "ALL"

  @Option(help: "down or right: which way the net runs.")
  var direction = Direction.down

  @Option(
    help: ArgumentHelp(
      "The shape of a data layer's or input's top, for each that is to be given or changed.",
      valueName: "top=sizes"))
  var shape: [AssumedShape] = []

  @Option(help: "The level that rules with min_level and max_level are matched against.")
  var level: Int?

  @Option(help: "Stages that rules are matched against, separated by commas.")
  var stage: [String] = []

  mutating func validate() throws {
    if phase.uppercased() != "ALL", Phase(rawValue: phase.uppercased()) == nil {
      throw ValidationError("--phase must be TRAIN, TEST or ALL, not '\(phase)'.")
    }
    if let level, Int32(exactly: level) == nil {
      throw ValidationError("--level must be a number of 32 bits.")
    }
  }

  mutating func run(_ console: Console) throws {
    let target = try PictureFile(output, allowed: [.svg, .html])
    var drawing = NetDrawing(path: file, phase: Phase(rawValue: phase.uppercased()))
    drawing.level = level ?? 0
    drawing.stages = stage.flatMap { $0.split(separator: ",").map(String.init) }
    drawing.shapes = shape
    let drawn = try drawing.draw(isTurned: direction == .right, console)
    let picture = drawn.picture
    var text = picture.document
    if target.kind == .html {
      var page = Page(title: picture.label)
      page.wide(picture)
      text = page.document
    }
    try AtomicFile.write(text, to: target.path)
    let counts = drawn.counts.map { "\(Numbers.count($0.layers, "layer")) at \($0.phase)" }
    console.print("\(target.path): \(counts.joined(separator: ", "))")
  }
}
