import ArgumentParser
import Compute
import Layers
import Nets
import Prototxt
import Schema

/// Makes a weight file of another program's weights.
struct ImportCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Make a .caffemodel of the weights in a .safetensors file.",
    discussion: """
      Without --map names are those that 'netrun export' gives, LAYER/NUMBER; LAYER.weight and \
      LAYER.bias are known too. A map has a line for each blob: the array's name, the layer and the \
      blob's number, separated by blanks, and perhaps 'transpose' for a matrix whose rows are the \
      net's columns. Lines that begin with # are comments. All that is missing or does not fit is \
      told at once.

      A BatchNorm layer of which mean and variance are given, but not their weight, gets 1.

      Examples:
        netrun import -o net.caffemodel weights.safetensors deploy.txt
        netrun import --map map.txt -o net.caffemodel weights.safetensors model.txt
      """)

  @Argument(help: "The arrays, a .safetensors file.")
  var weights: String

  @Argument(help: "The net, or a solver: a text file.")
  var net: String

  @Option(help: "A text that tells which array is which blob.")
  var map: String?

  @Option(
    name: [.short, .customLong("output")],
    help: "The file to write, a .caffemodel; or .caffemodel.h5.")
  var output: String

  @Option(
    help: ArgumentHelp(
      "The shape of a data layer's top, where the data are not here.", valueName: "top=sizes"))
  var shape: [AssumedShape] = []

  @OptionGroup var state: StateOptions

  mutating func validate() throws {
    guard [".caffemodel", ".caffemodel.h5"].contains(where: output.hasSuffix) else {
      throw ValidationError("-o must end in .caffemodel or .caffemodel.h5.")
    }
  }

  mutating func run(_ console: Console) throws {
    let file = try Safetensors(path: weights)
    let loading = try DeployLoading(
      net, level: state.level ?? 0, stages: state.stages, shapes: shape,
      options: .init(keepsFillers: true), console)
    let built = try loading.build(
      batchSize: nil, threads: state.threads, keeps: .only([]), console)
    let wiring = try WeightMap(map, built)
    let result = try wiring.copy(file, into: built)
    result.remarks.forEach(console.remark)
    if output.hasSuffix(".h5") {
      try built.writeHDF5Weights(to: output)
    } else {
      try built.writeWeights(to: output)
    }
    console.print("\(output): \(Numbers.count(result.copied, "blob")) of \(weights)")
  }
}

/// Which array of a file is which blob of a net.
struct WeightMap {
  /// A line of a map.
  private struct Line {
    let array: String
    let layer: String
    let index: Int
    let isTransposed: Bool
    let place: String
  }

  private var lines: [Line]?

  /// Reads a map; without one, names tell.
  init(_ path: String?, _ net: Net) throws(Diagnostics) {
    guard let path else { return }
    var problems = Diagnostics()
    let text = problems.collecting { () throws(Diagnostic) in
      try WholeFile.lines(path, comments: true)
    }
    var lines: [Line] = []
    for (number, line) in text ?? [] {
      let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
      let place = "\(path):\(number)"
      guard words.count == 3 || words.count == 4 && words[3] == "transpose",
        let index = Int(words[2])
      else {
        problems.append(
          .error(
            "a line is: ARRAY LAYER NUMBER, and perhaps 'transpose'", path: place))
        continue
      }
      guard let node = net.node(words[1]) else {
        let names = net.nodes.filter { !$0.layer.parameters.isEmpty }.map(\.name)
        problems.append(
          .error(
            "the net has no layer '\(words[1])'", path: place,
            help: closestMatch(to: words[1], in: names).map { "did you mean '\($0)'?" }))
        continue
      }
      guard node.layer.parameters.indices.contains(index) else {
        problems.append(
          .error(
            "layer '\(words[1])' has \(node.layer.parameters.count) blobs, counted from 0",
            path: place))
        continue
      }
      lines.append(
        Line(
          array: words[0], layer: words[1], index: index, isTransposed: words.count == 4,
          place: place))
    }
    try problems.throwIfErrors()
    self.lines = lines
  }

  /// Copies all arrays.
  ///
  /// - Throws: all that is missing or does not fit.
  func copy(
    _ file: Safetensors, into net: Net
  ) throws(Diagnostics) -> (copied: Int, remarks: [String]) {
    var problems = Diagnostics()
    var remarks: [String] = []
    var used: Set<String> = []
    var copied = 0
    for (number, node) in net.nodes.enumerated() {
      for (index, blob) in node.layer.parameters.enumerated()
      where net.ownsParameter[number][index] {
        if let (name, isTransposed, place) = array(for: node, index, file) {
          used.insert(name)
          let found: Void? = problems.collecting { () throws(Diagnostic) in
            try WeightMap.copy(
              file, name, isTransposed, place, blob, "blob \(index) of layer '\(node.name)'")
          }
          if found != nil { copied += 1 }
        } else if node.spec.type == "BatchNorm", index == 2 {
          blob.values[0] = 1
        } else {
          problems.append(
            .error(
              "has no array for blob \(index) of layer '\(node.name)' (\(blob.shape.display))",
              path: file.path,
              help: lines == nil
                ? "name it '\(node.name)/\(index)', or give a --map" : "add a line to the map"))
        }
      }
    }
    try problems.throwIfErrors()
    let left = file.entries.keys.filter { !used.contains($0) }.sorted()
    if !left.isEmpty {
      let names = left.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
      let rest = left.count > 5 ? " and \(left.count - 5) more" : ""
      remarks.append("not used: \(names)\(rest)")
    }
    return (copied, remarks)
  }

  private func array(
    for node: Node, _ index: Int, _ file: Safetensors
  ) -> (name: String, isTransposed: Bool, place: String?)? {
    if let lines {
      return lines.last { $0.layer == node.name && $0.index == index }
        .map { ($0.array, $0.isTransposed, $0.place) }
    }
    var names = ["\(node.name)/\(index)"]
    if index < 2 { names.append("\(node.name).\(["weight", "bias"][index])") }
    return names.first { file.entries[$0] != nil }.map { ($0, false, nil) }
  }

  private static func copy(
    _ file: Safetensors, _ name: String, _ isTransposed: Bool, _ place: String?, _ blob: Blob,
    _ owner: String
  ) throws(Diagnostic) {
    guard let entry = file.entries[name] else {
      throw .error(
        "'\(file.path)' has no array '\(name)'", path: place,
        help: closestMatch(to: name, in: file.entries.keys.sorted()).map { "did you mean '\($0)'?" }
      )
    }
    guard let values = file.floats(entry) else {
      throw .error("array '\(name)' holds \(entry.type), not floats", path: file.path)
    }
    let plain = { (sizes: [Int]) in sizes.filter { $0 != 1 } }
    let wanted = blob.shape.dimensions
    let sizes = isTransposed ? Array(entry.shape.reversed()) : entry.shape
    guard plain(sizes) == plain(wanted), !isTransposed || entry.shape.count == 2 else {
      throw .error(
        "array '\(name)' is \(Shape(entry.shape).display), but \(owner) is \(blob.shape.display)",
        path: place ?? file.path,
        help: plain(sizes.reversed()) == plain(wanted) && sizes.count == 2
          ? "write 'transpose' behind its line of the map" : nil)
    }
    guard isTransposed else { return blob.assign(values) }
    let (rows, columns) = (entry.shape[0], entry.shape[1])
    for row in 0..<rows {
      for column in 0..<columns {
        blob.values[column * rows + row] = values[row * columns + column]
      }
    }
  }
}
