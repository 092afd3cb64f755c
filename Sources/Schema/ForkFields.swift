/// Fields of layers that Caffe's forks have and netrun has not: a net that uses one is told whose it is,
/// before the layer's type is looked at.
enum ForkFields {
  /// What to say of a field of a message; `nil` if no fork is known to have it.
  static func advice(_ field: String, in message: String) -> String? {
    switch message {
    case "LayerParameter":
      guard let (fork, types) = layerFields[field] else { return nil }
      return "it is of \(fork)'s layer \(types), which is not here: 'netrun layers \(types)' tells "
        + "what to do instead"
    case "TransformationParameter":
      guard ssdTransforms.contains(field) else { return nil }
      return "it is of SSD, for training with boxes: take it away to use the net"
    default: return nil
    }
  }

  private static let ssdTransforms: Set<String> = [
    "resize_param", "noise_param", "distort_param", "expand_param", "emit_constraint",
  ]

  private static let layerFields: [String: (fork: String, type: String)] = [
    "multibox_loss_param": ("SSD", "MultiBoxLoss"),
    "annotated_data_param": ("SSD", "AnnotatedData"),
    "detection_evaluate_param": ("SSD", "DetectionEvaluate"),
    "video_data_param": ("SSD", "VideoData"),
    "focal_loss_param": ("jolibrain", "FocalLoss"),
    "roi_align_param": ("Mask R-CNN", "ROIAlign"),
    "box_annotator_ohem_param": ("R-FCN", "BoxAnnotatorOHEM"),
    "correlation_param": ("FlowNet", "Correlation"),
    "flow_warp_param": ("FlowNet 2", "FlowWarp"),
    "resample_param": ("FlowNet 2", "Resample"),
    "augmentation_param": ("FlowNet 2", "DataAugmentation"),
    "lpq_loss_param": ("FlowNet 2", "LpqLoss"),
    "region_loss_param": ("YOLO v2", "RegionLoss"),
    "yolo_detection_output_param": ("YOLO v2", "YoloDetectionOutput"),
    "yolov3_detection_output_param": ("YOLO v3", "Yolov3DetectionOutput"),
    "dense_crf_param": ("DeepLab", "DenseCRF"),
    "mat_read_param": ("DeepLab", "MatRead"),
    "mat_write_param": ("DeepLab", "MatWrite"),
    "seg_accuracy_param": ("DeepLab", "SegAccuracy"),
    "dense_image_data_param": ("SegNet", "DenseImageData"),
    "margin_inner_product_param": ("SphereFace", "MarginInnerProduct"),
  ]
}
