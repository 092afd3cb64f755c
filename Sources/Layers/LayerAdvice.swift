/// What to tell about layer types that are known but not here.
public enum LayerAdvice {
  /// What a type was for and what replaces it; `nil` if nothing is known of it.
  public static func unknownType(_ type: String) -> String? {
    switch type {
    case "Python":
      "a Python layer needs Caffe's Python interface: replace it by a native layer (linear "
        + "regression's loss is EuclideanLoss)"
    default: nil
    }
  }
}
