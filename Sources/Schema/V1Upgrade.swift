internal import Prototxt

/// Turns a layer of 2014, `layers { type: CONVOLUTION }`, into one of today.
enum V1Upgrade {
  /// The layer in today's form.
  static func layer(_ old: Message) -> Message {
    var layer = Message(.layer)
    layer.location = old.location
    for name in old.setFields where !changed.contains(name) {
      layer.copy(name, of: old, as: name)
    }
    if old.has("type") {
      let name = old.enumName("type")
      layer.set("type", string: LayerTypes.v1[name] ?? name, at: old.location("type"))
    }
    addParams(old, to: &layer)
    moveTransformation(&layer)
    return layer
  }

  private static let changed: Set<String> = [
    "type", "layer", "param", "blob_share_mode", "blobs_lr", "weight_decay",
  ]

  /// Four lists, one entry for each blob, become one message for each blob.
  private static func addParams(_ old: Message, to layer: inout Message) {
    let parts = [
      ("param", "name"), ("blob_share_mode", "share_mode"), ("blobs_lr", "lr_mult"),
      ("weight_decay", "decay_mult"),
    ]
    let count = parts.map { old.count($0.0) }.max() ?? 0
    for index in 0..<count {
      var param = Message("ParamSpec")
      for (oldName, name) in parts {
        guard let value = old.value(oldName, index) else { continue }
        let location = old.location(oldName, index)
        param.set(name, value, at: location)
        param.location = param.location ?? location
      }
      layer.append("param", message: param)
    }
  }

  /// The scaling and cropping of data layers moved into a message of its own.
  private static func moveTransformation(_ layer: inout Message) {
    let owners = [
      "Data": "data_param", "ImageData": "image_data_param", "WindowData": "window_data_param",
    ]
    guard let owner = owners[layer.string("type")], layer.has(owner) else { return }
    var data = layer.message(owner)
    for name in ["scale", "mean_file", "crop_size", "mirror"] where data.has(name) {
      layer.update("transform_param", at: data.location(name)) {
        $0.copy(name, of: data, as: name)
      }
      data.clear(name)
    }
    layer.set(owner, message: data)
  }
}
