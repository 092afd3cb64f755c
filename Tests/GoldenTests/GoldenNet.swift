import Compute
import Layers
import Nets
import Prototxt
import Schema

/// Runs the net of a case as its text says, and compares all that Caffe had.
struct GoldenNet {
  let golden: GoldenCase
  let net: Net
  var deviation: Deviation

  init(_ golden: GoldenCase) throws {
    self.golden = golden
    let (description, _) = try NetDescription.load(golden.path)
    let folder = golden.path.split(separator: "/").dropLast().joined(separator: "/")
    let context = LayerContext(
      workers: Workers(count: 2), files: FileResolver(folder: "/" + folder))
    net = try Net(description, options: Net.Options(state: golden.state, context: context))
    deviation = Deviation(golden.tolerance, absolute: golden.absoluteTolerance)
  }

  mutating func run() throws {
    setParameters()
    try feedSources()
    for pass in 1...golden.forwards {
      let type = golden.forwards > 1 ? "Blob.\(pass)" : "Blob"
      try feed(type)
      try net.forward()
      compareValues(type)
    }
    compareParametersAfter()
    if golden.goesBackward { compareGradients() }
  }

  private var parameterEntries: [(WeightLayer, Node)] {
    golden.layers.compactMap { entry in
      if entry.type.hasPrefix("Blob") || ["ParamsAfter", "Feed"].contains(entry.type) {
        return nil
      }
      return net.node(entry.name).map { (entry, $0) }
    }
  }

  private mutating func setParameters() {
    for (entry, node) in parameterEntries {
      guard entry.blobs.count == node.layer.parameters.count else {
        deviation.fail("\(entry.name): \(node.layer.parameters.count) blobs")
        continue
      }
      for (stored, blob) in zip(entry.blobs, node.layer.parameters) {
        if stored.shape != blob.shape.dimensions {
          deviation.fail("\(entry.name): shape \(blob.shape) instead of \(stored.shape)")
        } else {
          stored.copy(into: blob.values)
        }
      }
    }
  }

  /// Hands the whole data over to the layers that take them from a program.
  private func feedSources() throws {
    for entry in golden.entries("Feed") where entry.blobs.count == 2 {
      let source = net.node(entry.name)?.layer as? any MemorySource
      try source?.setData(entry.blobs[0].floats(), labels: entry.blobs[1].floats())
    }
  }

  private func feed(_ type: String) throws {
    let inputs = Set(net.inputs.map(\.name))
    var reshaped = false
    for entry in golden.entries(type) where inputs.contains(entry.name) {
      guard let blob = net.blob(entry.name), let stored = entry.blobs.first else { continue }
      if blob.shape.dimensions != stored.shape {
        blob.reshape(Shape(stored.shape))
        reshaped = true
      }
      stored.copy(into: blob.values)
    }
    if reshaped { try net.reshape() }
  }

  private mutating func compareValues(_ type: String) {
    for entry in golden.entries(type) {
      guard let blob = net.blob(entry.name), let stored = entry.blobs.first else {
        deviation.fail("no blob \(entry.name)")
        continue
      }
      if blob.shape.dimensions != stored.shape {
        deviation.fail("\(entry.name): shape \(blob.shape) instead of \(stored.shape)")
      } else {
        deviation.compare(blob.array, stored.floats(), entry.name)
      }
    }
  }

  private mutating func compareParametersAfter() {
    for entry in golden.entries("ParamsAfter") {
      guard let node = net.node(entry.name) else { continue }
      for (index, (stored, blob)) in zip(entry.blobs, node.layer.parameters).enumerated() {
        deviation.compare(blob.array, stored.floats(), "\(entry.name) param \(index) after")
      }
    }
  }

  private mutating func compareGradients() {
    net.clearParameterGradients()
    let outputs = Set(net.outputs.map(\.name))
    let losses = Set(
      net.nodes.flatMap { node in
        zip(node.tops, node.lossWeights).filter { $0.1 != 0 }.map { $0.0.name }
      })
    let inputs = Set(net.inputs.map(\.name))
    for entry in golden.entries("Blob")
    where outputs.contains(entry.name) && !losses.contains(entry.name) {
      guard let blob = net.blob(entry.name), let stored = entry.blobs.first, stored.hasDiff,
        !inputs.contains(entry.name)
      else { continue }
      stored.copyDiff(into: blob.gradient)
    }
    net.backward()
    for entry in golden.entries("Blob") where inputs.contains(entry.name) {
      guard let blob = net.blob(entry.name), let stored = entry.blobs.first, stored.hasDiff
      else { continue }
      deviation.compare(blob.gradientArray, stored.diffs(), "gradient of \(entry.name)")
    }
    for (entry, node) in parameterEntries {
      for (index, (stored, blob)) in zip(entry.blobs, node.layer.parameters).enumerated()
      where stored.hasDiff {
        deviation.compare(
          blob.gradientArray, stored.diffs(), "gradient of \(entry.name) param \(index)")
      }
    }
  }
}
