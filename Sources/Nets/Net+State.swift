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
      var taken: Set<Int> = []
      for layer in newValue.messages("layer") {
        // Layers may have one name: the first that has not been taken is meant.
        let number = nodes.indices.first {
          !taken.contains($0) && nodes[$0].name == layer.string("name")
            && nodes[$0].spec.type == layer.string("type") && !nodes[$0].layer.state.isEmpty
        }
        guard let number else { continue }
        taken.insert(number)
        let node = nodes[number]
        node.layer.state = LayerState(
          counters: layer.ints("counter").map { UInt64(bitPattern: Int64($0)) },
          values: layer.messages("values").map { $0.floats("value") })
      }
    }
  }

  /// Samples of one forward pass, as the data layers say; 0 without any.
  public var batchSize: Int {
    sources.reduce(0) { max($0, $1.source?.batchSize ?? 0) }
  }

  /// Records of one pass over the data, where a layer knows.
  public var recordCount: Int? {
    var most: Int?
    for node in sources {
      if let count = node.source?.recordCount { most = max(most ?? 0, count) }
    }
    return most
  }

  /// Milliseconds that forward passes have waited for data, in all.
  public var waitedMilliseconds: Double {
    sources.reduce(0) { $0 + ($1.source?.waitedMilliseconds ?? 0) }
  }
}
