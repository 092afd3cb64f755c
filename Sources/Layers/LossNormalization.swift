import Schema

/// What a loss divides its sum by: the choices of `loss_param`.
enum LossNormalization {
  /// The number of all predictions.
  case full
  /// The number of predictions whose label is not ignored.
  case valid
  /// The number of items along the axes before the classes.
  case batchSize
  /// Nothing.
  case none

  /// Reads `normalization`, or else the older `normalize`, or else takes what the loss does by itself.
  init(_ parameters: Message, default fallback: LossNormalization) {
    if parameters.has("normalization") {
      switch parameters.enumName("normalization") {
      case "FULL": self = .full
      case "BATCH_SIZE": self = .batchSize
      case "NONE": self = .none
      default: self = .valid
      }
    } else if parameters.has("normalize") {
      self = parameters.bool("normalize") ? .valid : .batchSize
    } else {
      self = fallback
    }
  }

  /// The divisor, never below 1.
  func divisor(counted: Int, outer: Int, inner: Int) -> Double {
    let count =
      switch self {
      case .full: outer * inner
      case .valid: counted
      case .batchSize: outer
      case .none: 1
      }
    return Double(max(1, count))
  }
}
