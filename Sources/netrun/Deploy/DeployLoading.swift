import Compute
import Datasets
import Glibc
import Layers
import Nets
import Prototxt
import Schema
import Solvers

/// A net for use with what belongs to it, made from any net or solver.
struct DeployLoading {
  /// The net for use, in today's form.
  var net: Message
  /// The file that the net came from: of a solver, its test net's.
  let path: String
  /// Where files that the net names are looked for.
  let folder: String?
  /// How images become its input.
  var recipe = ImageRecipe()
  /// The input that takes images, if one does.
  var input: Message?
  /// The names of classes, if they are known.
  var labels: String?
  /// Whether the file is a net for use itself.
  let isDeploy: Bool
  /// The net for training and testing; that for use itself if it is one.
  let original: Message
  /// Which layers of the original take part.
  let state: NetState
  private(set) var remarks: [String] = []

  /// Reads a net or solver, and makes the net for use of it unless it is one.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - level: The level that rules are matched against.
  ///   - stages: The stages that are set.
  ///   - shapes: Shapes of data that are not here.
  ///   - options: What is to be made.
  ///   - console: Where warnings go.
  /// - Throws: all that is wrong with the files.
  init(
    _ path: String, level: Int, stages: [String], shapes: [AssumedShape],
    options: DeployNet.Options, _ console: Console
  ) throws {
    let named = try FoundNet.read(path, level, stages, console)
    self.path = named.path ?? path
    folder = named.folder
    original = named.description
    state = named.usable
    let layers = original.messages("layer").filter(state.includes)
    isDeploy = !layers.contains {
      LayerCatalog.type(of: $0) is any SourceLayer.Type || $0.string("type") == "DummyData"
        || DeployNet.isJudge($0)
    }
    if isDeploy {
      net = original
      input = layers.first { DeployLoading.takesImages($0) }
      if let input { recipe = try ImageRecipe(input, folder: folder) }
      labels = DeployLoading.existing("\(FilePath.stem(self.path))_labels.txt")
      return
    }
    let sketch = NetSketch(shapes: shapes, console: console)
    let built = try sketch.build(original, folder: folder, state: state)
    var blobs: [String: Shape] = [:]
    for node in built.nodes { for top in node.tops { blobs[top.name] = top.shape } }
    let made = try DeployNet(original, state: state, shapes: blobs, options: options)
    net = made.net
    remarks = made.remarks
    try complete(made)
  }

  private static func takesImages(_ layer: Message) -> Bool {
    guard layer.string("type") == "Input" else { return false }
    let shape = layer.message("input_param").messages("shape").first
    return layer.has("transform_param") || layer.has("image_data_param")
      || shape.map { $0.count("dim") == 4 } == true
  }

  /// Adds what only the data tell.
  private mutating func complete(_ made: DeployNet) throws {
    guard let source = made.source else {
      input = net.messages("layer").first { DeployLoading.takesImages($0) }
      if let input { recipe = try ImageRecipe(input, folder: folder) }
      return
    }
    var layers = net.messages("layer")
    guard let place = layers.firstIndex(where: { DeployLoading.takesImages($0) }) else { return }
    if source.string("type") == "Data" {
      let files = FileResolver(folder: folder)
      if let database = files.existing(source.message("data_param").string("source")) {
        if let size = ImageRecipe.size(ofDatabase: database) {
          ImageRecipe.record(size, in: &layers[place])
        }
        labels = DeployLoading.labels(beside: database)
      }
    }
    net.set("layer", messages: layers)
    input = layers[place]
    recipe = try ImageRecipe(layers[place], folder: folder)
  }

  // MARK: Files

  /// The text that `netrun convert images` writes beside a database.
  private static func labels(beside database: String) -> String? {
    var stem = database
    while stem.count > 1, stem.hasSuffix("/") { stem.removeLast() }
    if stem.hasSuffix("_lmdb") { stem.removeLast(5) }
    let endings = ["_test", "_train", "_val"].filter(stem.hasSuffix)
    let stems = [stem] + endings.map { String(stem.dropLast($0.count)) }
    return stems.lazy.compactMap { existing("\($0)_labels.txt") }.first
  }

  private static func existing(_ path: String) -> String? { FilePath.exists(path) ? path : nil }

  /// Builds the net for use.
  ///
  /// - Parameters:
  ///   - batchSize: How many samples the image input takes; `nil` as the net says.
  ///   - threads: How many threads compute.
  ///   - keeps: Which blobs keep what they hold.
  ///   - console: Where remarks go.
  /// - Throws: all that is wrong with the net.
  /// - Returns: The net.
  func build(
    batchSize: Int?, threads: Int?, keeps: Net.Keeping, _ console: Console
  ) throws -> Net {
    var shapes: [String: Shape] = [:]
    if let batchSize, let input, let top = input.strings("top").first,
      let dims = input.message("input_param").messages("shape").first?.ints("dim"), !dims.isEmpty,
      let shape = Shape.checked([batchSize] + dims.dropFirst())
    {
      shapes[top] = shape
    }
    let context = LayerContext(
      workers: Workers(count: threads ?? Workers.available), files: FileResolver(folder: folder),
      assumedShapes: shapes, remark: RemarkPrinter(console).remark)
    var options = Net.Options(
      state: NetState(phase: .test, level: state.level, stages: state.stages), context: context)
    options.mergesState = false
    options.keeps = keeps
    options.runsBackward = false
    return try Net(net, options: options)
  }

  /// Loads the weights that were given, or the newest snapshot.
  func load(
    _ weights: [String], into net: Net, searching paths: [String], _ console: Console
  ) throws -> [String] {
    var files = Operand.list(weights)
    if files.isEmpty, net.nodes.contains(where: { !$0.layer.parameters.isEmpty }) {
      var search = WeightSearch(model: paths.first ?? path)
      for path in paths.dropFirst() { search.add(WeightSearch(model: path)) }
      let found = try search.find(for: net)
      console.remark("weights are the newest snapshot, \(found)")
      files = [found]
    }
    for file in files {
      let report = try net.loadWeights(path: file)
      if !report.fresh.isEmpty { WeightNotes.lines(report).forEach(console.remark) }
    }
    return files
  }
}

/// A net that a command was given, or the one that its solver names.
private struct FoundNet {
  let description: Message
  let path: String?
  let folder: String?
  let state: NetState

  /// The state in which the net has data or inputs: that of training if it has none for tests.
  var usable: NetState {
    var training = state
    training.phase = .train
    let layers = description.messages("layer")
    func hasData(_ state: NetState) -> Bool {
      layers.contains {
        !$0.has("bottom") && $0.string("type") != "Parameter" && state.includes($0)
      }
    }
    return hasData(state) || !hasData(training) ? state : training
  }

  /// Reads a net, or a solver, of which the first test net is taken.
  static func read(
    _ path: String, _ level: Int, _ stages: [String], _ console: Console
  ) throws -> FoundNet {
    if case .solver? = DescribedFile(path) {
      let (solver, warnings) = try SolverDescription.load(path)
      console.show(warnings)
      var options = Solver.Options()
      options.level = level
      options.stages = stages
      let nets = try NamedNets(solver, path: path, options: options)
      let net = nets.tests.first ?? nets.train
      var state = net.state
      state.phase = .test
      return FoundNet(
        description: net.description, path: net.path, folder: net.folder, state: state)
    }
    let (net, warnings) = try NetDescription.load(path)
    console.show(warnings)
    var state = NetState(phase: .test, level: level, stages: stages)
    let given = net.message("state")
    if level == 0 { state.level = given.int("level") }
    state.stages = given.strings("stage") + state.stages
    return FoundNet(
      description: net, path: path, folder: FileResolver.folder(of: path), state: state)
  }
}

extension FilePath {
  /// A path without its ending.
  static func stem(_ path: String) -> String {
    let name = name(path)
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return path }
    return join(folder(path), String(name[..<dot]))
  }

  /// A path from the topmost folder on.
  static func absolute(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }
}
