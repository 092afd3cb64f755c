public import Schema

/// Every layer type; a new one is a file and a line here.
public enum LayerCatalog {
  /// The types, in alphabetical order.
  public static let all: [any Layer.Type] = [
    AbsVal.self,
    Accuracy.self,
    ArgMax.self,
    Axpy.self,
    BN.self,
    BNLL.self,
    BatchNorm.self,
    BatchReindex.self,
    Bias.self,
    Clip.self,
    Concat.self,
    ContrastiveLoss.self,
    Convolution.self,
    ConvolutionDepthwise.self,
    Crop.self,
    Data.self,
    Deconvolution.self,
    DepthwiseConv.self,
    DepthwiseConvolution.self,
    DetectionOutput.self,
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
    Interp.self,
    L1Loss.self,
    LRN.self,
    LSTM.self,
    LSTMUnit.self,
    Log.self,
    MVN.self,
    MemoryData.self,
    MultiLabelAccuracy.self,
    MultiLabelSigmoidLoss.self,
    MultinomialLogisticLoss.self,
    Normalize.self,
    PReLU.self,
    PSROIPooling.self,
    Parameter.self,
    Permute.self,
    Pooling.self,
    Power.self,
    PriorBox.self,
    Proposal.self,
    RNN.self,
    ROIPooling.self,
    ReLU.self,
    ReLU6.self,
    Reduction.self,
    Reorg.self,
    Reshape.self,
    SPP.self,
    Scale.self,
    ShuffleChannel.self,
    Sigmoid.self,
    SigmoidCrossEntropyLoss.self,
    Silence.self,
    Slice.self,
    SmoothL1Loss.self,
    Softmax.self,
    SoftmaxWithLoss.self,
    Split.self,
    Swish.self,
    TanH.self,
    Threshold.self,
    Tile.self,
    Upsample.self,
    WindowData.self,
  ]

  /// The type of a name as written in a net file.
  public static func type(named name: String) -> (any Layer.Type)? {
    byName[name]
  }

  /// The type of a layer: as named, or for a `Python` layer that is known the one in its place.
  public static func type(of layer: Message) -> (any Layer.Type)? {
    let name = layer.string("type")
    return name == "Python" ? PythonLayers.native(layer) : type(named: name)
  }

  private static let byName: [String: any Layer.Type] = Dictionary(
    all.map { ($0.type, $0) }, uniquingKeysWith: { first, _ in first })
}
