import Layers
public import Schema

extension Net {
  /// What the layers carry from one pass to the next (data positions, random counters), as a
  /// `RunNetState` message; setting it makes them go on from there.
  public var runState: Message {
    get {
      var state = Message("RunNetState")
      for node in nodes {
        let carried = node.layer.state
        if carried.isEmpty { continue }
        var layer = Message("RunLayerState")
        layer.set("name", string: node.name)
        layer.set("type", string: node.spec.type)
        layer.set("counter", ints: carried.counters.map { Int(Int64(bitPattern: $0)) })
        layer.set(
          "values",
          messages: carried.values.map {
            var values = Message("RunValues")
            values.set("value", floats: $0)
            return values
          })
        state.append("layer", message: layer)
      }
      return state
    }
    set {
      for layer in newValue.messages("layer") {
        let type = layer.string("type")
        guard let node = node(layer.string("name")), node.spec.type == type else { continue }
        node.layer.state = LayerState(
          counters: layer.ints("counter").map { UInt64(bitPattern: Int64($0)) },
          values: layer.messages("values").map { $0.floats("value") })
      }
    }
  }

  /// Samples of one forward pass, as the data layers say; 0 without any.
  public var batchSize: Int {
    nodes.compactMap { $0.source?.batchSize }.max() ?? 0
  }

  /// Records of one pass over the data, where a layer knows.
  public var recordCount: Int? {
    nodes.compactMap { $0.source?.recordCount }.max()
  }

  /// Milliseconds that forward passes have waited for data, in all.
  public var waitedMilliseconds: Double {
    nodes.reduce(0) { $0 + ($1.source?.waitedMilliseconds ?? 0) }
  }
}
