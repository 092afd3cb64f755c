import Compute
import Prototxt
import Schema

/// Regions of interest as layers get them: rows of batch index, left, top, right and bottom.
struct Regions {
  /// How many there are.
  private(set) var count = 0

  /// Checks the shape of a bottom that holds regions.
  mutating func reshape(_ spec: LayerSpec, _ bottoms: [Shape]) throws {
    let shape = bottoms[1]
    guard shape.axes >= 2, shape.count(from: 1) == 5 else {
      throw spec.error(
        "'\(spec.bottoms[1])' is \(shape.display), but regions are R × 5: batch index, left, top, "
          + "right, bottom", at: spec.message.location("bottom", 1))
    }
    count = shape[0]
  }

  /// Checks that each region lies in an image of the batch.
  func check(_ blob: Blob, images: Int) throws {
    for region in 0..<count {
      let index = blob.values[region * 5]
      guard let image = Int(cut: index), image >= 0, image < images else {
        throw LayerFault(
          "region \(region) is of image \(index), but the batch has \(images)", bottom: 1,
          sample: region)
      }
    }
  }

  /// The image of a region.
  func image(_ blob: Blob, _ region: Int) -> Int { Int(cut: blob.values[region * 5]) ?? 0 }

  /// The corners of a region.
  func corners(_ blob: Blob, _ region: Int) -> UnsafePointer<Float> {
    UnsafePointer(blob.values + region * 5 + 1)
  }
}
