import Compute
import Foundation
import Layers
import Nets
import Prototxt
import Schema
import Testing

@Suite("Weights in and out of nets")
struct WeightTests {
  private let text =
    Graph.data(["x"], [4, 5]) + Graph.labels()
    + Graph.product("ip1", "x", "y", 4, "param { name: 'w' }")
    + Graph.layer("ReLU", "relu", ["y"], ["y"]) + Graph.product("ip2", "y", "z", 3)
    + Graph.layer("Accuracy", "accuracy", ["z", "label"], ["accuracy"])
    + Graph.softmaxLoss("loss", ["z", "label"])

  /// Calls `body` with a path in a new folder.
  private func withFile(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "weights-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.appending(path: "net.caffemodel").path)
  }

  private func refused(_ body: () throws -> Void) -> [String] {
    do {
      try body()
      return []
    } catch let error as Diagnostics {
      return error.all.map(told)
    } catch {
      return ["\(error)"]
    }
  }

  @Test("What is written comes back, bit for bit")
  func roundTrip() throws {
    try withFile { path in
      let (net, other) = (try Graph.net(text, seed: 1), try Graph.net(text, seed: 2))
      #expect(net.parameters[0].blob.array != other.parameters[0].blob.array)
      try net.writeWeights(to: path)
      let report = try other.loadWeights(path: path)
      #expect(report.loaded == ["ip1", "ip2"])
      #expect(report.ignored.isEmpty && report.fresh.isEmpty)
      for (a, b) in zip(net.parameters, other.parameters) { #expect(a.blob.array == b.blob.array) }
      let first = try Data(contentsOf: URL(filePath: path))
      try other.writeWeights(to: path)
      #expect(try Data(contentsOf: URL(filePath: path)) == first)
    }
  }

  @Test("HDF5's format: blobs that are shared are left out, and may be missing")
  func hdf5() throws {
    try withFile { path in
      let shared =
        Graph.data(["x"], [4, 4]) + Graph.product("ip1", "x", "y", 4, "param { name: 'w' }")
        + Graph.product("ip2", "y", "z", 4, "param { name: 'w' }")
      let (net, other) = (try Graph.net(shared, seed: 1), try Graph.net(shared, seed: 2))
      try net.writeHDF5Weights(to: path)
      #expect(try other.loadWeights(path: path).loaded == ["ip1", "ip2"])
      for (a, b) in zip(net.parameters, other.parameters) { #expect(a.blob.array == b.blob.array) }
      #expect(try WeightFile(path: path).layers.map(\.places) == [[], [0, 1], [1]])
      let apart = try Graph.net(shared.replacing("param { name: 'w' }", with: ""), seed: 3)
      #expect(
        refused { try apart.loadWeights(path: path) }.first?
          .hasPrefix("layer 'ip2' has 1 blobs in the file but 2 in the net") == true)
      // A file with more than the net shares is taken as well.
      try apart.writeHDF5Weights(to: path)
      try other.loadWeights(path: path)
      #expect(other.parameters[0].blob.array == apart.parameters[2].blob.array)
    }
  }

  @Test("Files hold split layers, phases and loss weights as Caffe's do, and build the same net")
  func written() throws {
    try withFile { path in
      let net = try Graph.net(text)
      try net.writeWeights(to: path)
      let layers = try NetDescription.read(path).net.messages("layer")
      #expect(
        layers.map { $0.string("name") } == [
          "data", "labels", "label_labels_0_split", "ip1", "relu", "ip2", "z_ip2_0_split",
          "accuracy", "loss",
        ])
      #expect(layers.allSatisfy { $0.enumName("phase") == "TRAIN" })
      #expect(layers.last?.floats("loss_weight") == [1])
      let again = try Net(
        try NetDescription.load(path).net,
        options: Net.Options(
          state: NetState(phase: .train), context: LayerContext(workers: Workers(count: 1), seed: 7)
        ))
      #expect(again.blobNames == net.blobNames)
      #expect(again.outputs.map(\.name) == net.outputs.map(\.name))
    }
  }

  @Test("Layers of the file alone are left out, those of the net alone keep their fillers")
  func ignoredAndFresh() throws {
    try withFile { path in
      try Graph.net(text, seed: 1).writeWeights(to: path)
      let other = try Graph.net(
        Graph.data(["x"], [4, 5]) + Graph.product("ip1", "x", "y", 4)
          + Graph.product("new", "y", "z", 3), seed: 2)
      let before = try #require(other.node("new")).layer.parameters[0].array
      let report = try other.loadWeights(path: path)
      #expect(report.loaded == ["ip1"])
      #expect(report.ignored == ["ip2"])
      #expect(report.fresh == ["new"])
      #expect(try #require(other.node("new")).layer.parameters[0].array == before)
    }
  }

  @Test("All layers that do not fit are told, and nothing is copied then")
  func mismatch() throws {
    try withFile { path in
      try Graph.net(text, seed: 1).writeWeights(to: path)
      let other = try Graph.net(
        Graph.data(["x"], [4, 5]) + Graph.product("ip1", "x", "y", 4)
          + Graph.product("ip2", "y", "z", 2), seed: 2)
      let before = other.parameters.map(\.blob.array)
      let rename =
        " | the layer in the net | to leave these weights out, give the layer another name, or "
        + "train with --finetune; to use them, restore its parameters"
      #expect(
        refused { try other.loadWeights(path: path) } == [
          "blob 0 of layer 'ip2' is 3×4 in the file but 2×4 in the net" + rename,
          "blob 1 of layer 'ip2' is 3 in the file but 2 in the net" + rename,
        ])
      #expect(other.parameters.map(\.blob.array) == before)
      let noBias = try Graph.net(
        Graph.data(["x"], [4, 5])
          + Graph.layer(
            "InnerProduct", "ip1", ["x"], ["y"],
            "inner_product_param { num_output: 4 bias_term: false }"))
      #expect(
        refused { try noBias.loadWeights(path: path) }
          == ["layer 'ip1' has 2 blobs in the file but 1 in the net" + rename])
    }
  }

  @Test("A file of another net altogether is refused, with the names of both")
  func nothingMatches() throws {
    try withFile { path in
      try Graph.net(text, seed: 1).writeWeights(to: path)
      let other = try Graph.net(Graph.data(["x"]) + Graph.product("fc", "x", "y", 4))
      #expect(
        refused { try other.loadWeights(path: path) } == [
          "no layer of the file is in the net | weights go by the layers' names: the file has "
            + "'ip1', 'ip2', the net has 'fc'"
        ])
    }
  }

  @Test("Shapes of old files, of four axes with ones in front, fit")
  func legacyShapes() throws {
    try withFile { path in
      func file(_ shapes: [(String, Int)]) throws {
        var layer = "layer { name: 'ip' type: 'InnerProduct' "
        for (shape, count) in shapes {
          layer += "blobs { \(shape) " + (0..<count).map { "data: \($0) " }.joined() + "} "
        }
        let message = try TextFormat.parse(layer + "}", as: .net)
        try Data(WireFormat.encode(message)).write(to: URL(filePath: path))
      }
      let net = try Graph.net(Graph.data(["x"], [2, 3]) + Graph.product("ip", "x", "y", 2))
      let weights = "num: 1 channels: 1 height: 2 width: 3"
      try file([(weights, 6), ("num: 1 channels: 1 height: 1 width: 2", 2)])
      try net.loadWeights(path: path)
      #expect(try #require(net.node("ip")).layer.parameters[0].array == [0, 1, 2, 3, 4, 5])
      #expect(try #require(net.node("ip")).layer.parameters[1].array == [0, 1])
      // The ones belong in front.
      try file([("num: 2 channels: 3 height: 1 width: 1", 6), ("shape { dim: 2 }", 2)])
      #expect(
        refused { try net.loadWeights(path: path) }.first?
          .hasPrefix("blob 0 of layer 'ip' is 2×3×1×1 in the file but 2×3 in the net") == true)
      // A shape of today must be equal.
      try file([("shape { dim: 1 dim: 1 dim: 2 dim: 3 }", 6), ("shape { dim: 2 }", 2)])
      #expect(refused { try net.loadWeights(path: path) }.count == 1)
    }
  }

  @Test("A test net computes with the weights of the training net")
  func share() throws {
    let trained = try Graph.net(text, seed: 1)
    let tested = try Graph.net(text, .test, seed: 2)
    #expect(try tested.shareWeights(with: trained).isEmpty)
    let weights = try #require(trained.node("ip2")).layer.parameters[0]
    weights.values[0] = 42
    #expect(try #require(tested.node("ip2")).layer.parameters[0].values[0] == 42)
    let part = try Graph.net(Graph.data(["x"], [4, 5]) + Graph.product("ip1", "x", "y", 4))
    #expect(try part.shareWeights(with: trained) == ["ip2"])
  }

  @Test("Layers of one name and unequal shapes cannot share between nets")
  func shareMismatch() throws {
    let trained = try Graph.net(text)
    let tested = try Graph.net(Graph.data(["x"], [4, 5]) + Graph.product("ip1", "x", "y", 3))
    #expect(
      refused { try tested.shareWeights(with: trained) } == [
        "layer 'ip1' (InnerProduct): has other parameters in the test net than in the training net: "
          + "3×5, 3 and 4×5, 4 | the layer in the training net | layers of one name share their "
          + "weights: give them equal shapes"
      ])
  }

  @Test("What layers carry from pass to pass is saved and restored")
  func runState() throws {
    let text =
      Graph.data(["x"], [4, 50]) + Graph.layer("Dropout", "drop", ["x"], ["y"])
      + Graph.product("ip", "y", "z", 3)
    let (net, other) = (try Graph.net(text), try Graph.net(text))
    for _ in 0..<3 { try net.forward() }
    let state = try WireFormat.decode(
      WireFormat.encode(net.runState), as: net.runState.type, source: "state")
    #expect(other.restore(state).isEmpty)
    for _ in 0..<2 {
      try net.forward()
      try other.forward()
      #expect(try #require(net.blob("y")).array == (try #require(other.blob("y")).array))
    }
    #expect(net.runState == other.runState)
  }

  @Test("Layers of one name keep a state each")
  func runStateOfNamesakes() throws {
    let text =
      Graph.data(["x"], [4, 50]) + Graph.layer("Dropout", "same", ["x"], ["a"])
      + Graph.layer("Dropout", "same", ["a"], ["b"])
    let net = try Graph.net(text)
    try net.forward()
    let drops = net.nodes.filter { $0.name == "same" }
    drops[1].layer.state = LayerState(counters: [17])
    let other = try Graph.net(text)
    #expect(other.restore(net.runState).isEmpty)
    #expect(other.nodes.filter { $0.name == "same" }.map(\.layer.state) == drops.map(\.layer.state))
  }
}
