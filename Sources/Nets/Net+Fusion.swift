import Layers

extension Net {
  /// Lets layers do the work of those behind them that work in place, where nobody looks between.
  ///
  /// A rectifier goes into the layer before it; a Scale into a BatchNorm; and where nothing runs
  /// backward, normalisation and scaling by fixed numbers into the weights of a convolution. The blob
  /// ends with the same meaning: only its states in between never exist.
  func fuse() {
    for node in nodes { node.unfuse() }
    guard observer == nil else { return }
    let isForwardOnly = !nodes.contains { $0.needsBackward }
    var number = 0
    while number < nodes.count {
      let node = nodes[number]
      var next = number + 1
      if let fusing = node.layer as? any ActivationFusing, node.isOpen {
        if isForwardOnly, let folding = fusing as? any AffineFolding,
          folding.foldsChannels
        {
          fold(folding, node, &next)
        }
        if let absorbing = fusing as? any ScaleAbsorbing { absorb(absorbing, node, &next) }
        rectify(fusing, node, &next)
      }
      number = next
    }
  }

  /// The layer of a place, if it works in place on what `node` writes.
  private func follower(_ node: Node, _ number: Int) -> Node? {
    guard number < nodes.count, nodes[number].isInPlace(0), nodes[number].isOpen,
      nodes[number].bottoms.count == 1, nodes[number].bottoms[0] === node.tops[0]
    else { return nil }
    return nodes[number]
  }

  private func fold(_ layer: any AffineFolding, _ node: Node, _ next: inout Int) {
    while let follower = follower(node, next), let affine = follower.layer as? any ChannelAffine,
      affine.affineParameters != nil
    {
      layer.folded.append(affine)
      follower.isFused = true
      next += 1
    }
  }

  private func absorb(_ layer: any ScaleAbsorbing, _ node: Node, _ next: inout Int) {
    guard layer.absorbsScale, let follower = follower(node, next),
      follower.needsBackward == node.needsBackward,
      let affine = LearnedAffine(follower.layer, gradients: follower.gradients)
    else { return }
    layer.absorbed = affine
    follower.isFused = true
    follower.isAbsorbed = true
    next += 1
  }

  private func rectify(_ layer: any ActivationFusing, _ node: Node, _ next: inout Int) {
    guard let follower = follower(node, next), let rectifier = follower.layer as? any Rectifier
    else { return }
    layer.fusedNegativeSlope = rectifier.negativeSlope
    follower.isFused = true
    next += 1
  }
}

extension Node {
  /// Whether the layer has one top, and nobody asks for it before the next layer has it.
  fileprivate var isOpen: Bool { tops.count == 1 && lossWeights[0] == 0 }

  fileprivate func unfuse() {
    (isFused, isAbsorbed) = (false, false)
    (layer as? any ActivationFusing)?.fusedNegativeSlope = nil
    (layer as? any ScaleAbsorbing)?.absorbed = nil
    if let layer = layer as? any AffineFolding, !layer.folded.isEmpty { layer.folded = [] }
  }
}
