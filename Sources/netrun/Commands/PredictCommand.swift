import ArgumentParser
import Compute
import Datasets
import Layers
import Nets
import Prototxt
import Schema

/// Tells what is on images.
struct PredictCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Tell the classes of images by a trained net.",
    discussion: """
      Images are PNG or JPEG files, folders of them, or lists: texts ending in .txt with a path on \
      each line; '-' is a list on the standard input. The net is one for use, as 'netrun deploy' \
      writes it, or one to train, whose test data tell how images are resized, cropped and scaled. \
      Without --weights the newest snapshot is taken, as by 'netrun test'.

      Images that cannot be read are all told; the others are done, and the exit code is 1.

      Examples:
        netrun predict deploy.txt cat.jpg
        netrun predict model.txt photos/ --top 3 --json
        find . -name '*.png' | netrun predict deploy.txt - --csv > classes.csv
        netrun predict deploy.txt --self-test 500 --against model.txt
      """)

  @Argument(help: "The net, or a solver: a text file.")
  var net: String

  @Argument(help: "Images, folders and lists.")
  var images: [String] = []

  @Option(
    help: ArgumentHelp("The weights, a .caffemodel; several by commas.", valueName: "files"))
  var weights: [String] = []

  @Option(help: "How many classes are told of each image.")
  var top = 5

  @Option(help: "A text with the name of a class on each line, that of class 0 first.")
  var labels: String?

  @Option(help: "The blob with the scores, in place of the net's output.")
  var output: String?

  @Flag(
    help:
      "Take the corners and the middle of each image, as they are and turned left to right, and the mean of their scores."
  )
  var tenCrop = false

  @OptionGroup var changes: RecipeOptions

  @Option(help: "How many images are computed at once.")
  var batch: Int?

  @Option(
    help: ArgumentHelp(
      "The shape of a data layer's top, where the data are not here.", valueName: "top=sizes"))
  var shape: [AssumedShape] = []

  @OptionGroup var state: StateOptions

  @Flag(help: "Print CSV: a line for each class of each image.")
  var csv = false

  @Flag(help: "Print JSON: an object on a line for each image.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "In place of images, replay so many samples of the test data, and compare with the test net.",
      valueName: "samples"))
  var selfTest: Int?

  @Option(
    help: ArgumentHelp("The net whose test data --self-test replays.", valueName: "net"))
  var against: String?

  mutating func validate() throws {
    if csv, json { throw ValidationError("--csv and --json exclude each other.") }
    if top < 1 { throw ValidationError("--top must be 1 or more.") }
    if let batch, batch < 1 || batch > 1 << 16 {
      throw ValidationError("--batch must be from 1 to \(1 << 16).")
    }
    if let selfTest, selfTest < 1 { throw ValidationError("--self-test must be 1 or more.") }
    if selfTest == nil, images.isEmpty {
      throw ValidationError("Give images: files, folders, lists, or '-' for a list on stdin.")
    }
    if selfTest == nil, against != nil { throw ValidationError("--against goes with --self-test.") }
    if selfTest != nil, !images.isEmpty {
      throw ValidationError("--self-test takes its images from the test data.")
    }
  }

  mutating func run(_ console: Console) throws {
    var loading = try load(net, console)
    if let input = loading.input {
      loading.recipe = try changes.recipe(input, folder: loading.folder) ?? loading.recipe
    }
    if let selfTest { return try compare(loading, selfTest, console) }
    guard loading.input != nil else {
      throw Diagnostic.error("the net has no input of four axes, which takes images", path: net)
    }
    try predict(loading, console)
  }

  private func load(_ path: String, _ console: Console) throws -> DeployLoading {
    try DeployLoading(
      path, level: state.level ?? 0, stages: state.stages, shapes: shape, options: .init(), console)
  }

  // MARK: Images

  private func predict(_ loading: DeployLoading, _ console: Console) throws {
    let inputs = ImageInputs(images)
    let built = try build(loading, inputs.paths.count, console)
    let feed = try ImageFeed(
      loading.recipe, into: built.input, isTenCrop: tenCrop, workers: built.net.context.workers,
      path: net)
    let scores = try Scores(
      built.net, name: output, batchSize: built.input.shape[0], path: net)
    _ = try loading.load(weights, into: built.net, searching: [net, loading.path], console)
    let names = try (labels ?? loading.labels).map { try ClassNames(path: $0) }
    tell(loading, feed, built.net, console)
    let report = PredictionReport(
      csv ? .csv : json ? .json : .table, names: names, number: top, console)
    var problems = inputs.problems
    let progress = ProgressLine(console, of: "images")
    for start in stride(from: 0, to: inputs.paths.count, by: feed.capacity) {
      let paths = Array(inputs.paths[start..<min(start + feed.capacity, inputs.paths.count)])
      let faults = feed.fill(paths.map { .file($0) })
      _ = try built.net.forward()
      for (index, path) in paths.enumerated() {
        if let fault = faults[index] {
          let isMissing = !FilePath.exists(path)
          problems.append(
            .error(
              fault.message, path: path, help: fault.help,
              kind: isMissing ? .missingInput : .badInput))
          report.add(path, fault)
        } else {
          report.add(path, scores.values(index, pieces: feed.pieces))
        }
      }
      try progress.update(start + paths.count, inputs.paths.count)
    }
    progress.finish()
    report.finish()
    guard !problems.isEmpty else { return }
    console.show(problems)
    console.remark(
      "\(Numbers.count(problems.count, "problem")); "
        + "\(Numbers.grouped(max(0, inputs.paths.count - problems.count + inputs.problems.count))) of "
        + "\(Numbers.count(inputs.paths.count, "image")) done")
    throw ExitCode(1)
  }

  private func build(
    _ loading: DeployLoading, _ count: Int, _ console: Console
  ) throws -> (net: Net, input: Blob) {
    let dims = loading.input?.message("input_param").messages("shape").first?.ints("dim") ?? []
    let size = Shape.checked(Array(dims.dropFirst()))?.count ?? .max
    let isSmall = size <= 3 * 64 * 64
    let wanted = batch ?? min(max(1, count), isSmall ? 64 : 8)
    let built = try loading.build(
      batchSize: tenCrop ? 10 * min(wanted, max(1, count)) : wanted, threads: state.threads,
      keeps: .only(output.map { [$0] } ?? []), console)
    guard let name = loading.input?.strings("top").first, let input = built.blob(name) else {
      throw Diagnostic.error("the net has no input that takes images", path: net)
    }
    return (built, input)
  }

  /// Says what is done to images: what nobody sees is where training and use drift apart.
  private func tell(
    _ loading: DeployLoading, _ feed: ImageFeed, _ built: Net, _ console: Console
  ) {
    var recipe = loading.recipe
    (recipe.height, recipe.width) = (feed.resized?.height ?? 0, feed.resized?.width ?? 0)
    console.remark("images: " + recipe.text(feed.size.channels, isTenCrop: tenCrop))
    let others = built.inputs.map(\.name).filter { loading.input?.strings("top").first != $0 }
    if !others.isEmpty {
      console.remark(
        "inputs that are no images are left at 0: \(others.joined(separator: ", "))")
    }
    if !recipe.isKnown, !changes.isGiven {
      console.remark(
        "'\(net)' does not say how images become its input: no mean, no scale; give --mean and "
          + "--scale, or make the net anew by netrun deploy")
    }
  }

  // MARK: Self-test

  private func compare(_ loading: DeployLoading, _ count: Int, _ console: Console) throws {
    guard !loading.isDeploy || against != nil else {
      throw Diagnostic.error(
        "a net for use has no test data", path: net,
        help: "name the net that it was made from: --against model.txt", kind: .usage)
    }
    let test = try against.map { try load($0, console) } ?? loading
    guard !test.isDeploy else {
      throw Diagnostic.error(
        "has no test data to replay", path: test.path,
        help: "give the net for training and testing by --against", kind: .usage)
    }
    let built = try loading.build(
      batchSize: nil, threads: state.threads, keeps: .only([]), console)
    let files = try loading.load(
      weights, into: built, searching: [net, test.path], console)
    let result = try SelfTest(
      loading, against: test, weights: files, count: count, threads: state.threads, console)
    show(result, test.path, console)
    if result.hasDrift { throw ExitCode(1) }
  }

  private func show(_ result: SelfTest, _ test: String, _ console: Console) {
    if json {
      let blobs = result.shown.map {
        JSON.members([
          "name": .string($0.name), "max_abs_difference": .float($0.largest),
          "max_abs": .float($0.size),
        ])
      }
      console.print(
        JSON.members([
          "net": .string(net), "against": .string(test), "samples": .int(result.samples),
          "drift": .bool(result.hasDrift), "blobs": .array(blobs),
          "hint": result.hint.map { .string($0) },
        ]).indented())
      return
    }
    var table = Table([
      .init("blob"), .init("largest difference", .right), .init("largest value", .right),
    ])
    for item in result.shown {
      table.append([item.name, Numbers.general(item.largest), Numbers.general(item.size)])
    }
    console.print("\(net) against \(test), \(Numbers.count(result.samples, "sample")):")
    console.out.write(table.rendered(console.outStyle, width: console.outTerminal?.width))
    let style = console.outStyle
    if let hint = result.hint {
      console.print(style.error("scores drift") + ": " + hint)
    } else {
      console.print(style.good("no drift") + ": in use the net computes what its test does")
    }
  }
}
