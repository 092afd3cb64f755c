import ArgumentParser
import Compute
import Layers
import Nets
import Prototxt
import Schema

/// Makes the net for use of a net to train.
struct DeployCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "deploy",
    abstract: "Make the net for use of a net to train and test.",
    discussion: """
      Data layers become inputs of the right shape, losses become Softmax or Sigmoid; labels, \
      accuracies and what serves training alone are left out. The transform of the test data (means, \
      scale, crop, size, colour) is recorded in the Input layer, as transform_param and \
      image_data_param, where Caffe looks at neither and 'netrun predict' does. The names of classes, \
      if they are known, are written beside the net, to NAME_labels.txt.

      Without -o the net is printed.

      Examples:
        netrun deploy model.txt -o deploy.txt
        netrun deploy solver.txt --batch 16 -o deploy.prototxt
        netrun deploy train_val.prototxt --shape data=10,3,224,224
      """)

  @Argument(help: "The net, or a solver: a text file.")
  var file: String

  @Option(name: [.short, .customLong("output")], help: "Where the net is to be.")
  var output: String?

  @Option(help: "How many samples the net takes at once.")
  var batch = 1

  @Flag(help: "Keep dropout layers, which do nothing in use.")
  var keepDropout = false

  @Option(
    help: ArgumentHelp(
      "The shape of a data layer's top, where the data are not here.", valueName: "top=sizes"))
  var shape: [AssumedShape] = []

  @OptionGroup var state: StateOptions

  @Flag(help: "Replace a file that is there.")
  var force = false

  mutating func validate() throws {
    if batch < 1 || batch > 1 << 20 { throw ValidationError("--batch must be 1 or more.") }
  }

  mutating func run(_ console: Console) throws {
    if let output, !force, FilePath.exists(output) {
      throw Diagnostic.error(
        "is there already", path: output,
        help: "choose another name, or replace it with --force", kind: .inputOutput)
    }
    let options = DeployNet.Options(batchSize: batch, keepsDropout: keepDropout)
    var loading = try DeployLoading(
      file, level: state.level ?? 0, stages: state.stages, shapes: shape, options: options, console)
    if loading.isDeploy { console.remark("'\(file)' is a net for use already") }
    // What cannot be built is not written.
    let net = try NetSketch(shapes: [], console: console).build(
      loading.net, folder: loading.folder, state: NetState(phase: .test))
    if let output { try loading.locateMean(from: output) }
    let text = header(loading) + TextFormat.print(loading.net)
    guard let output else {
      console.out.write(text)
      return
    }
    try AtomicFile.write(text, to: output)
    report(net, loading, output, console)
    try writeLabels(loading, output, console)
  }

  private func header(_ loading: DeployLoading) -> String {
    var text = "# For use; made by netrun deploy from \(FilePath.name(loading.path)).\n"
    if loading.recipe.isKnown, let input = loading.input, let top = input.strings("top").first {
      text += "# '\(top)' is an image, \(loading.recipe.text(loading.channels)): recorded in\n"
      text +=
        "# transform_param and image_data_param, which Caffe leaves alone in an Input layer.\n"
    }
    return text
  }

  private func report(
    _ net: Net, _ loading: DeployLoading, _ output: String, _ console: Console
  ) {
    let inputs = net.inputs.map { "\($0.name) \($0.shape.display)" }
    let outputs = net.outputs.map { "\($0.name) \($0.shape.display)" }
    console.print(
      "\(output): \(inputs.joined(separator: ", ")) → \(outputs.joined(separator: ", "))")
    loading.remarks.forEach(console.remark)
    if loading.recipe.isKnown {
      console.remark("images: \(loading.recipe.text(loading.channels))")
    } else if loading.input != nil {
      console.remark("how images become the input is not known: the net has no transform")
    }
  }

  private func writeLabels(
    _ loading: DeployLoading, _ output: String, _ console: Console
  ) throws {
    guard let labels = loading.labels else { return }
    let target = "\(FilePath.stem(output))_labels.txt"
    guard !FilePath.isSame(labels, target) else { return }
    if FilePath.exists(target), !force {
      return console.remark("\(target) is there already, and stays; replace it with --force")
    }
    try AtomicFile.write(try WholeFile.bytes(labels), to: target)
    console.print("\(target): the names of classes")
  }
}

extension DeployLoading {
  /// How many channels the image input has.
  var channels: Int {
    let dims = input?.message("input_param").messages("shape").first?.ints("dim") ?? []
    return dims.count == 4 ? dims[1] : recipe.channels
  }

  /// Makes the path of a mean image one that is found from another file too.
  mutating func locateMean(from output: String) throws {
    var layers = net.messages("layer")
    for index in layers.indices where layers[index].string("type") == "Input" {
      var transform = layers[index].message("transform_param")
      guard transform.has("mean_file") else { continue }
      let given = transform.string("mean_file")
      guard let found = FilePath.find(given, near: path) else { continue }
      if let other = FilePath.find(given, near: output), FilePath.isSame(other, found) { continue }
      transform.set("mean_file", string: FilePath.absolute(found))
      layers[index].set("transform_param", message: transform)
    }
    net.set("layer", messages: layers)
  }
}
