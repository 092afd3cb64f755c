internal import Prototxt

/// Turns layers of 2013, `layers { layer { type: "conv" } }`, into those of 2014.
struct V0Upgrade {
  /// The layers in the form of 2014, without those that only padded.
  private(set) var layers: [Message] = []
  /// What could not be carried over.
  private(set) var problems: [Diagnostic] = []

  init(_ old: [Message], inputs: [String]) {
    let paddings = foldPaddings(old, inputs)
    for layer in paddings where layer.message("layer").string("type") != "padding" {
      layers.append(upgraded(layer))
    }
  }

  // MARK: Padding

  /// Padding used to be a layer; now it is a field of the layer behind it.
  private mutating func foldPaddings(_ old: [Message], _ inputs: [String]) -> [Message] {
    var producers: [String: Message] = [:]
    return old.map { original in
      var connection = original
      for index in 0..<connection.count("bottom") {
        let producer = producers[connection.strings("bottom")[index]]
        if let producer, producer.message("layer").string("type") == "padding" {
          fold(producer, into: &connection)
        }
      }
      for top in connection.strings("top") { producers[top] = connection }
      return connection
    }
  }

  private mutating func fold(_ padding: Message, into connection: inout Message) {
    var layer = connection.message("layer")
    let type = layer.string("type")
    guard ["conv", "pool"].contains(type), connection.count("bottom") == 1,
      padding.count("bottom") == 1, padding.count("top") == 1
    else {
      problems.append(
        .error(
          "only a conv or pool layer with a single bottom can follow a padding layer",
          at: connection.location("bottom"),
          notes: [Note("the padding layer", at: padding.location)]))
      return
    }
    layer.copy("pad", of: padding.message("layer"), as: "pad")
    connection.set("layer", message: layer)
    connection.copy("bottom", of: padding, as: "bottom")
  }

  // MARK: Layers

  private mutating func upgraded(_ connection: Message) -> Message {
    guard connection.has("layer") else { return connection }
    let old = connection.message("layer")
    var new = Message("V1LayerParameter")
    new.location = connection.location
    new.copy("bottom", of: connection, as: "bottom")
    new.copy("top", of: connection, as: "top")
    for name in ["name", "blobs", "blobs_lr", "weight_decay"] {
      new.copy(name, of: old, as: name)
    }
    let type = old.string("type")
    if let name = LayerTypes.v0[type] {
      new.set("type", enum: name, at: old.location("type"))
    } else {
      problems.append(.unknownType(type, at: old.location("type")))
    }
    for name in old.setFields where !Self.common.contains(name) {
      carry(name, of: old, type, to: &new)
    }
    return new
  }

  private static let common: Set<String> = ["name", "type", "blobs", "blobs_lr", "weight_decay"]

  private mutating func carry(
    _ name: String, of old: Message, _ type: String, to new: inout Message
  ) {
    let location = old.location(name)
    if name == "hdf5_output_param", type == "hdf5_output" {
      new.copy(name, of: old, as: name)
    } else if let field = Self.transformation[name] {
      new.update("transform_param", at: location) { $0.copy(name, of: old, as: field) }
    } else if let field = Self.fields[name], let parameter = Self.parameters[type],
      field.types.contains(type)
    {
      new.update(parameter, at: location) { $0.copy(name, of: old, as: field.name) }
    } else {
      problems.append(
        .warning(
          "'\(name)' has no meaning for a layer of type '\(type)' and is left out",
          at: location))
    }
  }

  // MARK: Tables

  /// Where the fields of each type went.
  private static let parameters = [
    "concat": "concat_param", "conv": "convolution_param", "data": "data_param",
    "dropout": "dropout_param", "hdf5_data": "hdf5_data_param", "images": "image_data_param",
    "infogain_loss": "infogain_loss_param", "innerproduct": "inner_product_param",
    "lrn": "lrn_param", "pool": "pooling_param", "window_data": "window_data_param",
  ]

  /// What the fields are called there, and which types had them.
  private static let fields: [String: (name: String, types: Set<String>)] = [
    "num_output": ("num_output", ["conv", "innerproduct"]),
    "biasterm": ("bias_term", ["conv", "innerproduct"]),
    "weight_filler": ("weight_filler", ["conv", "innerproduct"]),
    "bias_filler": ("bias_filler", ["conv", "innerproduct"]),
    "pad": ("pad", ["conv", "pool"]),
    "kernelsize": ("kernel_size", ["conv", "pool"]),
    "group": ("group", ["conv"]),
    "stride": ("stride", ["conv", "pool"]),
    "pool": ("pool", ["pool"]),
    "dropout_ratio": ("dropout_ratio", ["dropout"]),
    "local_size": ("local_size", ["lrn"]),
    "alpha": ("alpha", ["lrn"]),
    "beta": ("beta", ["lrn"]),
    "k": ("k", ["lrn"]),
    "source": ("source", ["data", "hdf5_data", "images", "window_data", "infogain_loss"]),
    "batchsize": ("batch_size", ["data", "hdf5_data", "images", "window_data"]),
    "rand_skip": ("rand_skip", ["data", "images"]),
    "shuffle_images": ("shuffle", ["images"]),
    "new_height": ("new_height", ["images"]),
    "new_width": ("new_width", ["images"]),
    "concat_dim": ("concat_dim", ["concat"]),
    "det_fg_threshold": ("fg_threshold", ["window_data"]),
    "det_bg_threshold": ("bg_threshold", ["window_data"]),
    "det_fg_fraction": ("fg_fraction", ["window_data"]),
    "det_context_pad": ("context_pad", ["window_data"]),
    "det_crop_mode": ("crop_mode", ["window_data"]),
  ]

  /// Fields of all data layers, now in transform_param.
  private static let transformation = [
    "scale": "scale", "meanfile": "mean_file", "cropsize": "crop_size", "mirror": "mirror",
  ]
}

extension Diagnostic {
  fileprivate static func unknownType(_ type: String, at location: SourceRange?) -> Diagnostic {
    let names = LayerTypes.v0.keys.sorted()
    let match = closestMatch(to: type, in: names)
    return .error(
      "there is no layer type '\(type)' in the form of 2013", at: location,
      label: match.map { "did you mean '\($0)'?" },
      help: "there are " + names.joined(separator: ", "))
  }
}
