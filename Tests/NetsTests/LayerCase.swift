import Compute
import Foundation
import Layers
import Nets
import Schema
import Testing

/// One sample of one layer type: what every automatic test of layers runs over.
struct LayerCase: Sendable, CustomTestStringConvertible {
  let type: any Layer.Type
  let number: Int

  var sample: LayerSample { type.samples[number] }

  var testDescription: String { "\(type.type) #\(number) \(sample.text)" }

  /// All samples of all types of the catalogue.
  static let all: [LayerCase] = LayerCatalog.all.flatMap { type in
    type.samples.indices.map { LayerCase(type: type, number: $0) }
  }

  static let withGradient = all.filter { $0.sample.hasGradient }
  static let withBottoms = all.filter { !$0.sample.bottoms.isEmpty }
  /// Clip is left out: in place its gradient is another one, as in Caffe.
  static let inPlace = all.filter { $0.type.runsInPlace && $0.type.type != "Clip" }

  /// How a net around the layer is built.
  struct Setting {
    var threads = 1
    /// How often the batch is repeated along the first axis.
    var repeats = 1
    var isInPlace = false
  }

  /// Builds a net of `Input` layers and the layer.
  func net(_ setting: Setting = Setting()) throws -> Net {
    let description = try TextFormat.parse(text(setting), as: .net)
    let context = LayerContext(
      workers: Workers(count: setting.threads), seed: 7,
      files: FileResolver(folder: packageFolder.path))
    let net = try Net(
      description, options: Net.Options(state: NetState(phase: sample.phase), context: context))
    for node in net.nodes {
      guard let source = node.layer as? any MemorySource, let top = node.tops.first else {
        continue
      }
      let records = 3 * source.batchSize
      let values = (0..<3 * top.count).map { Float($0 % 17) - 8 }
      try source.setData(values, labels: (0..<records).map(Float.init))
    }
    return net
  }

  func text(_ setting: Setting) -> String {
    var text = "force_backward: true\n"
    var layer = "layer { name: 'layer' type: '\(type.type)'"
    for (index, bottom) in sample.bottoms.enumerated() {
      let sizes = shape(bottom, setting.repeats).dimensions.map { "dim: \($0) " }.joined()
      text +=
        "layer { name: 'x\(index)' type: 'Input' top: 'x\(index)'"
        + " input_param { shape { \(sizes)} } }\n"
      layer += " bottom: 'x\(index)'"
    }
    for index in 0..<sample.tops {
      layer += setting.isInPlace ? " top: 'x\(index)'" : " top: 'y\(index)'"
    }
    return text + layer + " \(sample.text) }\n"
  }

  // MARK: Bottoms

  func shape(_ bottom: LayerSample.Input, _ repeats: Int = 1) -> Shape {
    var shape =
      switch bottom {
      case .uniform(let shape), .range(let shape, _), .labels(let shape, _): shape
      case .values(let shape, _), .constants(let shape, _): shape
      }
    if shape.axes > 0 { shape[0] *= repeats }
    return shape
  }

  /// The values of a bottom; they depend on the case alone.
  func values(_ index: Int, _ repeats: Int = 1) -> [Float] {
    let bottom = sample.bottoms[index]
    let count = shape(bottom, repeats).count
    var random = RandomStream(seed: 1, purpose: "\(type.type) \(number) \(index)")
    switch bottom {
    case .uniform: return (0..<count).map { _ in Float(2 * random.unit() - 1) }
    case .range(_, let range):
      let width = Double(range.upperBound) - Double(range.lowerBound)
      return (0..<count).map { _ in range.lowerBound + Float(width * random.unit()) }
    case .labels(_, let classes): return (0..<count).map { _ in Float(random.below(classes)) }
    case .values(_, let values), .constants(_, let values):
      return (0..<count).map { values[$0 % values.count] }
    }
  }

  /// Whether a bottom's gradient is checked.
  func isDifferentiable(_ index: Int) -> Bool {
    switch sample.bottoms[index] {
    case .uniform, .range, .values: true
    case .labels, .constants: false
    }
  }

  func setInputs(of net: Net, _ repeats: Int = 1) {
    for index in sample.bottoms.indices { net.blob("x\(index)")?.assign(values(index, repeats)) }
  }
}

extension Net {
  /// The layer under test: the last.
  var tested: Node {
    get throws { try #require(nodes.last) }
  }
}

extension Node {
  /// What each value of each top counts in the tests' objective, and as its gradient: fixed numbers,
  /// or for losses their weight.
  func topWeights() -> [[Float]] {
    let isLoss = lossWeights.contains { $0 != 0 }
    return tops.enumerated().map { index, top in
      var random = RandomStream(seed: 2, purpose: "top \(index)")
      return (0..<top.count).map { _ in
        let weight = Float((0.5 + random.unit()) * (random.unit() < 0.5 ? 1 : -1))
        return isLoss ? lossWeights[index] : weight
      }
    }
  }

  /// Gives the tops the gradients of the objective.
  func setTopGradients() {
    for (top, weights) in zip(tops, topWeights()) {
      top.gradient.update(from: weights, count: top.count)
    }
  }
}

/// The package's folder.
let packageFolder = URL(filePath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent()
