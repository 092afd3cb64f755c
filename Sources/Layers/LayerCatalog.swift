/// Every layer type; a new one is a file and a line here.
public enum LayerCatalog {
  /// The types, in alphabetical order.
  public static let all: [any Layer.Type] = [
    AbsVal.self,
    Accuracy.self,
    ArgMax.self,
    BNLL.self,
    BatchNorm.self,
    BatchReindex.self,
    Bias.self,
    Clip.self,
    Concat.self,
    ContrastiveLoss.self,
    Convolution.self,
    Crop.self,
    Data.self,
    Deconvolution.self,
    Dropout.self,
    DummyData.self,
    ELU.self,
    Eltwise.self,
    Embed.self,
    EuclideanLoss.self,
    Exp.self,
    Filter.self,
    Flatten.self,
    HDF5Data.self,
    HDF5Output.self,
    HingeLoss.self,
    Im2col.self,
    ImageData.self,
    InfogainLoss.self,
    InnerProduct.self,
    Input.self,
    LRN.self,
    LSTM.self,
    LSTMUnit.self,
    Log.self,
    MVN.self,
    MemoryData.self,
    MultinomialLogisticLoss.self,
    PReLU.self,
    Parameter.self,
    Pooling.self,
    Power.self,
    RNN.self,
    ReLU.self,
    Reduction.self,
    Reshape.self,
    SPP.self,
    Scale.self,
    Sigmoid.self,
    SigmoidCrossEntropyLoss.self,
    Silence.self,
    Slice.self,
    Softmax.self,
    SoftmaxWithLoss.self,
    Split.self,
    Swish.self,
    TanH.self,
    Threshold.self,
    Tile.self,
    WindowData.self,
  ]

  /// The type of a name as written in a net file.
  public static func type(named name: String) -> (any Layer.Type)? {
    byName[name]
  }

  private static let byName: [String: any Layer.Type] = Dictionary(
    all.map { ($0.type, $0) }, uniquingKeysWith: { first, _ in first })
}
