import Schema

/// Inserts the `Split` layers that let several layers use one blob, named as Caffe names them.
///
/// A top used by k > 1 bottoms gets a layer `BLOB_LAYER_INDEX_split` behind its producer, with tops
/// `…_split_0` to `…_split_(k−1)` for the users in file order. A non-zero loss weight counts as
/// user 0, and moves to the split's first top.
enum SplitInsertion {
  private struct Top: Hashable {
    let layer: Int
    let index: Int
  }

  private struct Bottom: Hashable {
    let layer: Int
    let index: Int
  }

  /// A layer of the net, with the names that its bottoms have in the file.
  struct Layer {
    var message: Message
    let bottoms: [String]
    /// Whether it is a split that the file does not have.
    let isInserted: Bool
  }

  static func insert(_ layers: [Message]) -> [Layer] {
    let uses = Uses(layers)
    var taken: [Top: Int] = [:]
    var result: [Layer] = []
    for (number, original) in layers.enumerated() {
      var layer = original
      rename(&layer, number, layers, uses, &taken)
      let place = result.count
      result.append(
        Layer(message: layer, bottoms: original.strings("bottom"), isInserted: false))
      for (index, blob) in original.strings("top").enumerated() {
        let top = Top(layer: number, index: index)
        guard let count = uses.count[top], count > 1 else { continue }
        let weight = uses.lossWeight[top] ?? 0
        if weight != 0 {
          result[place].message.clear("loss_weight")
          taken[top] = 1
        }
        let split = split(blob, of: original, index: index, count: count, weight: weight)
        result.append(Layer(message: split, bottoms: [blob], isInserted: true))
      }
    }
    return result
  }

  private static func rename(
    _ layer: inout Message, _ number: Int, _ layers: [Message], _ uses: Uses,
    _ taken: inout [Top: Int]
  ) {
    let names = layer.strings("bottom")
    let places = names.indices.map { layer.location("bottom", $0) }
    layer.clear("bottom")
    for (index, name) in names.enumerated() {
      var name = name
      if let top = uses.source[Bottom(layer: number, index: index)], let count = uses.count[top],
        count > 1
      {
        let producer = layers[top.layer].string("name")
        name = "\(splitName(producer, name, top.index))_\(taken[top, default: 0])"
        taken[top, default: 0] += 1
      }
      layer.append("bottom", .string(name), at: places[index])
    }
  }

  private static func splitName(_ layer: String, _ blob: String, _ index: Int) -> String {
    "\(blob)_\(layer)_\(index)_split"
  }

  private static func split(
    _ blob: String, of producer: Message, index: Int, count: Int, weight: Float
  ) -> Message {
    var layer = Message("LayerParameter")
    layer.location = producer.location
    let name = splitName(producer.string("name"), blob, index)
    let place = producer.location("top", index)
    layer.set("name", .string(name), at: place)
    layer.set("type", .string("Split"), at: place)
    layer.append("bottom", .string(blob), at: place)
    for number in 0..<count {
      layer.append("top", .string("\(name)_\(number)"), at: place)
      if weight != 0 { layer.append("loss_weight", .float(number == 0 ? weight : 0), at: place) }
    }
    return layer
  }

  /// Who uses which top.
  private struct Uses {
    var source: [Bottom: Top] = [:]
    var count: [Top: Int] = [:]
    var lossWeight: [Top: Float] = [:]

    init(_ layers: [Message]) {
      var latest: [String: Top] = [:]
      for (number, layer) in layers.enumerated() {
        for (index, name) in layer.strings("bottom").enumerated() {
          guard let top = latest[name] else { continue }
          source[Bottom(layer: number, index: index)] = top
          count[top, default: 0] += 1
        }
        let weights = layer.floats("loss_weight")
        for (index, name) in layer.strings("top").enumerated() {
          let top = Top(layer: number, index: index)
          latest[name] = top
          // Other numbers of weights are an error that the layer must be told of.
          if weights.count == layer.count("top"), weights[index] != 0 {
            lossWeight[top] = weights[index]
            count[top, default: 0] += 1
          }
        }
      }
    }
  }
}
