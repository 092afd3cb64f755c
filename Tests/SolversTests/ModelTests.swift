import Compute
import Foundation
import Layers
import Nets
import Prototxt
import Schema
import Testing

@testable import Solvers

/// The nets of models/: full sizes are only looked at, and what computes is made smaller.
@Suite("The nets of models/", .serialized)
struct ModelTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "models")

  private static func text(_ model: String, _ file: String) throws -> String {
    try String(contentsOf: folder.appending(path: "\(model)/\(file)"), encoding: .utf8)
  }

  /// A net without memory for its values, as `netrun summary` sees it.
  private static func sketch(
    _ model: String, _ file: String, _ phase: Phase, stages: [String] = [],
    assumed: [String: Shape] = [:]
  ) throws -> Net {
    let (net, warnings) = try NetDescription.load(folder.appending(path: "\(model)/\(file)").path)
    #expect(warnings.isEmpty)
    let context = LayerContext(
      workers: Workers(count: 1), opensSources: false, assumedShapes: assumed, isSketch: true)
    return try Net(
      net, options: Net.Options(state: NetState(phase: phase, stages: stages), context: context))
  }

  /// What there is to count, in all layers.
  private static func sizes(_ net: Net) -> (learnt: Int, statistics: Int, products: Int) {
    var (learnt, statistics, products) = (0, 0, 0)
    for parameter in net.parameters {
      let isStatistic = net.nodes[parameter.owner.layer].spec.type == "BatchNorm"
      if isStatistic { statistics += parameter.blob.count } else { learnt += parameter.blob.count }
    }
    for node in net.nodes { products += node.layer.multiplyAdds }
    return (learnt, statistics, products)
  }

  /// Samples of a batch: the first axis of what comes in, but the second where the first is time.
  private static func batch(_ net: Net, _ model: String) -> Int {
    let shape = net.nodes[0].tops[0].shape
    return model.hasPrefix("lstm") ? shape[1] : shape[0]
  }

  @Test("Every folder is in the table of sizes, and has all four files")
  func folders() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
      .filter { !$0.hasSuffix(".md") && !$0.hasPrefix(".") }
    #expect(Set(names) == Set(ModelSize.all.map(\.name)))
    for name in names {
      for file in ["model.txt", "solver.txt", "solver-synthetic.txt", "deploy.txt"] {
        #expect(throws: Never.self) { try Self.text(name, file) }
      }
    }
  }

  @Test("Each net has the published sizes", arguments: ModelSize.all)
  func sizes(_ model: ModelSize) throws {
    let name = model.name
    let deploy = Self.sizes(try Self.sketch(name, "deploy.txt", .test))
    #expect(deploy == (model.parameters, model.statistics, model.multiplyAdds))
    let train = try Self.sketch(name, "model.txt", .train, stages: ["synthetic"])
    let samples = Self.batch(train, name)
    let products = model.trainingMultiplyAdds ?? model.multiplyAdds
    #expect(
      Self.sizes(train) == (
        model.parameters + model.side, model.statistics, samples * products
      ))
  }

  @Test(
    "The net for use has the layers that the tested one has weights for", arguments: ModelSize.all)
  func weights(_ model: ModelSize) throws {
    let deploy = try Self.sketch(model.name, "deploy.txt", .test)
    let test = try Self.sketch(model.name, "model.txt", .test, stages: ["synthetic"])
    #expect(Self.shapes(deploy) == Self.shapes(test))
  }

  /// The shape of each layer's blobs, of those that own them.
  private static func shapes(_ net: Net) -> [String: [Shape]] {
    var result: [String: [Shape]] = [:]
    for (number, node) in net.nodes.enumerated() where !node.layer.parameters.isEmpty {
      guard net.ownsParameter[number].contains(true) else { continue }
      result[node.name] = node.layer.parameters.map(\.shape)
    }
    return result
  }

  @Test("The real data layers fit the net as the random numbers do", arguments: ModelSize.all)
  func data(_ model: ModelSize) throws {
    for phase in [Phase.train, .test] {
      let synthetic = try Self.sketch(model.name, "model.txt", phase, stages: ["synthetic"])
      let source = synthetic.nodes[0]
      let assumed = Dictionary(
        zip(source.topNames, source.tops.map(\.shape)), uniquingKeysWith: { first, _ in first })
      let real = try Self.sketch(model.name, "model.txt", phase, assumed: assumed)
      #expect(real.sources.count == 1)
      #expect(real.nodes[0].topNames == source.topNames)
      #expect(Self.shapes(real) == Self.shapes(synthetic))
      if phase == .train { #expect(real.nodes[0].tops.map(\.shape) == source.tops.map(\.shape)) }
    }
  }

  @Test("Each solver says only what a solver may, and names its net", arguments: ModelSize.all)
  func solvers(_ model: ModelSize) throws {
    for (file, tests) in [("solver.txt", 1), ("solver-synthetic.txt", 0)] {
      let path = Self.folder.appending(path: "\(model.name)/\(file)").path
      let (message, warnings) = try SolverDescription.load(path)
      #expect(warnings.isEmpty)
      let settings = try SolverSettings(message)
      #expect(settings.warnings.isEmpty)
      let nets = try NamedNets(message, path: path, options: Solver.Options())
      #expect(nets.train.path?.hasSuffix("models/\(model.name)/model.txt") == true)
      #expect(nets.tests.count == tests)
    }
  }

  @Test("Each net learns from random numbers for two steps", arguments: ModelSize.all)
  func training(_ model: ModelSize) throws {
    let solverText = try Self.text(model.name, "solver-synthetic.txt")
      .replacing("net: \"model.txt\"", with: "")
      .replacing(/max_iter: \d+/, with: "max_iter: 2")
    let log = SolverLog()
    let solver = try Training.solver(
      solverText, net: Self.small(model.name, try Self.text(model.name, "model.txt")), log: log)
    #expect(Self.batch(solver.trainNet, model.name) == Self.samples(model.name))
    let before = solver.trainNet.parameters.map { $0.blob.array }
    #expect(try solver.solve() == .finished)
    #expect(log.losses.count == 2 && log.losses.allSatisfy { $0.isFinite && $0 > 0 })
    // Not each blob: BatchNorm behind filters of single channels undoes a Scale before them.
    var learning: Set<Int> = []
    for (parameter, values) in zip(solver.trainNet.parameters, before)
    where parameter.blob.array != values {
      learning.insert(parameter.owner.layer)
    }
    for parameter in solver.trainNet.parameters {
      let layer = parameter.owner.layer
      let hasLearned = learning.contains(layer)
      #expect(hasLearned, "\(solver.trainNet.nodes[layer].name) has not changed")
    }
  }

  /// How many samples are enough: ImageNet's take their time.
  private static func samples(_ model: String) -> Int {
    ["alexnet", "caffenet", "googlenet", "mobilenet", "resnet50", "squeezenet", "vgg16"]
      .contains(model) ? 1 : 2
  }

  /// The net with 2 samples a batch and 64 units in its hidden inner products, or with one image of
  /// 64 × 64.
  ///
  /// Whole, the largest would take 2 GB and most of the time of all tests. GoogLeNet's last pooling
  /// needs its image whole.
  private static func small(_ model: String, _ text: String) -> String {
    var text = text
    if model.hasPrefix("lstm") {
      text.replace(/(shape { dim: \d+ dim: )\d+/) { "\($0.output.1)2" }
    } else {
      text.replace(/shape { dim: \d+/) { _ in "shape { dim: \(samples(model))" }
    }
    if model != "googlenet" {
      text.replace(/dim: 3 dim: 22[47] dim: 22[47]/) { _ in "dim: 3 dim: 64 dim: 64" }
    }
    text.replace(/(inner_product_param {\n +num_output: )(?:4096|2048)\n/) {
      "\($0.output.1)64\n"
    }
    return text
  }
}
