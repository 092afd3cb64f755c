import Compute
import Glibc
import Layers
import Nets
import Prototxt
import Schema

/// Builds the net that a command was given.
struct NetLoading {
  let path: String
  var phase: Phase
  var level = 0
  var stages: [String] = []
  var threads: Int?
  /// The blobs that are looked at when a pass is over; others share memory.
  var keeps: Set<String> = []
  var runsBackward = false
  /// Whether only layers without bottoms are built, those that bring data; records come in their order.
  var onlySources = false
  /// The seed of what layers draw.
  var seed: UInt64 = 0
  /// Whether warnings and remarks are kept: they have been said before.
  var isSilent = false

  /// Reads and builds; warnings go to the console.
  ///
  /// - Throws: all that is wrong with the file, or what to run instead if it is a solver.
  func build(_ command: String, _ console: Console) throws -> Net {
    var net: Message
    do throws(Diagnostics) {
      let loaded = try NetDescription.load(path)
      if !isSilent { console.show(loaded.warnings) }
      net = loaded.net
    } catch { throw DescribedFile.explain(error, path, command: command) }
    if onlySources { net = NetLoading.sources(net) }
    var remark = RemarkPrinter(console).remark
    if isSilent { remark = { _ in } }
    let workers = Workers(count: threads ?? Workers.available)
    let context = LayerContext(
      workers: workers, seed: seed, files: FileResolver(folder: FileResolver.folder(of: path)),
      remark: remark)
    var options = Net.Options(
      state: NetState(phase: phase, level: level, stages: stages), context: context)
    options.keeps = .only(keeps)
    options.runsBackward = runsBackward
    return try Net(net, options: options)
  }

  private static func sources(_ net: Message) -> Message {
    var sources = net
    sources.clear("layer")
    for layer in net.messages("layer") where layer.strings("bottom").isEmpty {
      sources.append("layer", .message(layer.inOrder))
    }
    return sources
  }
}

/// Hands remarks from any thread to the console.
final class RemarkPrinter: @unchecked Sendable {
  private let console: Console

  init(_ console: Console) { self.console = console }

  /// Written by one call of `write`, so that lines of several threads do not mix.
  var remark: @Sendable (String) -> Void { { self.console.remark($0) } }
}
