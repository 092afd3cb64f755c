import Compute
import Prototxt
import Schema

extension LayerSpec {
  /// Checks that a bottom has the four axes of a batch of images.
  ///
  /// - Throws: a diagnostic at the bottom if it has not.
  func requireImages(_ bottoms: [Shape], _ index: Int = 0) throws {
    guard bottoms[index].axes != 4 else { return }
    throw error(
      "needs N × C × H × W, but '\(self.bottoms[index])' is \(bottoms[index].display)",
      at: message.location("bottom", index))
  }

  /// Checks that two bottoms have one shape.
  ///
  /// - Throws: a diagnostic that names both shapes if they have not.
  func requireEqual(_ bottoms: [Shape], _ index: Int, to other: Int) throws {
    guard bottoms[index] != bottoms[other] else { return }
    throw error(
      "'\(self.bottoms[other])' is \(bottoms[other].display) and '\(self.bottoms[index])' is "
        + "\(bottoms[index].display), but they must be alike",
      at: message.location("bottom", index))
  }
}
