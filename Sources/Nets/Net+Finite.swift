import CKernels
import Compute
import Layers

/// Where a number that is not finite was found first.
public struct NonFinite: Sendable {
  /// The layer whose pass made it.
  public let layer: String
  /// The blob, or `param 0` and so on.
  public let blob: String
  /// Whether it is a gradient.
  public let isGradient: Bool
}

extension Net {
  /// The first value, in the order of computation, that is not a finite number: of parameters,
  /// then of what the layers made.
  public func firstNonFiniteValue() -> NonFinite? {
    for node in nodes {
      for (index, blob) in node.layer.parameters.enumerated()
      where !Net.isFinite(blob.values, blob.count) {
        return NonFinite(layer: node.name, blob: "param \(index)", isGradient: false)
      }
      for top in node.tops where !Net.isFinite(top.values, top.count) {
        return NonFinite(layer: node.name, blob: top.name, isGradient: false)
      }
    }
    return nil
  }

  /// The first parameter value that is not a finite number.
  public func firstNonFiniteParameter() -> NonFinite? {
    for parameter in parameters
    where !Net.isFinite(parameter.blob.values, parameter.blob.count) {
      return NonFinite(
        layer: nodes[parameter.owner.layer].name, blob: "param \(parameter.owner.index)",
        isGradient: false)
    }
    return nil
  }

  /// The first gradient, in the order of the backward pass, that is not a finite number.
  public func firstNonFiniteGradient() -> NonFinite? {
    for (number, node) in nodes.enumerated().reversed() where node.needsBackward {
      for (index, bottom) in node.bottoms.enumerated()
      where node.propagates[index] && !Net.isFinite(bottom.gradient, bottom.count) {
        return NonFinite(layer: node.name, blob: bottom.name, isGradient: true)
      }
      for (index, blob) in node.layer.parameters.enumerated()
      where node.learns[index] && !hasFiniteGradient(blob, of: number, index) {
        return NonFinite(layer: node.name, blob: "param \(index)", isGradient: true)
      }
    }
    return nil
  }

  private func hasFiniteGradient(_ blob: Blob, of node: Int, _ index: Int) -> Bool {
    if let follower = followers.active[parameterIndices[node][index]] { return follower.isFinite }
    return Net.isFinite(blob.gradient, blob.count)
  }

  static func isFinite(_ values: UnsafePointer<Float>, _ count: Int) -> Bool {
    nk_all_finite(values, count) != 0
  }
}
