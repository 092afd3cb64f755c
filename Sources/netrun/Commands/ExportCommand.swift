import ArgumentParser
import Compute
import Layers
import Nets
import Prototxt
import Schema

/// Writes a trained net for other programs.
struct ExportCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a trained net as ONNX, or its weights as .npz or .safetensors.",
    discussion: """
      ONNX has the whole net for use, of opset 13, with the shapes that it was built for; layers that \
      have no counterpart are all named. In .npz and .safetensors are the weights alone, each blob by \
      the name LAYER/NUMBER. Of a net to train that for use is taken, as 'netrun deploy' makes it.

      With --sample, inputs at random and what the net computes of them go to an .npz file, by which \
      scripts/check-onnx.py compares another program's results.

      Examples:
        netrun export deploy.txt --weights lenet.caffemodel -o lenet.onnx
        netrun export model.txt -o lenet.onnx --batch 16 --sample sample.npz
        netrun export model.txt --weights lenet.caffemodel -o lenet.safetensors
      """)

  @Argument(help: "The net, or a solver: a text file.")
  var net: String

  @Option(
    name: [.short, .customLong("output")],
    help: "The file to write: its ending, .onnx, .npz or .safetensors, tells the format.")
  var output: String

  @Option(
    help: ArgumentHelp("The weights, a .caffemodel; several by commas.", valueName: "files"))
  var weights: [String] = []

  @Flag(
    help: "Take the weights that the net's fillers give, and statistics at random for BatchNorm.")
  var untrained = false

  @Option(help: "How many samples the net takes at once.")
  var batch: Int?

  @Option(
    help: ArgumentHelp(
      "Blobs that ONNX puts out besides the net's outputs, by commas.", valueName: "names"))
  var blobs: [String] = []

  @Option(
    help: ArgumentHelp("Write inputs at random and the net's outputs, as .npz.", valueName: "file"))
  var sample: String?

  @Option(
    help: ArgumentHelp(
      "The shape of a data layer's top, where the data are not here.", valueName: "top=sizes"))
  var shape: [AssumedShape] = []

  @OptionGroup var state: StateOptions

  mutating func validate() throws {
    let endings = [".onnx", ".npz", ".safetensors"]
    guard endings.contains(where: output.hasSuffix) else {
      throw ValidationError("-o must end in .onnx, .npz or .safetensors.")
    }
    if let sample, !sample.hasSuffix(".npz") {
      throw ValidationError("--sample must end in .npz.")
    }
    if !output.hasSuffix(".onnx"), sample != nil || !blobs.isEmpty {
      throw ValidationError("--sample and --blobs go with a file that ends in .onnx.")
    }
    if untrained, !weights.isEmpty {
      throw ValidationError("--untrained and --weights exclude each other.")
    }
    if let batch, batch < 1 || batch > 1 << 16 {
      throw ValidationError("--batch must be from 1 to \(1 << 16).")
    }
  }

  mutating func run(_ console: Console) throws {
    let options = DeployNet.Options(batchSize: batch ?? 1, keepsFillers: true)
    let loading = try DeployLoading(
      net, level: state.level ?? 0, stages: state.stages, shapes: shape, options: options, console)
    let built = try loading.build(
      batchSize: batch, threads: state.threads, keeps: .all, console)
    if untrained {
      SampleInputs.fillStatistics(built, seed: 1)
    } else {
      _ = try loading.load(weights, into: built, searching: [net, loading.path], console)
    }
    if output.hasSuffix(".onnx") {
      try writeONNX(built, console)
    } else {
      try writeWeights(built, console)
    }
  }

  private func writeONNX(_ net: Net, _ console: Console) throws {
    let outputs = try outputs(of: net)
    SampleInputs.fill(net, seed: 1)
    // Recurrent layers begin at zero in the first pass, as the graph does.
    // Layers may change inputs in place.
    let start = net.inputs.map { input in
      let copy = Blob(input.name, shape: input.shape)
      copy.assign(input.array)
      return copy
    }
    try net.forward()
    if let sample {
      try TensorFile.write(
        start.map { NamedTensor("input:\($0.name)", $0) }
          + outputs.map { NamedTensor("output:\($0.name)", $0) }, to: sample)
    }
    let export = try ONNXExport(net, outputs: outputs)
    let model = export.graph.model(name: net.name, version: Version.current)
    try AtomicFile.write(to: output) { file throws(Diagnostic) in
      for piece in model {
        for start in stride(from: 0, to: piece.count, by: 1 << 20) {
          try file.write(Array(piece[start..<min(start + (1 << 20), piece.count)]))
        }
      }
    }
    let size = model.reduce(0) { $0 + $1.count }
    let names = { (blobs: [Blob]) in
      blobs.map { "\($0.name) \($0.shape.display)" }.joined(separator: ", ")
    }
    console.print(
      "\(output): \(names(net.inputs)) → \(names(outputs)), "
        + "\(Numbers.count(export.graph.nodeCount, "operator")), \(Numbers.bytes(size))")
    if let sample { console.print("\(sample): inputs at random, and what the net makes of them") }
  }

  /// The net's outputs, and the other blobs that are to be seen.
  private func outputs(of net: Net) throws(Diagnostics) -> [Blob] {
    var problems = Diagnostics()
    var result = net.outputs
    for name in blobs.flatMap({ $0.split(separator: ",").map(String.init) }) {
      guard let blob = net.blob(name) else {
        problems.append(
          .error(
            "the net has no blob '\(name)'", path: self.net,
            help: closestMatch(to: name, in: net.blobNames).map { "did you mean '\($0)'?" },
            kind: .usage))
        continue
      }
      let isThere = result.contains { $0 === blob } || net.inputs.contains { $0 === blob }
      if !isThere { result.append(blob) }
    }
    try problems.throwIfErrors()
    return result
  }

  private func writeWeights(_ net: Net, _ console: Console) throws {
    var tensors: [NamedTensor] = []
    for (number, node) in net.nodes.enumerated() {
      for (index, blob) in node.layer.parameters.enumerated()
      where net.ownsParameter[number][index] {
        tensors.append(NamedTensor("\(node.name)/\(index)", blob))
      }
    }
    guard !tensors.isEmpty else {
      throw Diagnostic.error("the net has no weights", path: self.net)
    }
    try TensorFile.write(tensors, to: output)
    let count = tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
    console.print(
      "\(output): \(Numbers.count(tensors.count, "blob")), \(Numbers.count(count, "weight"))")
  }
}
