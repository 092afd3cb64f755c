import Compute
import Layers
public import Prototxt
public import Schema

extension Net {
  /// Copies weights from a file by the names of the layers, as Caffe does.
  ///
  /// Layers that only the file has are left out; those that only the net has keep what their fillers
  /// gave. The report tells which.
  /// - Throws: `Diagnostics` with every layer whose blobs do not fit; nothing is copied then.
  @discardableResult
  public func loadWeights(_ file: WeightFile) throws(Diagnostics) -> WeightReport {
    var report = WeightReport(path: file.path)
    var problems = Diagnostics()
    var copies: [(WeightBlob, Blob)] = []
    for source in file.layers {
      guard let node = node(source.name) else {
        if !source.blobs.isEmpty { report.ignored.append(source.name) }
        continue
      }
      if source.blobs.isEmpty, node.layer.parameters.isEmpty { continue }
      let found = Net.mismatches(node, source, file.path)
      guard found.isEmpty else {
        found.forEach { problems.append($0) }
        continue
      }
      copies += zip(source.blobs, node.layer.parameters)
      report.loaded.append(node.name)
    }
    let loaded = Set(report.loaded)
    report.fresh = nodes.filter { !$0.layer.parameters.isEmpty && !loaded.contains($0.name) }
      .map(\.name)
    try problems.throwIfErrors()
    try Net.requireMatch(report)
    for (source, blob) in copies { source.copy(into: blob.values) }
    return report
  }

  /// Copies weights from the file at a path.
  @discardableResult
  public func loadWeights(path: String) throws(Diagnostics) -> WeightReport {
    if WeightFile.isHDF5(path: path) {
      throw Diagnostics(
        .error(
          "is an HDF5 file, which cannot be read yet", path: path,
          help: "give the .caffemodel of the same snapshot"))
    }
    return try loadWeights(try WeightFile(path: path))
  }

  /// A file none of whose layers is in the net was meant for another one.
  private static func requireMatch(_ report: WeightReport) throws(Diagnostics) {
    guard report.loaded.isEmpty, !report.fresh.isEmpty else { return }
    let names = report.ignored.prefix(4).map { "'\($0)'" }.joined(separator: ", ")
    throw Diagnostics(
      .error(
        report.ignored.isEmpty
          ? "holds no weights" : "no layer of the file is in the net",
        path: report.path,
        help: report.ignored.isEmpty
          ? nil
          : "weights go by the layers' names: the file has \(names), the net has "
            + report.fresh.prefix(4).map { "'\($0)'" }.joined(separator: ", ")))
  }

  private static func mismatches(_ node: Node, _ source: WeightLayer, _ path: String)
    -> [Diagnostic]
  {
    let blobs = node.layer.parameters
    let place = [Note("the layer in the net", at: node.spec.message.location("name"))]
    let rename =
      "to leave these weights out, give the layer another name; to use them, restore its parameters"
    guard source.blobs.count == blobs.count else {
      return [
        .error(
          "layer '\(node.name)' has \(source.blobs.count) blobs in the file but "
            + "\(blobs.count) in the net", path: path, notes: place, help: rename)
      ]
    }
    return zip(source.blobs, blobs).enumerated().compactMap { index, pair in
      let (stored, blob) = pair
      if fits(stored, blob) { return nil }
      return .error(
        "blob \(index) of layer '\(node.name)' is \(Shape(stored.shape).display) in the file but "
          + "\(blob.shape.display) in the net", path: path, notes: place, help: rename)
    }
  }

  /// Files before 2014 give four axes, those in front perhaps of size 1 only to make it four.
  private static func fits(_ stored: WeightBlob, _ blob: Blob) -> Bool {
    if !stored.isLegacyShape { return stored.shape == blob.shape.dimensions }
    return blob.shape.axes <= 4 && (0..<4).allSatisfy { stored.shape[$0] == blob.shape.legacy($0) }
  }

  // MARK: Writing

  /// Writes all layers with their blobs, byte for byte as Caffe does; the file is there whole or not
  /// at all.
  ///
  /// - Parameters:
  ///   - path: Where the file is to be.
  ///   - diffs: For each parameter what is written as its `diff`; `nil` writes none.
  /// - Throws: What kept the file from being written.
  public func writeWeights(
    to path: String, diffs: [UnsafePointer<Float>]? = nil
  ) throws(Diagnostic) {
    var description = Message(.net)
    if !name.isEmpty { description.set("name", string: name) }
    let layers = nodes.indices.map { number in
      WeightWriter.Layer(
        header: header(nodes[number]),
        blobs: nodes[number].layer.parameters.enumerated().map { index, blob in
          BlobSource(
            shape: blob.shape.dimensions, values: blob.values,
            diff: diffs?[parameterIndices[number][index]])
        })
    }
    try WeightWriter.write(to: path, net: description, layers: layers)
  }

  /// A layer as Caffe stores it: with what building the net has filled in.
  private func header(_ node: Node) -> Message {
    var header = node.spec.message
    header.clear("blobs")
    if !header.has("phase") { header.set("phase", enum: node.spec.phase.rawValue) }
    if node.spec.type.hasSuffix("Loss"), !header.has("loss_weight") {
      header.set("loss_weight", floats: [1])
    }
    let imposed = node.layer.parameterRates
    if !imposed.isEmpty {
      var entries = header.messages("param")
      for (index, rate) in imposed.enumerated() {
        if index >= entries.count { entries.append(Message("ParamSpec")) }
        entries[index].set("lr_mult", float: rate.rate)
      }
      header.set("param", messages: entries)
    }
    return header
  }

  // MARK: Sharing

  /// Makes the parameters those of another net's layers of the same names: a test net computes with
  /// the weights of the net that is trained.
  ///
  /// - Throws: `Diagnostics` with every layer whose blobs do not fit.
  /// - Returns: The layers of the other net with parameters that this one does not have.
  @discardableResult
  public func shareWeights(with trained: Net) throws(Diagnostics) -> [String] {
    var problems = Diagnostics()
    var missing: [String] = []
    for source in trained.nodes where !source.layer.parameters.isEmpty {
      guard let node = node(source.name) else {
        missing.append(source.name)
        continue
      }
      let blobs = node.layer.parameters
      let shapes = blobs.map(\.shape)
      let wanted = source.layer.parameters.map(\.shape)
      guard shapes == wanted else {
        let text = { (all: [Shape]) in all.map(\.display).joined(separator: ", ") }
        problems.append(
          node.spec.error(
            "has other parameters in the test net than in the training net: \(text(shapes)) and "
              + text(wanted),
            notes: [Note("the layer in the training net", at: source.spec.message.location)],
            help: "layers of one name share their weights: give them equal shapes"))
        continue
      }
      for (blob, other) in zip(blobs, source.layer.parameters) { blob.shareValues(with: other) }
    }
    try problems.throwIfErrors()
    return missing
  }
}
