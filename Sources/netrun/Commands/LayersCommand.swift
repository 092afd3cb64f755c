import ArgumentParser
import Layers
import Prototxt

/// Prints the reference of layer types.
struct LayersCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "layers",
    abstract: "List the layer types, or explain one.",
    discussion: """
      Examples:
        netrun layers                all types, a line each
        netrun layers Convolution    what it computes, shapes, parameters with defaults
      """)

  @Argument(help: "A layer type, as a net file names it.")
  var type: String?

  mutating func run(_ console: Console) throws {
    guard let type else {
      console.out.write(LayerCatalog.listing())
      return
    }
    guard let layer = LayerCatalog.type(named: type) ?? LayersCommand.ignoringCase(type) else {
      throw LayersCommand.unknown(type)
    }
    console.out.write(layer.reference.plainText())
  }

  private static func ignoringCase(_ type: String) -> (any Layer.Type)? {
    LayerCatalog.all.first { $0.type.lowercased() == type.lowercased() }
  }

  private static func unknown(_ type: String) -> Diagnostic {
    let guess = closestMatch(to: type, in: LayerCatalog.all.map { $0.type })
    return .error(
      "unknown layer type '\(type)'",
      help: guess.map { "did you mean '\($0)'?" } ?? LayerAdvice.unknownType(type)
        ?? "'netrun layers' lists the types there are",
      kind: .usage)
  }
}
