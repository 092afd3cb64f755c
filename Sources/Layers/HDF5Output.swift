import Compute
import Datasets
import Glibc
import Prototxt
import Schema

/// Writes two blobs of each pass to a file in HDF5's format.
///
///     data = bottom[0] of all passes, label = bottom[1], row under row
final class HDF5Output: BatchLayer {
  static let reference = LayerReference(
    "HDF5Output", .data,
    summary: "Writes two blobs of each pass to an HDF5 file, row under row.",
    formula: "data set data = bottom[0] of all passes; data set label = bottom[1] of all passes",
    shapes: "bottoms: any with as many rows; no top",
    notes:
      "The first axis counts the rows. Caffe can do a single pass; here each pass adds its rows "
      + "to the data sets. The first pass of a run replaces a file that is there, when its rows "
      + "are written; after each pass the file is complete. A row must keep its shape. "
      + "HDF5Data reads the file again.",
    arity: Arity(2...2, 0...0),
    parameters: [
      ParameterTable(
        "hdf5_output_param", ["file_name": "The file to write; its folder must be there."])
    ])
  static let samples = [
    LayerSample(
      "hdf5_output_param { file_name: '/tmp/netrun-sample.h5' }",
      bottoms: [.uniform([3, 2, 2]), .labels([3], classes: 4)], tops: 0, hasGradient: false)
  ]

  private let spec: LayerSpec
  private let output: HDF5Appender

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    let parameters = spec.parameters("hdf5_output_param")
    let name = parameters.string("file_name")
    guard !name.isEmpty else {
      throw spec.error(
        "file_name is missing", at: parameters.location("file_name") ?? parameters.location,
        help: "add file_name: \"…\", the file to write")
    }
    let folder = FileResolver.folder(of: name)
    guard access(folder, W_OK | X_OK) == 0 else {
      let reason = String(cString: strerror(errno))
      var error = spec.error(
        "'\(name)' cannot be written: the folder '\(folder)': \(reason)",
        at: parameters.location("file_name"))
      error.kind = .inputOutput
      throw error
    }
    output = HDF5Appender(path: name)
  }

  func takesGradient(bottom: Int) -> Bool { false }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    for (index, shape) in bottoms.enumerated() {
      guard shape.axes > 0, shape.dimensions.dropFirst().allSatisfy({ $0 > 0 }) else {
        throw spec.error(
          "bottom '\(spec.bottoms[index])' of shape \(shape.display) has no rows to write",
          at: spec.message.location("bottom", index))
      }
    }
    guard bottoms[0][0] == bottoms[1][0] else {
      throw spec.error(
        "'\(spec.bottoms[0])' has \(bottoms[0][0]) rows but '\(spec.bottoms[1])' has "
          + "\(bottoms[1][0])", help: "a row of each makes one sample")
    }
    return []
  }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    guard bottom[0].count > 0 else { return }
    do {
      try output.append(["data": bottom[0], "label": bottom[1]])
    } catch {
      var problem = error
      problem.message = "layer '\(spec.name)' (\(spec.type)): \(error.message)"
      throw problem
    }
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {}
}
