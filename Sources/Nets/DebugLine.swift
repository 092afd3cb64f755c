/// A line of `debug_info`: the mean magnitude of a blob in a pass.
public struct DebugLine: Sendable {
  /// The text, as Caffe words it.
  public let text: String
  /// Whether Caffe logs it as an error, as it does with the norms of all parameters.
  public let isSummary: Bool
}
