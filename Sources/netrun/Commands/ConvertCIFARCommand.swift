import ArgumentParser
import Datasets

/// Makes LMDBs of CIFAR-10's files.
struct ConvertCIFARCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "cifar",
    abstract: "Make the two LMDBs of CIFAR-10's binary version.",
    discussion: """
      The folder has data_batch_1.bin to data_batch_5.bin and test_batch.bin. What is made is \
      cifar10_train_lmdb and cifar10_test_lmdb.

      Example:
        netrun convert cifar cifar-10-batches-bin .
      """)

  @Argument(help: ArgumentHelp("The folder of the binary files.", valueName: "folder"))
  var source: String

  @Argument(help: ArgumentHelp("The folder to make the databases in.", valueName: "target"))
  var target: String

  @Flag(help: "Replace databases that are there.")
  var force = false

  mutating func run(_ console: Console) throws {
    let progress = ProgressLine(console, of: "records")
    let parts = try CIFARConversion(source: source, target: target, replacesTarget: force)
      .run(progress: progress.update)
    progress.finish()
    for part in parts {
      let least = Numbers.grouped(part.classes.min() ?? 0)
      let most = Numbers.grouped(part.classes.max() ?? 0)
      console.print(
        "\(part.path): \(Numbers.count(part.records, "record")) of 3×32×32, 10 classes of "
          + "\(least == most ? least : "\(least) to \(most)") records")
    }
  }
}
