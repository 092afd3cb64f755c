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
  ///
  /// Where blobs share memory, the last forward pass is run again to see what the layers make: what layers
  /// draw at random is drawn anew.
  public func firstNonFiniteValue() -> NonFinite? {
    if keeps != .all { return searchAgain(backward: false) }
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
  ///
  /// Where blobs share memory, the last passes are run again, as for values; with the weights that have moved
  /// since, if some follow their gradients.
  public func firstNonFiniteGradient() -> NonFinite? {
    if keeps != .all {
      let told = firstNonFiniteFollower()
      return searchAgain(backward: true) ?? told
    }
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

  /// Runs the last pass again with the records that it had, and looks at all that layers make.
  private func searchAgain(backward: Bool) -> NonFinite? {
    let search = FiniteSearch(isBackward: backward)
    // Statistics of batches are no gradient's matter, and change with each forward pass.
    let statistics = parameters.filter { $0.rate == 0 }.map { ($0.blob, $0.blob.array) }
    let previous = observer
    observer = .finite(search)
    defer {
      observer = previous
      for (blob, values) in statistics { blob.assign(values) }
    }
    do { try forward(again: true) } catch { return search.found }
    if backward { self.backward() }
    return search.found
  }

  /// The first parameter, in the order of the backward pass, that was told a gradient that is not finite.
  private func firstNonFiniteFollower() -> NonFinite? {
    for (number, node) in nodes.enumerated().reversed() {
      for (index, parameter) in parameterIndices[number].enumerated()
      where followers.active[parameter]?.isFinite == false {
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

/// Looks at what each layer makes, for the first number that is not finite.
final class FiniteSearch {
  private let isBackward: Bool
  private(set) var found: NonFinite?

  init(isBackward: Bool) { self.isBackward = isBackward }

  func look(at node: Node, backward: Bool) {
    guard found == nil, backward == isBackward else { return }
    if backward {
      for (index, blob) in node.bottoms.enumerated()
      where node.propagates[index] && !Net.isFinite(blob.gradient, blob.count) {
        found = NonFinite(layer: node.name, blob: blob.name, isGradient: true)
        return
      }
      lookAtParameters(of: node, backward: true)
    } else {
      lookAtParameters(of: node, backward: false)
      for blob in node.tops where found == nil && !Net.isFinite(blob.values, blob.count) {
        found = NonFinite(layer: node.name, blob: blob.name, isGradient: false)
      }
    }
  }

  private func lookAtParameters(of node: Node, backward: Bool) {
    for (index, blob) in node.layer.parameters.enumerated()
    where found == nil && (!backward || node.learns[index]) {
      guard !Net.isFinite(backward ? blob.gradient : blob.values, blob.count) else { continue }
      found = NonFinite(layer: node.name, blob: "param \(index)", isGradient: backward)
    }
  }
}
