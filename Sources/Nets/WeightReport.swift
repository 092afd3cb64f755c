/// What became of the weights in a file.
public struct WeightReport: Sendable {
  /// The file.
  public let path: String
  /// Layers of the net that took weights.
  public internal(set) var loaded: [String] = []
  /// Layers of the file with weights that the net does not have.
  public internal(set) var ignored: [String] = []
  /// Layers of the net with parameters that the file does not have; they keep what their fillers
  /// gave.
  public internal(set) var fresh: [String] = []
}
