import Compute
import Layers
public import Prototxt
public import Schema

extension Net {
  /// Copies weights from a file by the names of the layers, as Caffe does.
  ///
  /// Layers that only the file has are left out; those that only the net has keep what their fillers
  /// gave. The report tells which.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - skipsMisfits: Whether layers whose blobs do not fit are left out, too, to be trained anew.
  /// - Throws: `Diagnostics` with every layer whose blobs do not fit, unless they are left out, or
  ///   that there is nothing to copy; nothing is copied then.
  /// - Returns: What became of each layer's weights.
  @discardableResult
  public func loadWeights(
    _ file: WeightFile, skipsMisfits: Bool = false
  ) throws(Diagnostics) -> WeightReport {
    var report = WeightReport(path: file.path)
    var problems = Diagnostics()
    var copies: [(WeightBlob, Blob)] = []
    for source in file.layers {
      guard let number = nodes.firstIndex(where: { $0.name == source.name }) else {
        if !source.blobs.isEmpty { report.ignored.append(source.name) }
        continue
      }
      let node = nodes[number]
      if source.blobs.isEmpty, node.layer.parameters.isEmpty { continue }
      let found = Net.mismatches(node, ownsParameter[number], source, file.path)
      guard found.isEmpty else {
        if skipsMisfits {
          report.misfits.append(
            WeightReport.Misfit(layer: node.name, reason: Net.shapes(node, source)))
        } else {
          found.forEach { problems.append($0) }
        }
        continue
      }
      for (place, blob) in node.layer.parameters.enumerated() {
        if let stored = source.blob(place) { copies.append((stored, blob)) }
      }
      report.loaded.append(node.name)
    }
    let loaded = Set(report.loaded + report.misfits.map(\.layer))
    report.fresh = nodes.filter { !$0.layer.parameters.isEmpty && !loaded.contains($0.name) }
      .map(\.name)
    try problems.throwIfErrors()
    try Net.requireMatch(report)
    for (source, blob) in copies { source.copy(into: blob.values) }
    return report
  }

  /// Copies weights from the file at a path.
  @discardableResult
  public func loadWeights(
    path: String, skipsMisfits: Bool = false
  ) throws(Diagnostics) -> WeightReport {
    try loadWeights(try WeightFile(path: path), skipsMisfits: skipsMisfits)
  }

  /// The first shapes that differ, or how many blobs there are.
  private static func shapes(_ node: Node, _ source: WeightLayer) -> String {
    let blobs = node.layer.parameters
    for (index, blob) in blobs.enumerated() {
      guard let stored = source.blob(index), !fits(stored, blob) else { continue }
      return "\(Shape(stored.shape).display) in the file, \(blob.shape.display) in the net"
    }
    return "\(source.blobs.count) blobs in the file, \(blobs.count) in the net"
  }

  /// A file none of whose layers is in the net was meant for another one.
  private static func requireMatch(_ report: WeightReport) throws(Diagnostics) {
    guard report.loaded.isEmpty, !(report.fresh.isEmpty && report.misfits.isEmpty) else { return }
    if !report.misfits.isEmpty {
      throw Diagnostics(
        .error(
          "no layer of the file fits the net: nothing can be used of it", path: report.path,
          notes: report.misfits.prefix(6).map { Note("layer '\($0.layer)': \($0.reason)") },
          help: "the weights are of another net"))
    }
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

  /// What keeps a layer from taking its blobs.
  ///
  /// In HDF5's format those that it shares may be missing.
  private static func mismatches(
    _ node: Node, _ owns: [Bool], _ source: WeightLayer, _ path: String
  ) -> [Diagnostic] {
    let blobs = node.layer.parameters
    let place = [Note("the layer in the net", at: node.spec.message.location("name"))]
    let rename =
      "to leave these weights out, give the layer another name, or train with --finetune; to use "
      + "them, restore its parameters"
    let isComplete =
      source.places == nil
      ? source.blobs.count == blobs.count
      : source.blobs.count <= blobs.count
        && blobs.indices.allSatisfy { source.blob($0) != nil || !owns[$0] }
    guard isComplete else {
      let isNVCaffe =
        node.spec.type == "BatchNorm" && source.blobs.count == 5 && blobs.count == 3
      return [
        .error(
          "layer '\(node.name)' has \(source.blobs.count) blobs in the file but "
            + "\(blobs.count) in the net", path: path, notes: place,
          help: isNVCaffe
            ? "NVCaffe keeps scale and bias in BatchNorm: add batch_norm_param { scale_bias: true }"
            : rename)
      ]
    }
    return blobs.enumerated().compactMap { index, blob in
      guard let stored = source.blob(index), !fits(stored, blob) else { return nil }
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

  /// Writes all layers with the blobs that they own in HDF5's format, for Caffe's reader; the file is
  /// there whole or not at all.
  ///
  /// - Parameters:
  ///   - path: Where the file is to be.
  ///   - diffs: For each parameter what is written as its `diff`; `nil` writes none.
  /// - Throws: What kept the file from being written; that a layer's name cannot stand in it.
  public func writeHDF5Weights(
    to path: String, diffs: [UnsafePointer<Float>]? = nil
  ) throws {
    try checkHDF5Names()
    let layers = nodes.indices.map { number in
      WeightWriter.HDF5Layer(
        name: nodes[number].name,
        blobs: nodes[number].layer.parameters.enumerated().map { index, blob in
          BlobSource(
            shape: blob.shape.dimensions, values: blob.values,
            diff: diffs?[parameterIndices[number][index]])
        }, owns: ownsParameter[number])
    }
    try WeightWriter.writeHDF5(to: path, layers: layers)
  }

  /// Checks that each layer's name can be that of a group in an HDF5 file.
  ///
  /// - Throws: `Diagnostics` with every name that cannot: Caffe, too, finds such layers no more.
  public func checkHDF5Names() throws(Diagnostics) {
    var problems = Diagnostics()
    var seen: Set<String> = []
    for node in nodes {
      let reason: String? =
        node.name.contains("/")
        ? "has a '/' in its name, which stands for a folder in HDF5"
        : node.name.isEmpty || node.name == "."
          ? "has no name that HDF5 can use"
          : seen.contains(node.name) ? "has the name of another layer" : nil
      seen.insert(node.name)
      guard let reason else { continue }
      problems.append(
        node.spec.error(
          "\(reason): its weights cannot be written in HDF5's format",
          at: node.spec.message.location("name"),
          help: "set snapshot_format: BINARYPROTO in the solver, or give the layer another name"))
    }
    try problems.throwIfErrors()
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
