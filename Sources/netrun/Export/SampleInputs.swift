import Compute
import Layers
import Nets
import Schema

/// Puts numbers at random into the inputs of a net, such as its layers take.
enum SampleInputs {
  /// Fills all inputs.
  static func fill(_ net: Net, seed: UInt64) {
    for input in net.inputs {
      var random = RandomStream(seed: seed, purpose: input.name)
      let use = use(of: input, in: net)
      let values = input.values
      for index in 0..<input.count {
        switch use {
        case .rows(let count): values[index] = Float(random.below(max(1, count)))
        case .goesOn(let sequences):
          values[index] = index < sequences || random.below(4) == 0 ? 0 : 1
        case .values: values[index] = Float(2 * random.unit() - 1)
        }
      }
    }
  }

  /// Gives BatchNorm layers of a net that was never trained statistics at random: those of zeros would
  /// make all values boundless.
  static func fillStatistics(_ net: Net, seed: UInt64) {
    for node in net.nodes where node.spec.type == "BatchNorm" {
      let blobs = node.layer.parameters
      guard blobs.count >= 3, blobs[2].reading[0] == 0 else { continue }
      var random = RandomStream(seed: seed, purpose: "\(node.name)/statistics")
      for index in 0..<blobs[0].count {
        blobs[0].values[index] = Float(random.unit() - 0.5)
        blobs[1].values[index] = Float(0.5 + random.unit())
      }
      blobs[2].values[0] = 1
    }
  }

  /// What an input is for.
  private enum Use {
    case values
    /// The numbers of rows in a table.
    case rows(Int)
    /// Whether sequences go on.
    case goesOn(sequences: Int)
  }

  private static func use(of input: Blob, in net: Net) -> Use {
    var same = [input]
    for node in net.nodes {
      guard
        let place = node.bottoms.firstIndex(where: { bottom in same.contains { $0 === bottom } })
      else { continue }
      switch node.spec.type {
      case "Split", "Reshape", "Flatten": same += node.tops
      case "Embed": return .rows(node.spec.parameters("embed_param").int("input_dim"))
      case "LSTM",
        "RNN" where place == 1:
        return .goesOn(sequences: input.shape.count / max(1, input.shape.leadingCount))
      default: break
      }
    }
    return .values
  }
}
