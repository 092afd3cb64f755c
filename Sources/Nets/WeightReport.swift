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
  /// Layers of both whose blobs do not fit, each with the reason; only where such are skipped.
  ///
  /// They keep what their fillers gave, and are not among the fresh ones.
  public internal(set) var misfits: [Misfit] = []

  /// A layer whose blobs in the file do not fit those in the net.
  public struct Misfit: Sendable, Equatable {
    /// The layer.
    public let layer: String
    /// What does not fit, in a few words.
    public let reason: String
  }
}
