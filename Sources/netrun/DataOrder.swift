import Schema

extension Message {
  /// The layer, if it reads records, so that it begins with the first one and takes them in their order.
  var inOrder: Message {
    var layer = self
    for field in ["data_param", "image_data_param", "hdf5_data_param"] where layer.has(field) {
      var parameters = layer.message(field)
      parameters.clear("shuffle")
      if field != "hdf5_data_param" { parameters.clear("rand_skip") }
      layer.set(field, message: parameters)
    }
    return layer
  }
}
