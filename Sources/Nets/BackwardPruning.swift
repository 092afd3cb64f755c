import Compute
import Layers
import Schema

/// Decides which layers run backward, and which gradients they compute, as Caffe does.
enum BackwardPruning {
  static func apply(to nodes: [Node], _ sharing: ParameterSharing, forceBackward: Bool) {
    let parameters = sharing.parameters
    var needs: Set<ObjectIdentifier> = []
    for (number, node) in nodes.enumerated() {
      node.learns = sharing.indices[number].map { parameters[$0].rate != 0 }
      let given = node.spec.message.bools("propagate_down")
      node.propagates = node.bottoms.enumerated().map { index, blob in
        index < given.count ? given[index] : needs.contains(ObjectIdentifier(blob))
      }
      // propagate_down decides about the gradients of bottoms, not whether a layer runs.
      node.needsBackward =
        node.bottoms.contains { needs.contains(ObjectIdentifier($0)) } || node.learns.contains(true)
      if node.needsBackward { needs.formUnion(node.tops.map(ObjectIdentifier.init)) }
    }
    prune(nodes)
    if forceBackward {
      for node in nodes {
        node.needsBackward = true
        node.learns = node.learns.map { _ in true }
        for index in node.propagates.indices where node.layer.takesGradient(bottom: index) {
          node.propagates[index] = true
        }
      }
    }
    for node in nodes {
      for index in node.propagates.indices
      where node.propagates[index] && !node.layer.takesGradient(bottom: index) {
        node.propagates[index] = false
      }
    }
  }

  /// Walks from the losses: what no loss is above, or what lies below a cut, does not run.
  private static func prune(_ nodes: [Node]) {
    var underLoss: Set<String> = []
    var skipped: Set<String> = []
    for node in nodes.reversed() {
      var contributes = false
      var isSkipped = true
      for (index, top) in node.tops.enumerated() {
        if node.lossWeights[index] != 0 || underLoss.contains(top.name) { contributes = true }
        if !skipped.contains(top.name) { isSkipped = false }
      }
      if node.needsBackward, isSkipped {
        node.needsBackward = false
        node.propagates = node.propagates.map { _ in false }
      }
      if !contributes { node.needsBackward = false }
      for (index, bottom) in node.bottoms.enumerated() {
        if contributes {
          underLoss.insert(bottom.name)
        } else {
          node.propagates[index] = false
        }
        if !node.propagates[index] { skipped.insert(bottom.name) }
      }
    }
  }
}
