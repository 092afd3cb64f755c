/// What to tell about layer types that are known but not here.
public enum LayerAdvice {
  /// What a type was for and what replaces it; `nil` if nothing is known of it.
  public static func unknownType(_ type: String) -> String? {
    known[type]
  }

  /// By type: the fork that has it, and what to do.
  private static let known: [String: String] = {
    var all = single
    for (types, advice) in families {
      for type in types { all[type] = advice }
    }
    return all
  }()

  private static let single = [
    "Python": "a Python layer needs Caffe's Python interface: replace it by a native layer. "
      + "EuclideanLossLayer of module pyloss and ProposalLayer of module rpn.proposal_layer are "
      + "known by these names",
    "MultiBoxLoss": "a layer of SSD, for training only: leave it out to use the net (the deploy "
      + "net ends in DetectionOutput instead)",
    "MultiBoxFocalLoss": "a layer of jolibrain's SSD, for training only: leave it out to use the "
      + "net",
    "AnnotatedData":
      "a layer of SSD, which reads boxes from LMDB: use Input and the deploy net, or "
      + "Data for pictures without boxes",
    "VideoData": "a layer of SSD, which reads films: turn the film into pictures, and use Input",
    "DetectionEvaluate": "a layer of SSD, for its test nets: evaluate the rows of DetectionOutput",
    "SoftmaxWithFocalLoss": "a layer of several forks: use SoftmaxWithLoss with loss_param { "
      + "focal_gamma: … }",
    "FocalLoss": "a layer of jolibrain and others: use SoftmaxWithLoss with loss_param { "
      + "focal_gamma: … }",
    "WeightedSoftmaxWithLoss": "a layer of several forks: use SoftmaxWithLoss with loss_param { "
      + "class_weighting: … }",
    "ROIAlign": "a layer of forks for Mask R-CNN: ROIPooling is the nearest there is",
    "NegReLU": "a layer of FlowNet 2: Power with scale: -1, ReLU, and Power with scale: -1 again",
    "Downsample": "a layer of FlowNet 2, for training: leave it out, or use Interp",
    "SegAccuracy": "a layer of DeepLab and PSPNet: use Accuracy with ignore_label",
    "ImageSegData": "a layer of DeepLab and PSPNet, which reads label pictures: use Input, or Data "
      + "from two data bases",
    "DenseImageData": "a layer of SegNet, which reads label pictures: use Input, or Data from two "
      + "data bases",
    "BroadcastMul": "a layer of jolibrain: use Scale with two bottoms",
    "SELU": "a layer of several forks: ELU with alpha: 1.6733, then Power with scale: 1.0507",
    "SeLu": "a layer of jolibrain: ELU with alpha: 1.6733, then Power with scale: 1.0507",
    "LRNRistretto": "a layer of Ristretto: use LRN, which computes it in floats",
    "FcRistretto": "a layer of Ristretto: use InnerProduct, which computes it in floats",
    "ConvolutionRistretto": "a layer of Ristretto: use Convolution, which computes it in floats",
    "DeconvolutionRistretto":
      "a layer of Ristretto: use Deconvolution, which computes it in floats",
    "CuDNNBatchNorm": "NVCaffe's or a fork's BatchNorm on cuDNN: use BatchNorm, with scale_bias: "
      + "true if its weights are five blobs",
  ]

  private static let families: [(types: [String], advice: String)] = [
    (
      ["Correlation", "Correlation1D", "Resample", "FlowWarp", "ChannelNorm", "LpqLoss", "Accum"],
      "a layer of FlowNet 2, for optical flow; nothing here replaces it"
    ),
    (
      ["DataAugmentation", "GenerateAugmentationParameters", "FlowAugmentation", "CustomData"],
      "a layer of FlowNet 2, for its training data: use Input and the deploy net"
    ),
    (
      ["RegionLoss", "EvalDetection", "BoxData", "YoloV3Loss", "Yolov3", "RegionOutput"],
      "a layer of the YOLO ports, for training or its evaluation: leave it out, and take the blob "
        + "below it"
    ),
    (
      ["YoloDetectionOutput", "Yolov3DetectionOutput"],
      "a layer of the YOLO ports, which makes boxes of the net's output: leave it out, and take "
        + "the blob below it"
    ),
    (
      ["DenseCRF", "DomainTransform", "MatRead", "MatWrite", "UniqueLabel", "AdaptiveBiasChannel"],
      "a layer of DeepLab; leave it out to get the net's own scores"
    ),
    (
      ["BoxAnnotatorOHEM", "SmoothL1LossOHEM", "SoftmaxWithLossOHEM"],
      "a layer of R-FCN, for training only: leave it out to use the net"
    ),
    (
      ["MarginInnerProduct", "NormalizedInnerProduct", "LabelSpecificAdd"],
      "a layer of SphereFace or CosFace, for training only: leave it out, and take the blob below it "
        + "as the face's features"
    ),
    (
      ["SparseData", "SparseInnerProduct"],
      "a layer of jolibrain, for sparse data: use Data and InnerProduct with all values"
    ),
    (
      ["CtcLoss", "CTCLoss", "ContinuationIndicator", "DiceCoefLoss", "CrossEntropyLoss"],
      "a layer of jolibrain, for training only: leave it out to use the net"
    ),
  ]
}
