import ArgumentParser
import Datasets
import Prototxt

/// Makes databases of other files.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Make a database of training records.",
    discussion: """
      Example:
        netrun convert mnist train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz mnist_train_lmdb
      """,
    subcommands: [ConvertMNISTCommand.self])
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
    let live = console.chatterTerminal.flatMap { terminal in
      terminal.canErase ? LiveLine(console.chatter, width: { terminal.width }) : nil
    }
    defer { live?.finish() }
    let start = Clock.seconds
    let conversion = MNISTConversion(
      images: images, labels: labels, target: target, replacesTarget: force)
    let summary = try conversion.run { done, all in
      live?.update(at: Clock.seconds - start) {
        "\(Numbers.grouped(done)) of \(Numbers.grouped(all)) records  "
          + Numbers.percent(Double(done) / Double(max(1, all)), 0)
      }
    }
    live?.finish()
    let classes = summary.classes.filter { $0 > 0 }
    let counts = "\(Numbers.grouped(classes.min() ?? 0)) to \(Numbers.grouped(classes.max() ?? 0))"
    console.print(
      "\(target): \(Numbers.count(summary.records, "record")) of "
        + "1×\(summary.height)×\(summary.width), "
        + "\(Numbers.count(classes.count, "class", plural: "classes")) of \(counts) records, "
        + Numbers.duration(Clock.seconds - start))
  }
}
