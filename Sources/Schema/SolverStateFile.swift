public import Prototxt

/// A `.solverstate` or `.solverstate.h5`: what a solver needs to go on where it stopped, besides the
/// weights.
///
/// HDF5's format is recognised by the first bytes.
public struct SolverStateFile: Sendable {
  /// The path it was opened with.
  public let path: String
  /// The number of iterations done.
  public let iteration: Int
  /// The weight file that belongs to it, as it was named then.
  public let learnedNet: String
  /// The step that the learning rate's policy has reached.
  public let currentStep: Int
  /// What the update rule remembers: one or two blobs for each of the net's.
  public let history: [WeightBlob]

  /// Opens a file.
  public init(path: String) throws(Diagnostics) {
    var content = Content()
    var problems = Diagnostics()
    do {
      let file = try MappedFile(path: path)
      if FileKind(file.bytes) == .hdf5 {
        try content.readHDF5(file)
      } else {
        try FileKind.require(.binary, of: file, toHold: "the state of a solver")
        try content.read(file, &problems)
      }
    } catch { throw Diagnostics(error) }
    try problems.throwIfErrors()
    guard let iteration = content.iteration else {
      throw Diagnostics(
        .error(
          "is not the state of a solver", path: path,
          help: "give a .solverstate, which names the weights that belong to it; weights alone are "
            + "given with --weights"))
    }
    guard iteration >= 0, content.currentStep >= 0 else {
      throw Diagnostics(
        .error(
          "says iteration \(iteration) and step \(content.currentStep), which cannot be",
          path: path, help: "the file is damaged"))
    }
    self.path = path
    self.iteration = iteration
    learnedNet = content.learnedNet
    currentStep = content.currentStep
    history = content.history
  }

  struct Content {
    var iteration: Int?
    var learnedNet = ""
    var currentStep = 0
    var history: [WeightBlob] = []

    mutating func read(_ file: MappedFile, _ problems: inout Diagnostics) throws(Diagnostic) {
      var reader = WireReader(file.bytes, source: file.path)
      while let (number, type) = try reader.next() {
        switch (number, type) {
        case (1, .varint): iteration = Int(Int32(truncatingIfNeeded: try reader.varint()))
        case (2, .lengthDelimited):
          let range = try reader.lengthDelimited()
          let text = UnsafeRawBufferPointer(rebasing: file.bytes[range])
          learnedNet = String(decoding: text, as: UTF8.self)
        case (3, .lengthDelimited):
          let range = try reader.lengthDelimited()
          let name = "history blob \(history.count)"
          let blob = problems.collecting { () throws(Diagnostic) in
            try WeightBlob(range, in: file, whose: name)
          }
          if let blob { history.append(blob) }
        case (4, .varint): currentStep = Int(Int32(truncatingIfNeeded: try reader.varint()))
        default: try reader.skip(type)
        }
      }
    }
  }

  /// Writes a state, byte for byte as Caffe does; the file is there whole or not at all.
  public static func write(
    to path: String, iteration: Int, learnedNet: String, currentStep: Int, history: [BlobSource]
  ) throws(Diagnostic) {
    var state = Message(.solverState)
    state.set("iter", int: iteration)
    state.set("learned_net", string: learnedNet)
    state.set("current_step", int: currentStep)
    try AtomicFile.write(to: path) { output throws(Diagnostic) in
      var head = WireWriter()
      head.append(state, numbers: 0...2)
      try output.write(head.bytes)
      for blob in history { try blob.write(as: 3, to: &output) }
      var tail = WireWriter()
      tail.append(state, numbers: 4...Int.max)
      try output.write(tail.bytes)
    }
  }
}
