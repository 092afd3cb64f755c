internal import HDF5
internal import Prototxt

/// Weights and states in HDF5's format, laid out as Caffe's own reader wants them.
///
/// Weights: group `data`, in it a group for each layer, in it data sets `0`, `1`, … for the blobs that
/// the layer owns; group `diff` likewise, if there is one, for all blobs.
enum HDF5Weights {
  static let data = "data"
  static let diff = "diff"

  /// The layers of a weight file.
  static func read(_ file: MappedFile) throws(Diagnostics) -> [WeightLayer] {
    var problems = Diagnostics()
    var layers: [WeightLayer] = []
    do throws(Diagnostic) {
      let content = try HDF5File(reading: file.path)
      guard try content.object(data) == .group else {
        throw Diagnostic.error(
          "is an HDF5 file without a group 'data', so it holds no weights", path: file.path,
          help: "a .caffemodel.h5 file is expected")
      }
      let hasDiff = try content.object(diff) == .group
      for name in try content.names(in: data) {
        try add(name, of: content, in: file, hasDiff, to: &layers, &problems)
      }
    } catch { problems.append(error) }
    try problems.throwIfErrors()
    guard !layers.isEmpty else {
      throw Diagnostics(
        .error("has no layers", path: file.path, help: "weights are expected"))
    }
    return layers
  }

  /// Adds a layer, and those in its group: a name with `/` makes groups in groups.
  private static func add(
    _ name: String, of content: HDF5File, in file: MappedFile, _ hasDiff: Bool, depth: Int = 0,
    to layers: inout [WeightLayer], _ problems: inout Diagnostics
  ) throws(Diagnostic) {
    let group = "\(data)/\(name)"
    guard try content.object(group) == .group else { return }
    var layer = WeightLayer()
    layer.name = name
    var places: [Int] = []
    var inner: [String] = []
    for member in try content.names(in: group) {
      let found = problems.collecting { () throws(Diagnostic) in
        try content.object("\(group)/\(member)")
      }
      switch found ?? nil {
      case .group: inner.append("\(name)/\(member)")
      case .numbers(let shape):
        guard let place = Int(member), place >= 0, String(place) == member else { continue }
        let read = problems.collecting { () throws(Diagnostic) in
          try blob(content, "\(name)/\(member)", shape, file, hasDiff)
        }
        guard let read else { continue }
        layer.blobs.append(read)
        places.append(place)
      default: continue
      }
    }
    layer.places = places
    if inner.isEmpty || !places.isEmpty { layers.append(layer) }
    // A damaged file may hold a group in itself.
    guard depth < 16 else { return }
    for name in inner {
      try add(name, of: content, in: file, hasDiff, depth: depth + 1, to: &layers, &problems)
    }
  }

  private static func blob(
    _ content: HDF5File, _ name: String, _ shape: [Int], _ file: MappedFile, _ hasDiff: Bool
  ) throws(Diagnostic) -> WeightBlob {
    let count = shape.reduce(1, *)
    let values = try content.floats("\(data)/\(name)", count: count)
    var diffs: [Float]?
    if hasDiff, try content.object("\(diff)/\(name)") == .numbers(shape: shape) {
      diffs = try content.floats("\(diff)/\(name)", count: count)
    }
    return WeightBlob(shape: shape, values: values, diffs: diffs, in: file)
  }
}

extension SolverStateFile.Content {
  /// Data sets `iter`, `current_step`, `learned_net`, and group `history` with `0`, `1`, ….
  mutating func readHDF5(_ file: MappedFile) throws(Diagnostic) {
    let content = try HDF5File(reading: file.path)
    guard try content.object("iter") != nil, try content.object("history") == .group else { return }
    iteration = try content.integer("iter")
    currentStep = try content.integer("current_step")
    learnedNet = try content.text("learned_net")
    for place in try content.names(in: "history").indices {
      let name = "history/\(place)"
      guard let object = try content.object(name), case .numbers(let shape) = object else {
        throw .error("has no history blob \(place)", path: file.path, help: "the file is damaged")
      }
      let values = try content.floats(name, count: shape.reduce(1, *))
      history.append(WeightBlob(shape: shape, values: values, diffs: nil, in: file))
    }
  }
}
