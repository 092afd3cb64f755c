import ArgumentParser
import Compute
import Layers
import Nets
import Pictures
import Prototxt
import Schema
import Solvers

/// Looks into what a net has learned.
struct ViewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "view",
    abstract: "See filters, weights and activations.",
    discussion: """
      Examples:
        netrun view filters lenet.caffemodel -o filters.png
        netrun view weights lenet.caffemodel -o weights.html
        netrun view activations model.txt --sample 7 -o activations.html
      """,
    subcommands: [
      ViewFiltersCommand.self, ViewWeightsCommand.self, ViewActivationsCommand.self,
    ])
}

/// Shows the filters of a convolution.
struct ViewFiltersCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "filters",
    abstract: "Write the filters of a convolution as a picture.",
    discussion: """
      Filters over three channels are shown in the colours that they look for, others in grey: 0 is \
      grey, the largest value of all white, its negative black.

      Examples:
        netrun view filters caffenet.caffemodel -o conv1.png
        netrun view filters lenet.caffemodel --layer conv2 -o conv2.png
      """)

  @Argument(help: "A file of weights.")
  var file: String

  @Option(help: "The layer; by itself the first one with filters.")
  var layer: String?

  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("The picture (.png).", valueName: "file"))
  var output: String

  mutating func run(_ console: Console) throws {
    guard output.lowercased().hasSuffix(".png") else {
      throw Diagnostic.error(
        "the picture's name must end in '.png'", path: output, kind: .usage)
    }
    let (found, picture) = try TilePicture.layer(layer, in: try WeightFile(path: file))
    try AtomicFile.write(try picture.png(), to: output)
    let shape = WeightNumbers.shape(found.blobs[0].shape)
    console.print(
      "\(output): \(Numbers.count(picture.tiles, "filter")) of \(found.name), \(shape)")
  }
}

/// Shows how weights are spread.
struct ViewWeightsCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "weights",
    abstract: "Show norms of weights, and how often values occur.",
    discussion: """
      The size of a typical value is the root of the mean square. Heights in the last column are \
      roots of counts, from the least value to the largest. 'netrun weights stats' has least, most \
      and mean.

      Examples:
        netrun view weights lenet.caffemodel
        netrun view weights lenet.caffemodel -o weights.html
      """)

  @Argument(help: "A file of weights.")
  var file: String

  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("Write a page with a chart for each blob (.html).", valueName: "file"))
  var output: String?

  @Flag(help: "Print JSON.")
  var json = false

  mutating func run(_ console: Console) throws {
    let target = try output.map { path throws(Diagnostic) in
      try PictureFile(path, allowed: [.html])
    }
    let spreads = WeightSpread.all(in: try WeightFile(path: file))
    if let target {
      var page = Page(title: "Weights of \(FilePath.name(file))")
      page.table(WeightSpread.columns, spreads.map(\.cells))
      page.section("How often values occur")
      page.pictures(spreads.filter { $0.count > 1 }.map { $0.chart() })
      try AtomicFile.write(page.document, to: target.path)
      if !json { return console.print("\(target.path): \(Numbers.count(spreads.count, "blob"))") }
    }
    if json {
      return console.print(
        JSON.members(["file": .string(file), "blobs": .array(spreads.map(\.json))]).indented())
    }
    var table = Table([
      .init("layer"), .init("blob", .right), .init("shape"), .init("norm", .right),
      .init("typical", .right), .init("not finite", .right), .init("values"),
    ])
    for spread in spreads { table.append(spread.cells + [spread.histogram(bins: 24).letters]) }
    console.out.write(table.rendered(console.outStyle, width: console.outTerminal?.width))
  }
}

/// Shows what a net makes of a sample.
struct ViewActivationsCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "activations",
    abstract: "Show what each blob of a net holds for one of its test samples.",
    discussion: """
      The sample comes from the data layer of the net's test phase. Channels are shown from their \
      least value (black) to their largest (white). Without --weights the newest snapshot is taken.

      Examples:
        netrun view activations model.txt --sample 7 -o activations.html
        netrun view activations model.txt --blobs conv1,conv2 -o activations.html
      """)

  @Argument(help: "The net, a text file.")
  var file: String

  @Option(
    help: ArgumentHelp("The weights, a .caffemodel; several by commas.", valueName: "files"))
  var weights: [String] = []

  @Option(help: "The number of the sample, from 0.")
  var sample = 0

  @Option(help: "Blobs, separated by commas; by itself all.")
  var blobs: [String] = []

  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("The page (.html).", valueName: "file"))
  var output: String

  @OptionGroup var state: StateOptions

  mutating func validate() throws {
    if sample < 0 { throw ValidationError("--sample must be 0 or more.") }
  }

  mutating func run(_ console: Console) throws {
    let target = try PictureFile(output, allowed: [.html])
    let wanted = Set(blobs.flatMap { $0.split(separator: ",").map(String.init) })
    var loading = NetLoading(
      path: file, phase: .test, level: state.level ?? 0, stages: state.stages,
      threads: state.threads)
    let description = try? NetDescription.load(file).net
    let tops = Set(description?.messages("layer").flatMap { $0.strings("top") } ?? [])
    loading.keeps = wanted.isEmpty ? tops : wanted
    let net = try loading.build("view activations", console)
    if let unknown = wanted.subtracting(net.blobNames).min() {
      throw Diagnostic.error(
        "there is no blob '\(unknown)'", path: file,
        help: closestMatch(to: unknown, in: net.blobNames).map { "did you mean '\($0)'?" },
        kind: .usage)
    }
    try load(net, console)
    let (place, key) = try forward(net)
    let activations = Activations(net, sample: place, wanted: wanted)
    var page = Page(title: "\(net.name.isEmpty ? FilePath.name(file) : net.name): sample \(sample)")
    page.paragraph("\(file), record \(key)")
    if let picture = SamplePicture(net)?.address(place) {
      page.gallery([.init(image: picture, lines: ["the sample", key])])
    }
    activations.add(to: &page)
    try AtomicFile.write(page.document, to: target.path)
    console.print("\(target.path): \(Numbers.count(activations.entries.count, "blob"))")
  }

  private func load(_ net: Net, _ console: Console) throws {
    var files = Operand.list(weights)
    if files.isEmpty, net.nodes.contains(where: { !$0.layer.parameters.isEmpty }) {
      var search = WeightSearch(model: file)
      files = [try search.find(for: net)]
      console.remark("weights are the newest snapshot, \(files[0])")
    }
    for file in files { WeightNotes.lines(try net.loadWeights(path: file)).forEach(console.remark) }
  }

  /// Runs the net up to the batch with the sample; returns its place there, and its key.
  private func forward(_ net: Net) throws -> (place: Int, key: String) {
    guard let source = net.sources.first?.source else {
      throw Diagnostic.error(
        "the net's test phase has no data layer, so there is no sample to run", path: file)
    }
    for node in net.sources { node.source?.beginSinglePass() }
    var before = 0
    while true {
      do { _ = try net.forward() } catch is EndOfData {
        throw Diagnostic.error(
          "there is no sample \(sample): the data have \(Numbers.count(before, "record"))",
          path: file, help: "--sample counts from 0", kind: .usage)
      }
      let count = net.sources.first?.tops.first?.shape.leadingCount ?? 0
      if sample < before + count {
        let name = source.recordName(sample: sample - before) ?? "\(sample)"
        return (sample - before, Evaluation.unquoted(name))
      }
      before += count
    }
  }
}
