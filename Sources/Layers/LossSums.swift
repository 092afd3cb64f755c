import Compute

/// What the samples of a loss add up to: each thread notes its samples' part, and the sum is taken
/// afterwards in the order of the samples, so that it does not depend on threads.
final class LossSums {
  /// A sample's part.
  struct Part: BitwiseCopyable {
    /// The sum of the losses, not normalised.
    var loss: Double
    /// How many labels counted.
    var counted: Int
    /// The place in the labels of the first that cannot be used, or −1.
    var badLabel: Int
  }

  private let parts = Buffer<Part>()
  private var samples = 0

  /// Makes room.
  func reserve(_ samples: Int) {
    parts.reserve(samples)
    self.samples = samples
  }

  /// The part of a sample.
  subscript(sample: Int) -> Part {
    get { parts.pointer[sample] }
    set { parts.pointer[sample] = newValue }
  }

  /// The sum of the parts, with the first unusable label of all.
  var total: Part {
    var total = Part(loss: 0, counted: 0, badLabel: -1)
    for sample in 0..<samples {
      let part = parts.pointer[sample]
      total.loss += part.loss
      total.counted += part.counted
      if total.badLabel < 0 { total.badLabel = part.badLabel }
    }
    return total
  }
}
