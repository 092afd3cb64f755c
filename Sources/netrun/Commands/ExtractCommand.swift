import ArgumentParser
import Compute
import Datasets
import Layers
import Nets
import Prototxt

/// Writes what blobs of a trained net hold for its data.
struct ExtractCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "extract",
    abstract: "Write the values of a net's blobs for each record of its test data.",
    discussion: """
      A database is what Caffe's extract_features writes: a Datum of floats for each sample. Names \
      that end in .npy give an array for NumPy, those in .csv a text with a line for each sample. \
      Several blobs and files are separated by commas.

      Without --iterations the data is gone through exactly once.

      Examples:
        netrun extract lenet.caffemodel model.txt ip1 features_lmdb
        netrun extract lenet.caffemodel model.txt ip1,prob ip1.npy,prob.csv --iterations 100
      """)

  @Argument(help: "The weights, a .caffemodel.")
  var weights: String

  @Argument(help: "The net, a text file.")
  var net: String

  @Argument(help: "The blobs, separated by commas.")
  var blobs: String

  @Argument(help: "A database or file for each blob, separated by commas.")
  var out: String

  @Option(help: "How many batches, in place of one pass over the data.")
  var iterations: Int?

  @OptionGroup var state: StateOptions

  @Flag(help: "Replace databases and files that are there.")
  var force = false

  mutating func validate() throws {
    if let iterations, iterations < 1 {
      throw ValidationError("--iterations must be 1 or more.")
    }
  }

  mutating func run(_ console: Console) throws {
    let loading = NetLoading(
      path: net, phase: .test, level: state.level ?? 0, stages: state.stages,
      threads: state.threads, keeps: Set(blobs.split(separator: ",").map(String.init)))
    let built = try loading.build("extract", console)
    let found = try find(in: built)
    let paths = out.split(separator: ",").map(String.init)
    guard paths.count == found.count else {
      throw Diagnostic.error(
        "\(Numbers.count(found.count, "blob")), but \(Numbers.count(paths.count, "file")) to write",
        help: "give a database or file for each blob, separated by commas", kind: .usage)
    }
    guard Set(paths).count == paths.count else {
      throw Diagnostic.error("two blobs cannot go to the same file", kind: .usage)
    }
    guard iterations != nil || built.recordCount != nil else {
      throw Diagnostic.error(
        "the net's test phase has no data layer with a last record, so one pass has no end",
        path: net, help: "say how many batches: --iterations N")
    }
    WeightNotes.lines(try built.loadWeights(path: weights)).forEach(console.remark)
    let files = try paths.map { try FeatureFormat(path: $0).open($0, replacing: force) }
    let samples = try run(built, found, files, console)
    for (path, (file, blob)) in zip(paths, zip(files, found)) {
      try file.finish()
      let sizes = blob.shape.dimensions.dropFirst().map(String.init).joined(separator: "×")
      console.print(
        "\(path): \(Numbers.count(samples, "sample")) of '\(blob.name)'"
          + (sizes.isEmpty ? "" : ", \(sizes) each"))
    }
  }

  /// The blobs by their names.
  private func find(in net: Net) throws -> [Blob] {
    var problems = Diagnostics()
    let names = blobs.split(separator: ",").map(String.init)
    let all = net.nodes.flatMap { $0.tops.map(\.name) }
    let found = names.compactMap { name in
      if let blob = net.blob(name) { return blob as Blob? }
      problems.append(
        .error(
          "the net has no blob '\(name)'", path: self.net,
          help: closestMatch(to: name, in: all).map { "did you mean '\($0)'?" }
            ?? "its blobs are \(all.prefix(40).joined(separator: ", "))", kind: .usage))
      return nil
    }
    try problems.throwIfErrors()
    guard !found.isEmpty else {
      throw Diagnostic.error("no blob is named", kind: .usage)
    }
    return found
  }

  /// Runs the net and hands the blobs over; returns the number of samples of the first blob.
  private func run(
    _ net: Net, _ blobs: [Blob], _ files: [any FeatureFile], _ console: Console
  ) throws -> Int {
    let progress = ProgressLine(console, of: "samples")
    defer { progress.finish() }
    let all = iterations.map { $0 * net.batchSize } ?? net.recordCount ?? 0
    if iterations == nil {
      for node in net.nodes { (node.layer as? any SourceLayer)?.beginSinglePass() }
    }
    var samples = 0
    var batches = 0
    while batches < iterations ?? .max {
      do {
        _ = try net.forward()
      } catch is EndOfData {
        break
      }
      for (blob, file) in zip(blobs, files) { try file.add(blob) }
      samples += blobs[0].shape.axes == 0 ? 1 : blobs[0].shape[0]
      batches += 1
      try progress.update(samples, max(all, samples))
    }
    return samples
  }
}
