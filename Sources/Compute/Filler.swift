/// How the initial values of a parameter are drawn: Caffe's seven fillers.
public struct Filler: Sendable {
  /// Which fan the scale of `xavier` and `msra` is taken from.
  public enum VarianceNorm: Sendable {
    /// Values per output: count / shape[0].
    case fanIn
    /// Values per input: count / shape[1].
    case fanOut
    /// The mean of both.
    case average
  }

  /// The rule and its numbers.
  public enum Kind: Sendable {
    /// Every value the same.
    case constant(Float)
    /// Uniform between two bounds.
    case uniform(min: Float, max: Float)
    /// Normal; with `sparse` at 0 or more each value is kept with probability sparse / shape[0].
    case gaussian(mean: Float, std: Float, sparse: Int)
    /// Uniform in 0…1, then each row divided by its sum.
    case positiveUnitball
    /// Uniform within ±√(3/n) (Glorot and Bengio 2010).
    case xavier(VarianceNorm)
    /// Normal with deviation √(2/n) (He et al. 2015).
    case msra(VarianceNorm)
    /// The weights of bilinear interpolation, for four axes and a square kernel.
    case bilinear
  }

  /// The rule.
  public let kind: Kind

  /// Makes a filler of the rule.
  public init(_ kind: Kind) { self.kind = kind }

  /// Fills a blob's values with numbers from `random`.
  public func fill(_ blob: Blob, _ random: inout RandomStream) {
    let shape = blob.shape
    switch kind {
    case .constant(let value):
      each(blob) { _ in value }
    case .uniform(let low, let high):
      each(blob) { _ in low + (high - low) * Float(random.unit()) }
    case .gaussian(let mean, let std, let sparse):
      each(blob) { _ in Float(Double(mean) + Double(std) * random.normal()) }
      guard sparse >= 0 else { return }
      let kept = Double(sparse) / Double(max(1, shape.leadingCount))
      let values = blob.values
      for index in 0..<blob.count where random.unit() >= kept { values[index] = 0 }
    case .positiveUnitball:
      fillUnitball(blob, &random)
    case .xavier(let norm):
      let bound = (3 / Filler.fan(shape, norm)).squareRoot()
      each(blob) { _ in Float((2 * random.unit() - 1) * bound) }
    case .msra(let norm):
      let std = (2 / Filler.fan(shape, norm)).squareRoot()
      each(blob) { _ in Float(std * random.normal()) }
    case .bilinear:
      fillBilinear(blob)
    }
  }

  /// The n of `xavier` and `msra` for a shape.
  public static func fan(_ shape: Shape, _ norm: VarianceNorm) -> Double {
    let count = Double(max(1, shape.count))
    let fanIn = shape.axes > 0 ? count / Double(max(1, shape[0])) : count
    let fanOut = shape.axes > 1 ? count / Double(max(1, shape[1])) : count
    switch norm {
    case .fanIn: return fanIn
    case .fanOut: return fanOut
    case .average: return (fanIn + fanOut) / 2
    }
  }

  private func each(_ blob: Blob, _ value: (Int) -> Float) {
    let values = blob.values
    for index in 0..<blob.count { values[index] = value(index) }
  }

  private func fillUnitball(_ blob: Blob, _ random: inout RandomStream) {
    each(blob) { _ in Float(random.unit()) }
    let rows = max(1, blob.shape.leadingCount)
    let width = blob.count / rows
    for row in 0..<rows {
      let values = blob.values + row * width
      var sum: Float = 0
      for index in 0..<width { sum += values[index] }
      for index in 0..<width where sum > 0 { values[index] /= sum }
    }
  }

  private func fillBilinear(_ blob: Blob) {
    guard blob.shape.axes == 4, blob.shape[3] > 0 else { return }
    let width = blob.shape[3]
    let height = blob.shape[2]
    let factor = Float((width + 1) / 2)
    let middle = Float(width - 1) / (2 * factor)
    each(blob) { index in
      let x = Float(index % width)
      let y = Float(index / width % height)
      return (1 - abs(x / factor - middle)) * (1 - abs(y / factor - middle))
    }
  }
}
