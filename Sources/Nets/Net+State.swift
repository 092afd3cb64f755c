import Layers
public import Schema

extension Net {
  /// What the layers carry from one pass to the next (data positions, random counters), as a
  /// `RunNetState` message.
  public var runState: Message {
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

  /// Makes the layers go on from a `RunNetState` message.
  ///
  /// - Returns: The layers that were not given what they carry, or that the net does not have; empty
  ///   if the net goes on exactly.
  public func restore(_ state: Message) -> [String] {
    var waiting = nodes.indices.filter { !nodes[$0].layer.state.isEmpty }
    var unknown: [String] = []
    for layer in state.messages("layer") {
      // Layers may have one name: the first that has not been given anything is meant.
      let place = waiting.firstIndex {
        nodes[$0].name == layer.string("name") && nodes[$0].spec.type == layer.string("type")
      }
      guard let place else {
        unknown.append(layer.string("name"))
        continue
      }
      let node = nodes[waiting.remove(at: place)]
      node.layer.state = LayerState(
        counters: layer.ints("counter").map { UInt64(bitPattern: Int64($0)) },
        values: layer.messages("values").map { $0.floats("value") })
    }
    return unknown + waiting.map { nodes[$0].name }
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
