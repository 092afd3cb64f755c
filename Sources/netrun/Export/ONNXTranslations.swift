import Compute
import Layers
import Nets
import Prototxt
import Schema

extension ONNXExport {
  /// What translates the layers of each type; others cannot be translated.
  static let translations: [String: Translation] = [
    "AbsVal": { $0.finish($1, "Abs", [$0.bottom($1)]) },
    "ArgMax": { (export, node) throws(Diagnostic) in try export.argMax(node) },
    "Axpy": { $0.axpy($1) },
    "BN": { (export, node) throws(Diagnostic) in try export.forkedNorm(node) },
    "BNLL": { $0.finish($1, "Softplus", [$0.bottom($1)]) },
    "BatchNorm": { (export, node) throws(Diagnostic) in try export.batchNorm(node) },
    "Bias": { $0.bias($1) },
    "Clip": { export, node in
      let given = node.spec.parameters("clip_param")
      export.clip(node, given.float("min"), given.float("max"))
    },
    "Concat": { $0.concat($1) },
    "Convolution": convolutional,
    "ConvolutionDepthwise": convolutional,
    "Crop": { $0.crop($1) },
    "Deconvolution": { (export, node) throws(Diagnostic) in
      try export.convolution(node, "ConvTranspose")
    },
    "DepthwiseConv": convolutional,
    "DepthwiseConvolution": convolutional,
    "Dropout": { $0.alias($1, 0, $0.bottom($1)) },
    "ELU": { export, node in
      let alpha = node.spec.parameters("elu_param").float("alpha")
      export.finish(node, "Elu", [export.bottom(node)], ["alpha": .float(alpha)])
    },
    "Eltwise": { $0.eltwise($1) },
    "Embed": { $0.embed($1) },
    "Exp": { $0.exponential($1) },
    "Flatten": { $0.reshape($1) },
    "InnerProduct": { (export, node) throws(Diagnostic) in try export.innerProduct(node) },
    "Input": { export, node in
      for blob in node.tops { export.graph.input(blob.name, blob.shape.dimensions) }
      for index in node.tops.indices { export.alias(node, index, node.tops[index].name) }
    },
    "Interp": { (export, node) throws(Diagnostic) in try export.interp(node) },
    "LRN": { $0.lrn($1) },
    "LSTM": { (export, node) throws(Diagnostic) in try export.lstm(node) },
    "Log": { $0.logarithm($1) },
    "MVN": { $0.mvn($1) },
    "Normalize": { $0.normalize($1) },
    "PReLU": { $0.prelu($1) },
    "Permute": { $0.permute($1) },
    "Pooling": { (export, node) throws(Diagnostic) in try export.pooling(node) },
    "Power": { $0.power($1) },
    "RNN": { (export, node) throws(Diagnostic) in try export.rnn(node) },
    "ReLU": { $0.relu($1) },
    "ReLU6": { $0.clip($1, 0, 6) },
    "Reduction": { $0.reduction($1) },
    "Reshape": { $0.reshape($1) },
    "Scale": { $0.scale($1) },
    "ShuffleChannel": { $0.shuffle($1) },
    "Sigmoid": { $0.finish($1, "Sigmoid", [$0.bottom($1)]) },
    "Silence": { _, _ in },
    "Slice": { $0.slice($1) },
    "Softmax": { $0.softmax($1) },
    "Split": { export, node in
      for index in node.tops.indices { export.alias(node, index, export.bottom(node)) }
    },
    "Swish": { $0.swish($1) },
    "TanH": { $0.finish($1, "Tanh", [$0.bottom($1)]) },
    "Threshold": { $0.threshold($1) },
    "Tile": { $0.tile($1) },
    "Upsample": { (export, node) throws(Diagnostic) in try export.upsample(node) },
  ]

  private static let convolutional: Translation = { (export, node) throws(Diagnostic) in
    try export.convolution(node, "Conv")
  }
}
