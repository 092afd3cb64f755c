import ArgumentParser
import Prototxt
import Schema

/// Looks into files of weights.
struct WeightsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weights",
    abstract: "Look into files of weights (.caffemodel).",
    discussion: """
      Examples:
        netrun weights list lenet.caffemodel
        netrun weights stats lenet.caffemodel
        netrun weights diff a.caffemodel b.caffemodel
        netrun weights rename in.caffemodel out.caffemodel fc8=fc8_new
        netrun weights scan *.caffemodel
      """,
    subcommands: [
      WeightsListCommand.self, WeightsStatsCommand.self, WeightsDiffCommand.self,
      WeightsRenameCommand.self, WeightsScanCommand.self,
    ])
}

/// Lists layers and shapes.
struct WeightsListCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the layers with weights, and the shapes of these.",
    discussion: """
      Example:
        netrun weights list lenet.caffemodel
      """)

  @Argument(help: "Files of weights.")
  var files: [String]

  @Flag(help: "List layers without weights too.")
  var all = false

  mutating func run(_ console: Console) throws {
    for path in files {
      let file = try WeightFile(path: path)
      var table = Table([
        .init("layer"), .init("type"), .init("shapes"), .init("weights", .right),
      ])
      var total = 0
      for layer in file.layers where all || !layer.blobs.isEmpty {
        let count = layer.blobs.reduce(0) { $0 + $1.count }
        let shapes = layer.blobs.map { WeightNumbers.shape($0.shape) }
        table.append([
          layer.name, layer.type, shapes.joined(separator: ", "),
          count > 0 ? Numbers.grouped(count) : "",
        ])
        total += count
      }
      let name = file.name.isEmpty ? "" : " '\(file.name)'"
      console.print(
        "\(path):\(name) \(Numbers.count(file.layers.count, "layer")), "
          + "\(Numbers.count(total, "weight"))")
      console.out.write(table.rendered(console.outStyle, width: console.outTerminal?.width))
    }
  }
}

/// Shows how values are spread.
struct WeightsStatsCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Show the least, the most, the mean and the spread of each blob.",
    discussion: """
      Example:
        netrun weights stats lenet.caffemodel
      """)

  @Argument(help: "Files of weights.")
  var files: [String]

  mutating func run(_ console: Console) throws {
    for path in files {
      let file = try WeightFile(path: path)
      var table = Table([
        .init("layer"), .init("blob", .right), .init("shape"), .init("least", .right),
        .init("most", .right), .init("mean", .right), .init("deviation", .right),
        .init("zeros", .right), .init("not finite", .right),
      ])
      for layer in file.layers {
        for (index, blob) in layer.blobs.enumerated() {
          let numbers = WeightNumbers(blob.floats())
          table.append([
            layer.name, String(index), WeightNumbers.shape(blob.shape),
            Numbers.general(numbers.least), Numbers.general(numbers.most),
            Numbers.general(Float(numbers.mean)), Numbers.general(Float(numbers.deviation)),
            Numbers.percent(numbers.zeroShare, 1),
            numbers.notFinite > 0 ? Numbers.grouped(numbers.notFinite) : "",
          ])
        }
      }
      if files.count > 1 { console.print("\(path):") }
      console.out.write(table.rendered(console.outStyle, width: console.outTerminal?.width))
    }
  }
}

/// Compares two files.
struct WeightsDiffCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two files, layer by layer.",
    discussion: """
      The exit code is 0 if the files have the same layers, shapes and values, up to --tolerance as \
      a share of a blob's largest value; else 1.

      Example:
        netrun weights diff a.caffemodel b.caffemodel --tolerance 1e-5
      """)

  @Argument(help: "A file of weights.")
  var first: String

  @Argument(help: "Another.")
  var second: String

  @Option(help: "The largest difference that does not count.")
  var tolerance = 0.0

  mutating func run(_ console: Console) throws {
    let (a, b) = (try WeightFile(path: first), try WeightFile(path: second))
    let others = Dictionary(b.layers.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    let names = Set(a.layers.map(\.name))
    var table = Table([
      .init("layer"), .init("blob", .right), .init("largest difference", .right),
      .init("of its largest", .right), .init("values that differ", .right),
    ])
    var remarks: [String] = []
    var isSame = true
    for layer in a.layers {
      guard let other = others[layer.name] else {
        if !layer.blobs.isEmpty { remarks.append("only \(first) has layer '\(layer.name)'") }
        continue
      }
      if layer.blobs.count != other.blobs.count {
        remarks.append(
          "layer '\(layer.name)' has \(layer.blobs.count) blobs and \(other.blobs.count)")
      }
      for (index, (x, y)) in zip(layer.blobs, other.blobs).enumerated() {
        guard x.count == y.count else {
          remarks.append(
            "blob \(index) of layer '\(layer.name)' has the shapes \(WeightNumbers.shape(x.shape)) "
              + "and \(WeightNumbers.shape(y.shape))")
          continue
        }
        let difference = WeightDifference(x.floats(), y.floats())
        if difference.count > 0, !(difference.share <= tolerance) { isSame = false }
        table.append([
          layer.name, String(index), Numbers.general(Float(difference.largest)),
          Numbers.general(Float(difference.share)),
          difference.count > 0 ? Numbers.percent(difference.changedShare, 1) : "none",
        ])
      }
    }
    for layer in b.layers where !layer.blobs.isEmpty && !names.contains(layer.name) {
      remarks.append("only \(second) has layer '\(layer.name)'")
    }
    console.out.write(table.rendered(console.outStyle, width: console.outTerminal?.width))
    remarks.forEach(console.print)
    if !isSame || !remarks.isEmpty { throw ExitCode(1) }
    console.print(tolerance > 0 ? "the same within the tolerance" : "the same")
  }
}

/// Renames layers.
struct WeightsRenameCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "rename",
    abstract: "Write a copy in which layers have other names.",
    discussion: """
      Weights are loaded by the names of layers, so that a renamed layer starts afresh, or another \
      net takes it up. Nothing else in the file changes.

      Example:
        netrun weights rename alexnet.caffemodel finetune.caffemodel fc8=fc8_old conv1=first
      """)

  @Argument(help: "The file.")
  var file: String

  @Argument(help: "The copy.")
  var copy: String

  @Argument(help: ArgumentHelp("Names, old and new.", valueName: "old=new"))
  var names: [String]

  @Flag(help: "Replace the copy if it is there.")
  var force = false

  mutating func run(_ console: Console) throws {
    var renames: [String: String] = [:]
    for pair in names {
      let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else {
        throw Diagnostic.error(
          "'\(pair)' is not a pair of names", help: "write OLD=NEW", kind: .usage)
      }
      renames[parts[0]] = parts[1]
    }
    try check(renames)
    if !force, FilePath.exists(copy) {
      throw Diagnostic.error(
        "is there already", path: copy, help: "choose another name, or replace it with --force",
        kind: .inputOutput)
    }
    try WeightRenaming.write(file, to: copy, names: renames)
    console.print("\(copy): \(Numbers.count(renames.count, "layer")) renamed")
  }

  /// Every old name must be there, and no name may come to be there twice.
  private func check(_ renames: [String: String]) throws {
    let layers = try WeightFile(path: file).layers.map(\.name)
    var problems = Diagnostics()
    for old in renames.keys.sorted() where !layers.contains(old) {
      problems.append(
        .error(
          "there is no layer '\(old)'", path: file,
          help: closestMatch(to: old, in: layers).map { "did you mean '\($0)'?" }
            ?? "'netrun weights list \(file)' lists them", kind: .usage))
    }
    var seen: Set<String> = []
    let before = Set(layers.filter { name in layers.filter { $0 == name }.count > 1 })
    for name in layers.map({ renames[$0] ?? $0 })
    where !seen.insert(name).inserted && !before.contains(name) {
      problems.append(
        .error("two layers would be called '\(name)'", path: file, kind: .usage))
    }
    try problems.throwIfErrors()
  }
}

/// Looks for what is wrong with weights.
struct WeightsScanCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "scan",
    abstract: "Look for weights that are not finite, huge, or all alike.",
    discussion: """
      The exit code is 1 if a file has values that are not finite.

      Example:
        netrun weights scan snapshots/*.caffemodel
      """)

  @Argument(help: "Files of weights.")
  var files: [String]

  mutating func run(_ console: Console) throws {
    var problems = Diagnostics()
    var broken = 0
    for path in files {
      let file: WeightFile
      do throws(Diagnostics) {
        file = try WeightFile(path: path)
      } catch {
        problems.all += error.all
        continue
      }
      let findings = file.layers.flatMap(WeightsScanCommand.findings)
      if findings.contains(where: \.isBroken) { broken += 1 }
      console.print("\(path): \(findings.isEmpty ? "nothing to remark" : "")")
      for finding in findings { console.print("  \(finding.text)") }
    }
    try problems.throwIfErrors()
    if broken > 0 { throw ExitCode(1) }
  }

  private static func findings(_ layer: WeightLayer) -> [(text: String, isBroken: Bool)] {
    layer.blobs.enumerated().compactMap { index, blob in
      let numbers = WeightNumbers(blob.floats())
      let name = "blob \(index) of layer '\(layer.name)'"
      if numbers.notFinite > 0 {
        let count = "\(Numbers.grouped(numbers.notFinite)) of \(Numbers.grouped(blob.count))"
        return ("\(name): \(count) values are not finite", true)
      }
      if max(abs(numbers.least), abs(numbers.most)) > 1e6 {
        let largest = max(abs(numbers.least), abs(numbers.most))
        return ("\(name): values up to \(Numbers.general(largest))", false)
      }
      // A bias of zeros is common, and so are the counts of batch norm.
      if blob.count > 1, index == 0, numbers.least == numbers.most {
        return ("\(name): all values are \(Numbers.general(numbers.least))", false)
      }
      return nil
    }
  }
}
