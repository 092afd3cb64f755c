import Compute
import Layers
import Nets
import Testing

/// Compares gradients with central differences, in the spirit of Caffe's GradientChecker.
@Suite struct LayerGradientTests {
  @Test("backward equals central differences", arguments: LayerCase.withGradient)
  func gradient(of layer: LayerCase) throws {
    var check = try GradientCheck(layer)
    try check.run()
    for problem in check.problems.prefix(5) { Issue.record("\(layer.testDescription): \(problem)") }
    #expect(check.checked > 0, "\(layer.testDescription): nothing to check")
  }
}

struct GradientCheck {
  private static let step: Float = 1e-2
  /// Of the gradient, or of 1 if that is more.
  private static let tolerance = 1e-3

  private let layer: LayerCase
  private let net: Net
  private let node: Node
  private let states: [LayerState]
  private let inputs: [[Float]]
  private let parameters: [[Float]]
  private let weights: [[Float]]
  private(set) var problems: [String] = []
  private(set) var checked = 0

  init(_ layer: LayerCase) throws {
    self.layer = layer
    net = try layer.net()
    node = try net.tested
    states = net.nodes.map(\.layer.state)
    inputs = layer.sample.bottoms.indices.map { layer.values($0) }
    parameters = net.parameters.map(\.blob.array)
    weights = node.topWeights()
  }

  mutating func run() throws {
    _ = try objective()
    net.clearParameterGradients()
    node.setTopGradients()
    net.backward()
    let bottomGradients = node.bottoms.map(\.gradientArray)
    let parameterGradients = net.parameters.map(\.blob.gradientArray)
    for (index, bottom) in node.bottoms.enumerated()
    where layer.isDifferentiable(index) && node.layer.takesGradient(bottom: index) {
      for place in 0..<bottom.count {
        let value = inputs[index][place]
        if layer.sample.kinks.contains(where: { abs($0 - value) < 2 * Self.step }) { continue }
        try compare("bottom \(index)", bottom, place, bottomGradients[index][place])
      }
    }
    for (number, parameter) in net.parameters.enumerated() where parameter.rate != 0 {
      for place in 0..<parameter.blob.count {
        try compare(
          parameter.title, parameter.blob, place, parameterGradients[number][place])
      }
    }
  }

  private mutating func compare(
    _ name: String, _ blob: Blob, _ place: Int, _ analytic: Float
  ) throws {
    let above = try objective(blob, place, Self.step)
    let below = try objective(blob, place, -Self.step)
    let numeric = (above.value - below.value) / Double(above.at - below.at)
    let scale = max(1, abs(numeric), abs(Double(analytic)))
    let error = abs(numeric - Double(analytic)) / scale
    checked += 1
    if !(error <= Self.tolerance) {
      problems.append("\(name)[\(place)]: analytic \(analytic), numeric \(numeric)")
    }
  }

  /// The objective with one value moved, from the state of the start.
  private func objective(_ blob: Blob, _ place: Int, _ step: Float) throws -> (
    value: Double, at: Float
  ) {
    var at: Float = 0
    let value = try objective {
      blob.values[place] += step
      at = blob.values[place]
    }
    return (value, at)
  }

  private func objective(_ change: () -> Void = {}) throws -> Double {
    for (node, state) in zip(net.nodes, states) { node.layer.state = state }
    for (index, values) in inputs.enumerated() { net.blob("x\(index)")?.assign(values) }
    for (parameter, values) in zip(net.parameters, parameters) { parameter.blob.assign(values) }
    change()
    try net.forward()
    var sum = 0.0
    for (top, weights) in zip(node.tops, weights) {
      for index in 0..<top.count { sum += Double(top.values[index]) * Double(weights[index]) }
    }
    return sum
  }
}
