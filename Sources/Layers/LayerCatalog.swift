/// Every layer type; a new one is a file and a line here.
public enum LayerCatalog {
  /// The types, in alphabetical order.
  public static let all: [any Layer.Type] = [
    Accuracy.self,
    BatchNorm.self,
    Bias.self,
    Concat.self,
    ContrastiveLoss.self,
    Convolution.self,
    Data.self,
    Deconvolution.self,
    Dropout.self,
    DummyData.self,
    Eltwise.self,
    EuclideanLoss.self,
    Flatten.self,
    HingeLoss.self,
    ImageData.self,
    InfogainLoss.self,
    InnerProduct.self,
    Input.self,
    LRN.self,
    LSTM.self,
    LSTMUnit.self,
    MVN.self,
    MemoryData.self,
    MultinomialLogisticLoss.self,
    Pooling.self,
    RNN.self,
    ReLU.self,
    Scale.self,
    Sigmoid.self,
    SigmoidCrossEntropyLoss.self,
    Silence.self,
    Softmax.self,
    SoftmaxWithLoss.self,
    Split.self,
    TanH.self,
    WindowData.self,
  ]

  /// The type of a name as written in a net file.
  public static func type(named name: String) -> (any Layer.Type)? {
    byName[name]
  }

  private static let byName: [String: any Layer.Type] = Dictionary(
    all.map { ($0.type, $0) }, uniquingKeysWith: { first, _ in first })
}
