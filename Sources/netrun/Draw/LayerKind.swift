import Layers
import Pictures
import Schema

/// The kinds of layers that a drawing tells apart.
enum LayerKind: String, CaseIterable {
  case data = "data"
  case convolution = "convolution"
  case product = "inner product"
  case pooling = "pooling"
  case normalisation = "normalisation"
  case activation = "activation"
  case recurrent = "recurrent"
  case joining = "shape, join, other"
  case loss = "loss, score"

  private static let types: [String: LayerKind] = [
    "Convolution": .convolution, "Deconvolution": .convolution, "Im2col": .convolution,
    "Correlation": .convolution, "InnerProduct": .product, "Embed": .product,
    "Pooling": .pooling, "SPP": .pooling, "BatchNorm": .normalisation, "Scale": .normalisation,
    "Bias": .normalisation, "LRN": .normalisation, "MVN": .normalisation,
    "Normalize": .normalisation, "Softmax": .loss, "Dropout": .activation,
  ]

  init(_ type: String) {
    if let known = LayerKind.types[type] {
      self = known
    } else if type.hasSuffix("Convolution") || type.hasPrefix("ConvolutionDepthwise") {
      self = .convolution
    } else {
      switch LayerCatalog.type(named: type)?.reference.category {
      case .data: self = .data
      case .activation: self = .activation
      case .recurrent: self = .recurrent
      case .loss: self = .loss
      default: self = .joining
      }
    }
  }

  /// The colour.
  var ink: Ink {
    switch self {
    case .data: .series(7)
    case .convolution: .series(0)
    case .product: .series(4)
    case .pooling: .series(2)
    case .normalisation: .series(5)
    case .activation: .series(1)
    case .recurrent: .series(3)
    case .joining: .series(6)
    case .loss: .bad
    }
  }

  // MARK: Parameters

  /// The parameters that one wants to see: outputs, windows, strides.
  static func detail(_ spec: LayerSpec) -> String {
    switch spec.type {
    case "Pooling":
      let given = spec.parameters("pooling_param")
      let window = given.bool("global_pooling") ? "global" : window(given)
      return [given.enumName("pool"), window].joined(separator: " ")
    case "InnerProduct": return "\(spec.parameters("inner_product_param").int("num_output"))"
    case "Dropout": return shortNumber(spec.parameters("dropout_param").float("dropout_ratio"))
    case "Eltwise": return spec.parameters("eltwise_param").enumName("operation")
    case "LRN": return "\(spec.parameters("lrn_param").int("local_size"))"
    case "Accuracy":
      let count = spec.parameters("accuracy_param").int("top_k")
      return count > 1 ? "top \(count)" : ""
    default:
      let given = spec.parameters("convolution_param")
      guard spec.message.has("convolution_param") else { return "" }
      let groups = given.int("group")
      return "\(given.int("num_output")), \(window(given))"
        + (groups > 1 ? ", \(groups) groups" : "")
    }
  }

  private static func shortNumber(_ value: Float) -> String { Numbers.general(value) }

  /// `3×3`, `7×7 / 2`.
  private static func window(_ given: Message) -> String {
    func pair(_ name: String, _ both: String, _ otherwise: Int) -> (Int, Int) {
      let all: [Int] =
        given.type.field(named: both)?.isRepeated == true
        ? given.ints(both) : given.has(both) ? [given.int(both)] : []
      let first = all.first ?? otherwise
      let prefix = name.isEmpty ? "" : "\(name)_"
      return (
        given.optionalInt("\(prefix)h") ?? first,
        given.optionalInt("\(prefix)w") ?? all.dropFirst().first ?? first
      )
    }
    let kernel = pair("kernel", "kernel_size", 1)
    let stride = pair("stride", "stride", 1)
    var text = "\(kernel.0)×\(kernel.1)"
    if stride.0 > 1 || stride.1 > 1 {
      text += stride.0 == stride.1 ? " / \(stride.0)" : " / \(stride.0)×\(stride.1)"
    }
    return text
  }
}
