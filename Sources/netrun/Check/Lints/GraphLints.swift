import Compute
import Layers
import Nets
import Prototxt
import Schema

/// Lints about how layers are joined.
extension Lint {
  static let danglingTop = Lint(
    "dangling-top",
    summary: "a layer without weights, such as ReLU, whose top nobody reads",
    reason: "it is computed for nothing: probably the next layer was to read it",
    remedy: "name it as a bottom, or work in place: give the top the name of the bottom"
  ) { subject in
    let kinds: Set<LayerReference.Category> = [.activation, .vision, .common]
    // These are there to be printed.
    let outputs: Set = ["Softmax", "Sigmoid", "ArgMax", "Split", "Silence"]
    return subject.trained.flatMap { net in
      net.layers.flatMap { number -> [Finding] in
        let node = net.node(number)
        let reference = type(of: node.layer).reference
        guard kinds.contains(reference.category), !outputs.contains(reference.type),
          node.layer.parameters.isEmpty, !net.underLoss.contains(number)
        else { return [] }
        return node.spec.tops.enumerated().compactMap { index, top in
          guard index < net.readers[number].count, net.readers[number][index].isEmpty else {
            return nil
          }
          return Finding(
            "nobody reads '\(top)' of \(net.title(number))",
            at: node.spec.message.location("top", index))
        }
      }
    }
  }

  static let unusedDataTop = Lint(
    "unused-data-top",
    summary: "a top of a data layer that nobody reads",
    reason: "it is read for nothing, and every value of it is printed as an output of the net",
    remedy: "leave the top out, or let a Silence layer read it"
  ) { subject in
    let unread = subject.nets.map(unreadData)
    return subject.nets.indices.flatMap { index in
      unread[index].compactMap { top -> Finding? in
        let net = subject.nets[index]
        func isSame(_ other: UnreadTop) -> Bool {
          other.layer == top.layer && other.name == top.name
        }
        let first = unread.firstIndex { $0.contains(where: isSame) }
        guard first == index else { return nil }
        let isEverywhere = unread.allSatisfy { $0.contains(where: isSame) }
        let phase = isEverywhere ? "" : " in the phase \(net.net.state.phase.rawValue)"
        return Finding("nobody reads '\(top.name)' of \(top.layer)\(phase)", at: top.place)
      }
    }
  }

  private struct UnreadTop {
    let layer: String
    let name: String
    let place: SourceRange?
  }

  /// The tops that nobody reads of data layers of which another top is read.
  private static func unreadData(_ net: CheckedNet) -> [UnreadTop] {
    net.layers.flatMap { number -> [UnreadTop] in
      let node = net.node(number)
      guard node.layer is any SourceLayer, !net.readers(of: number).isEmpty else { return [] }
      return node.spec.tops.enumerated().compactMap { index, top in
        guard net.readers[number][index].isEmpty else { return nil }
        return UnreadTop(
          layer: net.title(number), name: top, place: node.spec.message.location("top", index))
      }
    }
  }

  static let lossOnProbabilities = Lint(
    "loss-on-probabilities",
    summary: "a loss that takes scores, given probabilities",
    reason: "SoftmaxWithLoss and SigmoidCrossEntropyLoss contain the Softmax or Sigmoid: twice, it "
      + "flattens the gradient, and the loss hardly falls",
    remedy: "give the loss the scores: what the Softmax or Sigmoid reads"
  ) { subject in
    let inner = [
      "SoftmaxWithLoss": "Softmax", "InfogainLoss": "Softmax", "SigmoidCrossEntropyLoss": "Sigmoid",
    ]
    return subject.nets.flatMap { net in
      net.layers.compactMap { number in
        guard let wrong = inner[net.type(number)], let source = net.source(of: number),
          net.type(source) == wrong
        else { return nil }
        return Finding(
          "\(net.title(number)) reads the \(wrong) of \(net.title(source))",
          at: net.node(number).spec.message.location("bottom"),
          notes: [Note("made here", at: net.place(source))])
      }
    }
  }

  static let lossWithoutSoftmax = Lint(
    "loss-without-softmax",
    summary: "a MultinomialLogisticLoss of scores",
    reason: "it takes the logarithm of what it is given, which must be probabilities",
    remedy: "use SoftmaxWithLoss, or put a Softmax in between"
  ) { subject in
    let scores: Set = ["InnerProduct", "Convolution", "Scale", "BatchNorm", "ReLU"]
    return subject.nets.flatMap { net in
      net.layers(["MultinomialLogisticLoss"]).compactMap { number in
        guard let source = net.source(of: number), scores.contains(net.type(source)) else {
          return nil
        }
        return Finding(
          "\(net.title(number)) reads scores of \(net.title(source))",
          at: net.node(number).spec.message.location("bottom"))
      }
    }
  }

  static let rectifiedScores = Lint(
    "rectified-scores",
    summary: "a ReLU between the last layer and its loss",
    reason:
      "scores that are cut off at 0 get no gradient where they are, and no class can be ruled out",
    remedy: "leave the ReLU out"
  ) { subject in
    let losses: Set = ["SoftmaxWithLoss", "SigmoidCrossEntropyLoss", "HingeLoss"]
    return subject.trained.flatMap { net in
      net.layers.compactMap { number in
        guard losses.contains(net.type(number)), let source = net.source(of: number),
          let below = net.source(of: source), net.type(source) == "ReLU",
          ["InnerProduct", "Convolution"].contains(net.type(below)),
          net.node(source).spec.message.message("relu_param").float("negative_slope") == 0
        else { return nil }
        return Finding(
          "\(net.title(source)) cuts off the scores of \(net.title(below)) before the loss",
          at: net.place(source))
      }
    }
  }

  static let oneClass = Lint(
    "one-class",
    summary: "a SoftmaxWithLoss or Softmax of a single score",
    reason: "its probability is always 1 and the loss always 0: nothing is learnt",
    remedy: "give the layer below one output for each class (two for yes and no), or use "
      + "SigmoidCrossEntropyLoss"
  ) { subject in
    subject.nets.flatMap { net in
      net.layers(["SoftmaxWithLoss", "Softmax"]).compactMap { number in
        let node = net.node(number)
        let axis = node.spec.message.message("softmax_param").int("axis")
        guard let shape = node.bottoms.first?.shape, let place = shape.axis(axis),
          shape[place] == 1
        else { return nil }
        return Finding(
          "\(net.title(number)) takes a single score", at: node.spec.message.location("bottom"))
      }
    }
  }

  static let linearStack = Lint(
    "linear-stack", .hint,
    summary: "an InnerProduct that reads another without anything in between",
    reason: "two in a row can do no more than one",
    remedy: "put a ReLU in between, unless the first is there to save weights"
  ) { subject in
    subject.trained.flatMap { net in
      net.layers(["InnerProduct"]).compactMap { number in
        guard let source = net.source(of: number), net.type(source) == "InnerProduct" else {
          return nil
        }
        return Finding(
          "\(net.title(number)) reads \(net.title(source)) as it is", at: net.place(number))
      }
    }
  }
}
