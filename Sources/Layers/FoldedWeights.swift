import Compute

/// The weights and biases of a convolution that does the work of the normalisation and scaling behind
/// it: each output's weights times its factor.
final class FoldedWeights {
  let weights = Blob("folded weights")
  let bias = Blob("folded bias")
  private var madeOf: [Blob.Version] = []

  /// Forgets what was made.
  func reset() { madeOf = [] }

  /// Makes them anew if a number that they depend on may have changed.
  func update(_ parameters: [Blob], _ layers: [any ChannelAffine]) {
    guard !layers.isEmpty else { return }
    let state = (parameters + layers.flatMap { $0.affineParameters ?? [] }).map(\.version)
    guard madeOf != state else { return }
    madeOf = state
    let outputs = parameters[0].shape[0]
    weights.reshape(parameters[0].shape)
    bias.reshape([outputs])
    var factors = [Float](repeating: 1, count: outputs)
    let shifts = bias.values
    for output in 0..<outputs {
      shifts[output] = parameters.count > 1 ? parameters[1].reading[output] : 0
    }
    factors.withUnsafeMutableBufferPointer { buffer in
      guard let factors = buffer.baseAddress else { return }
      for layer in layers { layer.compose(factors, shifts) }
    }
    let each = weights.count / max(1, outputs)
    let (to, from) = (weights.values, parameters[0].reading)
    for output in 0..<outputs {
      let factor = factors[output]
      for index in output * each..<(output + 1) * each { to[index] = from[index] * factor }
    }
  }
}
