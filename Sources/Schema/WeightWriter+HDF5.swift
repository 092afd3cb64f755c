internal import HDF5
public import Prototxt

extension WeightWriter {
  /// A layer that is to be written in HDF5's format.
  public struct HDF5Layer {
    /// Its name, which must not be empty or have a `/`.
    public let name: String
    /// Its blobs.
    public let blobs: [BlobSource]
    /// For each blob, whether the layer owns it: the values of those it shares are left out.
    public let owns: [Bool]

    /// Describes a layer.
    public init(name: String, blobs: [BlobSource], owns: [Bool]) {
      self.name = name
      self.blobs = blobs
      self.owns = owns
    }
  }

  /// Refuses HDF5's format where its library is missing, before hours of training end in it.
  public static func requireHDF5() throws(Diagnostic) {
    try HDF5File.requireLibrary()
  }

  /// Writes a net in HDF5's format, for Caffe's reader; the file is there whole or not at all.
  ///
  /// - Parameters:
  ///   - path: Where the file is to be.
  ///   - layers: The layers; those without blobs get an empty group, as in Caffe.
  /// - Throws: What kept the file from being written.
  public static func writeHDF5(to path: String, layers: [HDF5Layer]) throws(Diagnostic) {
    let hasDiff = layers.contains { $0.blobs.contains { $0.diff != nil } }
    try AtomicFile.write(to: path) { temporary throws(Diagnostic) in
      let file = try HDF5File(creating: temporary, name: path)
      try file.makeGroup(HDF5Weights.data)
      if hasDiff { try file.makeGroup(HDF5Weights.diff) }
      for layer in layers {
        try file.makeGroup("\(HDF5Weights.data)/\(layer.name)")
        if hasDiff { try file.makeGroup("\(HDF5Weights.diff)/\(layer.name)") }
        for (index, blob) in layer.blobs.enumerated() {
          let place = "\(layer.name)/\(index)"
          if layer.owns[index] {
            try file.write("\(HDF5Weights.data)/\(place)", shape: blob.shape, values: blob.values)
          }
          if let diff = blob.diff {
            try file.write("\(HDF5Weights.diff)/\(place)", shape: blob.shape, values: diff)
          }
        }
      }
      try file.close()
    }
  }
}

extension SolverStateFile {
  /// Writes a state in HDF5's format, for Caffe's reader; the file is there whole or not at all.
  public static func writeHDF5(
    to path: String, iteration: Int, learnedNet: String, currentStep: Int, history: [BlobSource]
  ) throws(Diagnostic) {
    try AtomicFile.write(to: path) { temporary throws(Diagnostic) in
      let file = try HDF5File(creating: temporary, name: path)
      try file.write("iter", integer: iteration)
      try file.write("learned_net", text: learnedNet)
      try file.write("current_step", integer: currentStep)
      try file.makeGroup("history")
      for (index, blob) in history.enumerated() {
        try file.write("history/\(index)", shape: blob.shape, values: blob.values)
      }
      try file.close()
    }
  }
}
