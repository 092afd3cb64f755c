import ArgumentParser
import Datasets
import Prototxt

/// Computes the mean of a database's images.
struct MeanCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "mean",
    abstract: "Compute the mean image of a database, and the mean of each channel.",
    discussion: """
      The file is what mean_file in transform_param takes; the numbers are what mean_value takes. \
      Sums are kept in double precision.

      Examples:
        netrun mean train_lmdb
        netrun mean train_lmdb train_mean.binaryproto
      """)

  @Argument(help: "The LMDB.")
  var database: String

  @Argument(help: ArgumentHelp("The file to write.", valueName: "binaryproto"))
  var file: String?

  @Flag(help: "Replace the file if it is there.")
  var force = false

  @Flag(help: "Print JSON.")
  var json = false

  mutating func run(_ console: Console) throws {
    if let file, !force, FilePath.exists(file) {
      throw Diagnostic.error(
        "is there already", path: file, help: "choose another name, or replace it with --force",
        kind: .inputOutput)
    }
    let progress = ProgressLine(console, of: "records")
    let mean = try MeanComputation(of: database, progress: progress.update)
    progress.finish()
    if let file { try mean.write(to: file) }
    let means = mean.channelMeans
    if json {
      let size = [mean.size.channels, mean.size.height, mean.size.width]
      console.print(
        JSON.members([
          "database": .string(database), "records": .int(mean.records),
          "shape": .array(size.map(JSON.int)), "mean_value": .array(means.map(JSON.double)),
          "file": file.map(JSON.string),
        ]).indented())
      return
    }
    for value in means { console.print("mean_value: \(Numbers.general(value))") }
    let done = "\(Numbers.count(mean.records, "record")) of \(mean.size)"
    console.remark(file.map { "\($0) is the mean of \(done)" } ?? "of \(done)")
  }
}
