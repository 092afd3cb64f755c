import ArgumentParser
import Datasets
import Prototxt

/// Makes databases of other files.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Make a database (LMDB) of training records.",
    discussion: """
      Examples:
        netrun convert images photos pets_lmdb --resize 256x256
        netrun convert mnist train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz mnist_train_lmdb
        netrun convert cifar cifar-10-batches-bin .
      """,
    subcommands: [
      ConvertImagesCommand.self, ConvertMNISTCommand.self, ConvertCIFARCommand.self,
    ])
}

/// Makes an LMDB of MNIST's pair of files.
struct ConvertMNISTCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "mnist",
    abstract: "Make an LMDB of a pair of IDX files, images and labels.",
    discussion: """
      The files may be compressed by gzip. The database is made whole or not at all.

      Example:
        netrun convert mnist train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz mnist_train_lmdb
      """)

  @Argument(help: "The file of images.")
  var images: String

  @Argument(help: "The file of labels.")
  var labels: String

  @Argument(help: ArgumentHelp("The folder to make.", valueName: "database"))
  var target: String

  @Flag(help: "Replace the database if there is one.")
  var force = false

  mutating func run(_ console: Console) throws {
    let progress = ProgressLine(console, of: "records")
    let conversion = MNISTConversion(
      images: images, labels: labels, target: target, replacesTarget: force)
    let summary = try conversion.run(progress: progress.update)
    progress.finish()
    let classes = summary.classes.filter { $0 > 0 }
    let counts = "\(Numbers.grouped(classes.min() ?? 0)) to \(Numbers.grouped(classes.max() ?? 0))"
    console.print(
      "\(target): \(Numbers.count(summary.records, "record")) of "
        + "1×\(summary.height)×\(summary.width), "
        + "\(Numbers.count(classes.count, "class", plural: "classes")) of \(counts) records, "
        + Numbers.duration(progress.seconds))
  }
}
