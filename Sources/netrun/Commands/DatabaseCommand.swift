import ArgumentParser
import Datasets
import Prototxt

/// Looks into databases.
struct DatabaseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "db",
    abstract: "Look into a database (LMDB) of records.",
    discussion: """
      Examples:
        netrun db info train_lmdb
        netrun db verify train_lmdb
        netrun db labels train_lmdb
        netrun db export train_lmdb some_images --count 100
        netrun db preview model.txt preview.png
      """,
    subcommands: [
      DatabaseInfoCommand.self, DatabaseVerifyCommand.self, DatabaseHeadCommand.self,
      DatabaseLabelsCommand.self, DatabaseExportCommand.self, DatabasePreviewCommand.self,
    ])
}

/// Tells what a database holds.
struct DatabaseInfoCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Tell how many records there are, of what sizes, and how they are stored.",
    discussion: """
      Example:
        netrun db info train_lmdb
      """)

  @Argument(help: "The LMDB.")
  var database: String

  @Flag(help: "Print JSON.")
  var json = false

  mutating func run(_ console: Console) throws {
    let database = try Database(path: database)
    let progress = ProgressLine(console, of: "records")
    var survey = DatabaseSurvey()
    while let record = try database.nextGood() {
      survey.add(record)
      if survey.records % 1000 == 0 { try progress.update(survey.records, database.count) }
    }
    progress.finish()
    console.print(
      json ? survey.json(database.path).indented() : survey.text(database.path))
  }
}

/// Reads every record of a database.
struct DatabaseVerifyCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Read and decode every record, and list those that are damaged.",
    discussion: """
      Records of several sizes are told, since a batch cannot hold them. The exit code is 0 only if \
      every record can be read.

      Example:
        netrun db verify train_lmdb
      """)

  @Argument(help: "The LMDB.")
  var database: String

  mutating func run(_ console: Console) throws {
    let database = try Database(path: database)
    let progress = ProgressLine(console, of: "records")
    var survey = DatabaseSurvey()
    var problems = Diagnostics()
    var done = 0
    var bad = 0
    while let result = try database.next() {
      switch result {
      case .success(let record): survey.add(record)
      case .failure(let problem):
        bad += 1
        if bad <= 100 { problems.append(problem) }
      }
      done += 1
      if done % 1000 == 0 { try progress.update(done, database.count) }
    }
    progress.finish()
    if bad > 0 {
      problems.append(
        .error(
          "\(Numbers.grouped(bad)) of \(Numbers.count(done, "record")) cannot be used",
          path: database.path, help: "make the database again from its files"))
      throw problems
    }
    console.print("\(database.path): \(Numbers.count(done, "record")), all of them can be read")
    if survey.sizes.count > 1 {
      console.remark(
        "the images have \(survey.sizes.count) sizes, so a batch of several needs crop_size")
    }
  }
}

/// Shows the first records.
struct DatabaseHeadCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "head",
    abstract: "Show the first records: key, label, size, values.",
    discussion: """
      Example:
        netrun db head train_lmdb --count 20
      """)

  @Argument(help: "The LMDB.")
  var database: String

  @Option(help: "How many records.")
  var count = 10

  mutating func run(_ console: Console) throws {
    let database = try Database(path: database)
    var table = Table([
      .init("key"), .init("label", .right), .init("size"), .init("stored as"),
      .init("bytes", .right), .init("least", .right), .init("most", .right),
    ])
    var shown = 0
    while shown < count, let record = try database.nextGood() {
      table.append([
        String(record.key.dropFirst().dropLast()), String(record.label),
        record.size.description, record.storage.rawValue, Numbers.grouped(record.bytes),
        Numbers.general(record.range.lowerBound), Numbers.general(record.range.upperBound),
      ])
      shown += 1
    }
    console.out.write(table.rendered(console.outStyle, width: console.outTerminal?.width))
  }
}

/// Counts labels.
struct DatabaseLabelsCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "labels",
    abstract: "Count the records of each label.",
    discussion: """
      Examples:
        netrun db labels train_lmdb
        netrun db labels train_lmdb --names train_labels.txt
      """)

  @Argument(help: "The LMDB.")
  var database: String

  @Option(help: ArgumentHelp("A text with the names of classes, a line each.", valueName: "file"))
  var names: String?

  @Flag(help: "Print JSON.")
  var json = false

  mutating func run(_ console: Console) throws {
    let database = try Database(path: database)
    let names = try self.names.map { try ClassNames(path: $0) }
    var counts: [Int32: Int] = [:]
    while let record = try database.nextGood() { counts[record.label, default: 0] += 1 }
    let labels = counts.keys.sorted()
    if json {
      let members = labels.map { (name: String($0), value: JSON.int(counts[$0] ?? 0)) }
      console.print(JSON.object(members).indented())
      return
    }
    let all = max(1, counts.values.reduce(0, +))
    let most = max(1, counts.values.max() ?? 1)
    var table = Table([
      .init("label", .right), .init("records", .right), .init("share", .right),
      .init(names == nil ? "" : "name"), .init(""),
    ])
    for label in labels {
      let count = counts[label] ?? 0
      let bar = String(repeating: "█", count: max(1, 30 * count / most))
      table.append([
        String(label), Numbers.grouped(count), Numbers.percent(Double(count) / Double(all), 1),
        names?[label] ?? (names == nil ? bar : ""), names == nil ? "" : bar,
      ])
    }
    console.out.write(table.rendered(console.outStyle, width: console.outTerminal?.width))
  }
}

/// Writes images as files.
struct DatabaseExportCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write the images as PNG files, in a folder for each label.",
    discussion: """
      Images of floats are brought to the range from 0 to 255, each by its own least and largest \
      value.

      Example:
        netrun db export train_lmdb some_images --count 100
      """)

  @Argument(help: "The LMDB.")
  var database: String

  @Argument(help: "The folder to make.")
  var folder: String

  @Option(help: "How many records at most.")
  var count: Int?

  @Flag(help: "Write into a folder that is there, over files of the same names.")
  var force = false

  mutating func run(_ console: Console) throws {
    let database = try Database(path: database)
    let progress = ProgressLine(console, of: "images")
    let (images, labels) = try ImageExport(target: folder, limit: count, replaces: force)
      .run(database, progress: progress.update)
    progress.finish()
    console.print(
      "\(folder): \(Numbers.count(images, "image")) in \(Numbers.count(labels, "folder"))")
  }
}
