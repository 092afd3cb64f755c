import ArgumentParser
import Compute
import Datasets
import Prototxt
import Schema

/// Makes an LMDB of image files.
struct ConvertImagesCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "images",
    abstract: "Make an LMDB of PNG and JPEG files.",
    discussion: """
      Give a folder that has a folder for each class, or a root folder and a list as Caffe's \
      convert_imageset takes it: on each line a path below the root, a space and a label. Of a \
      folder, the names of the classes are written to a text beside the database.

      Every file must be readable: if one is not, all that are not are listed and nothing is made. \
      --skip-bad leaves them out.

      Examples:
        netrun convert images photos pets_lmdb --resize 256x256 --shuffle
        netrun convert images photos pets_lmdb --resize 64x64 --gray --shuffle --split 0.9
        netrun convert images /data/imagenet/ train.txt train_lmdb --encoded --shuffle
      """)

  @Argument(
    help: ArgumentHelp(
      "A folder of class folders and the database to make; or a root, a list and the database.",
      valueName: "paths"))
  var paths: [String] = []

  @Option(
    help: ArgumentHelp(
      "Bring all images to this size, width × height.", valueName: "WxH"))
  var resize: String?

  @Flag(help: "Make one channel, not three.")
  var gray = false

  @Flag(help: "Store image files, not pixels: smaller, and decoded when they are read.")
  var encoded = false

  @Option(
    help: ArgumentHelp("Store image files of this type: png or jpg.", valueName: "type"))
  var encodeType: String?

  @Flag(help: "Bring the images into an order drawn at random; --seed says which.")
  var shuffle = false

  @Option(help: "What draws derive from.")
  var seed: UInt64 = 1

  @Option(
    help: ArgumentHelp(
      "Make two databases, NAME_train and NAME_test, with this share of each class in the first.",
      valueName: "share"))
  var split: Double?

  @Flag(help: "Leave files out that cannot be read.")
  var skipBad = false

  @Flag(help: "Replace databases and texts that are there.")
  var force = false

  @Option(help: "How many threads decode.")
  var threads: Int?

  mutating func validate() throws {
    guard paths.count == 2 || paths.count == 3 else {
      throw ValidationError("Give FOLDER DATABASE, or ROOT LIST DATABASE.")
    }
    if let split, !(split > 0 && split < 1) {
      throw ValidationError("--split must be between 0 and 1, such as 0.9.")
    }
    if let encodeType, ImageFormat(ending: encodeType) == nil {
      throw ValidationError("--encode-type must be png or jpg.")
    }
    if let resize, ConvertImagesCommand.size(resize) == nil {
      throw ValidationError("--resize must be WIDTHxHEIGHT, such as 256x256.")
    }
    if let threads, threads < 1 || threads > 1024 {
      throw ValidationError("--threads must be from 1 to 1024.")
    }
  }

  /// The numbers of `256x256`; one alone stands for both.
  static func size(_ text: String) -> (width: Int, height: Int)? {
    let parts = text.lowercased().split(omittingEmptySubsequences: false) { $0 == "x" || $0 == "×" }
    let numbers = parts.compactMap { Int($0) }.filter { (1...1 << 16).contains($0) }
    guard numbers.count == parts.count, let width = numbers.first, let height = numbers.last,
      numbers.count <= 2
    else { return nil }
    return (width, height)
  }

  mutating func run(_ console: Console) throws {
    let isFolder = paths.count == 2
    let target = ImageTarget(paths[paths.count - 1])
    var images =
      try isFolder
      ? ImageCollection(folder: paths[0]) : ImageCollection(root: paths[0], list: paths[1])
    if images.otherFiles > 0 {
      console.remark(
        "\(Numbers.count(images.otherFiles, "file")) in '\(paths[0])' left out: names of images end "
          + "in .png, .jpg or .jpeg")
    }
    try target.checkLabels(images, force: force)
    if isFolder, !shuffle, Set(images.items.map(\.label)).count > 1 {
      console.remark(
        "records are stored class after class, from which a net learns badly; give --shuffle here, "
          + "or to netrun train")
    }
    if shuffle { images.shuffle(seed: seed) }
    if let split {
      let (training, testing) = images.split(split, seed: seed)
      guard !testing.items.isEmpty else {
        throw Diagnostic.error(
          "no class has two images, so that nothing is left to test with", path: paths[0])
      }
      try convert([(training, target.part("train")), (testing, target.part("test"))], console)
    } else {
      try convert([(images, target.path)], console)
    }
    if let path = try target.writeLabels(images) {
      console.print("\(path): \(Numbers.count(images.classNames.count, "name")) of classes")
    }
  }

  private var conversion: ImageConversion {
    var conversion = ImageConversion()
    if let size = resize.flatMap(ConvertImagesCommand.size) {
      (conversion.width, conversion.height) = size
    }
    conversion.isGray = gray
    conversion.isEncoded = encoded
    conversion.format = encodeType.flatMap { ImageFormat(ending: $0) }
    conversion.skipsBad = skipBad
    conversion.replacesTarget = force
    return conversion
  }

  private func convert(
    _ parts: [(images: ImageCollection, target: String)], _ console: Console
  ) throws {
    let progress = ProgressLine(console, of: "images")
    let summaries = try conversion.run(
      parts, workers: Workers(count: threads ?? Workers.available), progress: progress.update)
    progress.finish()
    console.show(
      summaries.flatMap(\.bad).map { problem in
        var warning = problem
        warning.severity = .warning
        return warning
      })
    for (summary, part) in zip(summaries, parts) {
      console.print(line(part.target, summary) + ", " + Numbers.duration(progress.seconds))
    }
    if !encoded, encodeType == nil, summaries.contains(where: { !$0.isUniform }) {
      console.remark(
        "images have several sizes, so a batch of several needs crop_size; --resize WxH gives all "
          + "one size")
    }
  }

  private func line(_ path: String, _ summary: ImageConversion.Summary) -> String {
    let sizes =
      summary.isUniform ? "\(summary.smallest)" : "\(summary.smallest) to \(summary.largest)"
    let counts = summary.classes.values
    let (least, most) = (counts.min() ?? 0, counts.max() ?? 0)
    let each =
      least == most
      ? Numbers.grouped(least) : "\(Numbers.grouped(least)) to \(Numbers.grouped(most))"
    let bad = summary.bad.isEmpty ? "" : ", \(Numbers.grouped(summary.bad.count)) left out"
    return "\(path): \(Numbers.count(summary.records, "record")) of \(sizes), "
      + "\(Numbers.count(counts.count, "class", plural: "classes")) of \(each) records\(bad)"
  }
}

/// The names of what is made.
struct ImageTarget {
  /// The database, if there is one.
  let path: String
  private let stem: String
  private let ending: String

  init(_ path: String) {
    var path = path[...]
    while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    self.path = String(path)
    ending = path.hasSuffix("_lmdb") ? "_lmdb" : ""
    stem = String(path.dropLast(ending.count))
  }

  /// The database of one part of two: `pets_lmdb` gives `pets_train_lmdb`.
  func part(_ name: String) -> String { "\(stem)_\(name)\(ending)" }

  /// The text with the names of classes.
  var labels: String { "\(stem)_labels.txt" }

  /// Refuses to write over a text.
  func checkLabels(_ images: ImageCollection, force: Bool) throws(Diagnostic) {
    guard !images.classNames.isEmpty, !force, FilePath.exists(labels) else { return }
    throw .error(
      "is there already", path: labels, help: "choose another name, or replace it with --force",
      kind: .inputOutput)
  }

  /// Writes the names of classes, that of class n on line n + 1; returns the text's path.
  func writeLabels(_ images: ImageCollection) throws(Diagnostic) -> String? {
    guard let largest = images.classNames.keys.max(), largest < 1 << 20 else { return nil }
    let lines = (0...largest).map { (images.classNames[$0] ?? "") + "\n" }
    try AtomicFile.write(lines.joined(), to: labels)
    return labels
  }
}
