import Compute
import Layers
import Nets
import Prototxt
import Schema

/// Lints about batch normalisation.
extension Lint {
  static let batchNormWithoutScale = Lint(
    "batchnorm-without-scale",
    summary: "a BatchNorm that no Scale follows",
    reason: "Caffe's BatchNorm has no scale and shift of its own: what follows only sees values of "
      + "mean 0 and variance 1",
    remedy: "let a layer follow: type: \"Scale\" scale_param { bias_term: true }"
  ) { subject in
    // These have weights that do the same, or do it themselves.
    let linear: Set = ["Scale", "Convolution", "InnerProduct", "Deconvolution", "BatchNorm"]
    return subject.trained.flatMap { net in
      net.layers(["BatchNorm"]).compactMap { number in
        let message = net.node(number).spec.message
        guard net.underLoss.contains(number),
          !message.message("batch_norm_param").bool("scale_bias"),
          let source = net.source(of: number), !isData(source, net),
          !net.readers(of: number).contains(where: { linear.contains(net.type($0)) })
        else { return nil }
        return Finding("\(net.title(number)) has no Scale behind it", at: net.place(number))
      }
    }
  }

  private static func isData(_ number: Int, _ net: CheckedNet) -> Bool {
    let layer = net.node(number).layer
    return layer is any SourceLayer || layer is any InputLayer || net.type(number) == "DummyData"
  }

  static let batchNormGlobalStats = Lint(
    "batchnorm-global-stats",
    summary: "a BatchNorm with use_global_stats: true in training, where no weights are loaded",
    reason: "its statistics are empty and stay so: values are divided by √eps, which is tiny",
    remedy: "leave use_global_stats out, which is right for both phases, or begin with weights: "
      + "weights in the solver, or --weights"
  ) { subject in
    guard !subject.hasWeights else { return [] }
    return subject.trained.flatMap { net in
      net.layers(["BatchNorm"]).compactMap { number in
        let parameters = net.node(number).spec.message.message("batch_norm_param")
        guard parameters.bool("use_global_stats"), net.underLoss.contains(number) else {
          return nil
        }
        return Finding(
          "\(net.title(number)) uses stored statistics in training",
          at: parameters.location("use_global_stats"))
      }
    }
  }

  static let batchNormBatchStats = Lint(
    "batchnorm-batch-stats",
    summary: "a BatchNorm with use_global_stats: false in the test phase",
    reason: "a sample's scores then depend on which others are in its batch",
    remedy: "leave use_global_stats out: it is true in tests and false in training by itself"
  ) { subject in
    subject.tested.flatMap { net in
      net.layers(["BatchNorm"]).compactMap { number in
        let parameters = net.node(number).spec.message.message("batch_norm_param")
        guard parameters.has("use_global_stats"), !parameters.bool("use_global_stats") else {
          return nil
        }
        return Finding(
          "\(net.title(number)) uses the batch's own statistics in the test phase",
          at: parameters.location("use_global_stats"))
      }
    }
  }

  static let batchNormTinyBatch = Lint(
    "batchnorm-tiny-batch",
    summary: "a BatchNorm that takes statistics of fewer than 8 values",
    reason: "they are mostly noise, and so is what the net learns",
    remedy: "choose a larger batch_size; iter_size does not help here"
  ) { subject in
    subject.trained.flatMap { net in
      net.layers(["BatchNorm"]).compactMap { number in
        let node = net.node(number)
        let parameters = node.spec.message.message("batch_norm_param")
        guard !parameters.bool("use_global_stats"), net.underLoss.contains(number),
          let shape = node.bottoms.first?.shape, shape.axes > 1, shape[1] > 0
        else { return nil }
        let values = shape.count / shape[1]
        guard values < 8 else { return nil }
        return Finding(
          "\(net.title(number)) takes its statistics of \(Numbers.count(values, "value"))",
          at: net.place(number))
      }
    }
  }
}
