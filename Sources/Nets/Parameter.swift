public import Compute
import Prototxt

/// A learnable blob of a net, with what its `param` entry says.
///
/// A blob that several layers share by name appears once; the first layer owns it.
public struct Parameter: Sendable {
  /// The owner's blob: values and gradient.
  public let blob: Blob
  /// The place of the owning layer in the net, and of the blob in that layer.
  public let owner: (layer: Int, index: Int)
  /// What messages call it: `conv1[0]`.
  public let title: String
  /// The name under which it is shared; empty if it is not.
  public let name: String
  /// Multiplies the learning rate; Caffe's `lr_mult`.
  public internal(set) var rate: Float
  /// Multiplies the weight decay; Caffe's `decay_mult`.
  public internal(set) var decay: Float
  /// Where a rate and a decay were given.
  var rateLocation: SourceRange?
  var decayLocation: SourceRange?
  var givesRate = false
  var givesDecay = false
}
