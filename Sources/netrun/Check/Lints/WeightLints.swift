import Layers
import Nets
import Prototxt
import Schema

/// Lints about what layers begin with, and whether they learn.
extension Lint {
  static let constantWeights = Lint(
    "constant-weights",
    summary: "a layer whose weights are all the same at the start, 0 unless a filler is given",
    reason:
      "units that begin alike stay alike: a hidden layer of them learns one thing, or nothing",
    remedy: "add weight_filler { type: \"xavier\" }, or \"msra\" before a ReLU"
  ) { subject in
    // Weights that come from a file are as good as those that it was made with.
    let loaded = subject.weights?.loaded ?? []
    return subject.trained.flatMap { net in
      let flat = net.layers.filter { number in
        net.learns(number) && net.node(number).learns.first == true
          && !loaded.contains(net.node(number).name) && constantFiller(net.node(number)) != nil
      }
      return flat.compactMap { number -> Finding? in
        let above = net.layers.filter { net.ancestors(of: $0).contains(number) && net.learns($0) }
        let isHidden = above.contains { net.node($0).spec.message.count("bottom") > 0 }
        // One layer of zeros behind which nothing learns, such as the last, is no harm by itself.
        guard isHidden || !net.ancestors(of: number).isDisjoint(with: flat) else { return nil }
        guard let (value, place) = constantFiller(net.node(number)) else { return nil }
        return Finding(
          "\(net.title(number)) learns, but its weights all begin at \(Numbers.general(value))",
          at: place)
      }
    }
  }

  /// The value and the place of a layer's weight filler, if it gives all weights the same value.
  private static func constantFiller(_ node: Node) -> (Float, SourceRange?)? {
    let tables = Swift.type(of: node.layer).reference.parameters
    guard
      let table = tables.first(where: { $0.meanings.contains { $0.name == "weight_filler" } })
    else { return nil }
    let parameters = node.spec.message.message(table.field)
    let filler = parameters.message("weight_filler")
    guard filler.string("type") == "constant" else { return nil }
    let place =
      parameters.has("weight_filler")
      ? parameters.location("weight_filler")
      : node.spec.message.location("type") ?? node.spec.message.location
    return (filler.float("value"), place)
  }

  static let zeroScale = Lint(
    "zero-scale",
    summary: "a Scale layer whose filler is of type constant without a value, which is 0",
    reason: "everything below is multiplied by 0, and gets no gradient until the scale has moved",
    remedy: "leave the filler out, which means 1, or give it: filler { value: 1 }"
  ) { subject in
    subject.trained.flatMap { net in
      net.layers(["Scale"]).compactMap { number in
        let parameters = net.node(number).spec.message.message("scale_param")
        let filler = parameters.message("filler")
        guard parameters.has("filler"), filler.string("type") == "constant", !filler.has("value"),
          net.node(number).layer.parameters.count > 0
        else { return nil }
        return Finding(
          "\(net.title(number)) multiplies by 0 at the start", at: parameters.location("filler"))
      }
    }
  }

  static let neverLearns = Lint(
    "never-learns",
    summary: "a layer with weights that no loss depends on",
    reason: "it gets no gradient: its weights stay as they were filled",
    remedy: "look at the names: what it makes should be a bottom on the way to a loss"
  ) { subject in
    subject.trained.flatMap { net in
      net.layers.compactMap { number in
        let node = net.node(number)
        guard !net.underLoss.contains(number), node.learns.contains(true),
          !node.layer.parameters.isEmpty
        else { return nil }
        return Finding(
          "\(net.title(number)) has weights to learn, but no loss depends on its top "
            + "'\(node.spec.tops.first ?? "")'", at: net.place(number))
      }
    }
  }

  static let nothingLearns = Lint(
    "nothing-learns",
    summary: "a net for training in which no weight follows a gradient",
    reason: "training would leave the net as it is",
    remedy: "give layers an lr_mult above 0, and a loss that depends on them"
  ) { subject in
    subject.trained.compactMap { net in
      let owners = net.layers.filter { !net.node($0).layer.parameters.isEmpty }
      guard let first = owners.first, !owners.contains(where: net.learns) else { return nil }
      // Where there is a loss that no layer with weights leads to, that is told already.
      guard !owners.isDisjoint(with: net.underLoss) else { return nil }
      let message = net.node(first).spec.message
      return Finding(
        "none of the \(Numbers.count(owners.count, "layer")) with weights learns",
        at: message.has("param") ? message.location("param") : net.place(first))
    }
  }

  static let freshLayers = Lint(
    "fresh-layers",
    summary: "a layer that the given weights say nothing of",
    reason: "weights go by the layers' names; what is not in the file keeps what its filler gave",
    remedy: "right for layers that are to be learnt anew; rename the others as in the file"
  ) { subject in
    guard let report = subject.weights, let net = subject.nets.first else { return [] }
    return report.fresh.compactMap { name in
      guard let number = net.layers.first(where: { net.node($0).name == name }) else { return nil }
      let guess = closestMatch(to: name, in: report.ignored)
      return Finding(
        "\(net.title(number)) is not in '\(report.path)'",
        at: net.node(number).spec.message.location("name"),
        remedy: guess.map { "did you mean the file's '\($0)'?" })
    }
  }

  static let unusedWeights = Lint(
    "unused-weights", .hint,
    summary: "layers of the given weights that the net does not have",
    reason: "their weights are left out",
    remedy: "right for layers that the net is to be without"
  ) { subject in
    guard let report = subject.weights, !report.ignored.isEmpty else { return [] }
    let names = report.ignored.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
    let more = report.ignored.count > 5 ? " and \(report.ignored.count - 5) more" : ""
    return [
      Finding(
        "\(Numbers.count(report.ignored.count, "layer")) of the file not in the net: \(names)\(more)",
        at: nil, path: report.path)
    ]
  }
}

extension Array where Element == Int {
  fileprivate func isDisjoint(with other: Set<Int>) -> Bool { !contains(where: other.contains) }
}
