import Datasets
import Layers
import Nets
import Prototxt
import Schema

/// Lints about what comes into nets.
extension Lint {
  /// The types of data layers that take a transformation, with the messages of their own.
  static let imageLayers = [
    "Data": "data_param", "ImageData": "image_data_param", "WindowData": "window_data_param",
  ]

  static let unscaledInput = Lint(
    "unscaled-input",
    summary: "images whose bytes go into the net as they are, from 0 to 255",
    reason:
      "layers are filled for numbers around 0: with such inputs the loss often does not fall, "
      + "or grows without end",
    remedy: "add transform_param { scale: 0.00390625 }, which is 1/256, or take the mean off by "
      + "mean_value or mean_file"
  ) { subject in
    subject.nets.filter(\.hasLoss).flatMap { net in
      net.layers.compactMap { number in
        let message = net.node(number).spec.message
        guard let field = imageLayers[net.type(number)] else { return nil }
        let transform = message.message("transform_param")
        let isRaw =
          (transform.float("scale") == 1 || !transform.has("scale"))
          && !transform.has("mean_file") && !transform.has("mean_value")
        guard isRaw, !holdsFloats(message.message(field), net, type: net.type(number)),
          !isNormalized(number, net)
        else { return nil }
        return Finding(
          "\(net.title(number)) brings in bytes without scale or mean",
          at: message.has("transform_param")
            ? message.location("transform_param") : net.place(number))
      }
    }
  }

  /// Whether all who read a layer's images bring them to scale themselves.
  private static func isNormalized(_ number: Int, _ net: CheckedNet) -> Bool {
    let known: Set = ["Power", "Scale", "BatchNorm", "BN", "MVN", "Normalize", "Silence"]
    let readers = net.readers[number].first ?? []
    return !readers.isEmpty && readers.allSatisfy { known.contains(net.type($0)) }
  }

  /// Whether a data base, if it is here, holds numbers other than bytes.
  private static func holdsFloats(_ parameters: Message, _ net: CheckedNet, type: String) -> Bool {
    guard type == "Data",
      let path = FileResolver(folder: net.folder).existing(parameters.string("source")),
      let record = try? Database(path: path).nextGood()
    else { return false }
    return record.storage == .floats
  }

  static let ignoredTransform = Lint(
    "ignored-transform",
    summary: "scale, mean_file, crop_size or mirror in a message where Caffe no longer reads them",
    reason: "they have had no effect since 2014, so the net gets other numbers than it seems",
    remedy: "move them to transform_param"
  ) { subject in
    subject.nets.flatMap { net in
      net.layers.flatMap { number -> [Finding] in
        let message = net.node(number).spec.message
        // WindowData does read its own.
        guard let field = imageLayers[net.type(number)], net.type(number) != "WindowData" else {
          return []
        }
        let parameters = message.message(field)
        return ["scale", "mean_file", "crop_size", "mirror"].filter(parameters.has).map {
          Finding(
            "\($0) has no effect in \(field) of \(net.title(number))", at: parameters.location($0))
        }
      }
    }
  }

  static let mirrorInTest = Lint(
    "mirror-in-test",
    summary: "mirror in a data layer of the test phase",
    reason: "as in Caffe, it turns every second image at random in tests too, so two tests of the "
      + "same weights differ",
    remedy: "leave mirror out of the data layer that includes phase TEST"
  ) { subject in
    subject.tested.flatMap { net in
      net.layers.compactMap { number in
        let transform = net.node(number).spec.message.message("transform_param")
        guard imageLayers[net.type(number)] != nil, transform.bool("mirror") else { return nil }
        return Finding(
          "\(net.title(number)) mirrors images at random in the test phase",
          at: transform.location("mirror"))
      }
    }
  }

  static let phasesDiffer = Lint(
    "phases-differ",
    summary: "data of training and of testing that are scaled, or freed of a mean, in other ways",
    reason: "the net is tested on numbers unlike those that it learns from",
    remedy: "give both data layers the same scale and mean"
  ) { subject in
    guard let train = subject.trained.first else { return [] }
    return subject.tested.flatMap { test in
      test.layers.compactMap { number -> Finding? in
        let node = test.node(number)
        guard imageLayers[node.spec.type] != nil, let top = node.spec.tops.first,
          let other = train.layers.first(where: {
            imageLayers[train.type($0)] != nil && train.node($0).spec.tops.first == top
          })
        else { return nil }
        let message = node.spec.message
        let (mine, theirs) = (
          message.message("transform_param"),
          train.node(other).spec.message.message("transform_param")
        )
        let differing = ["scale", "mean_value", "mean_file"].filter {
          !isSame($0, mine, theirs)
        }
        guard !differing.isEmpty else { return nil }
        return Finding(
          "\(differing.joined(separator: " and ")) of '\(top)' in the test phase "
            + "\(differing.count == 1 ? "differs" : "differ") from training's",
          at: message.has("transform_param")
            ? message.location("transform_param") : test.place(number),
          notes: [Note("the data for training", at: train.place(other))])
      }
    }
  }

  private static func isSame(_ field: String, _ a: Message, _ b: Message) -> Bool {
    switch field {
    case "mean_value": a.floats(field) == b.floats(field)
    case "mean_file": a.string(field) == b.string(field)
    default: a.float(field) == b.float(field)
    }
  }

  static let sameSource = Lint(
    "same-source",
    summary: "tests on the data that the net is trained on",
    reason: "they tell how well the net remembers, not how well it does on what it has not seen",
    remedy: "keep some records apart for tests, as netrun convert does it with --split"
  ) { subject in
    guard let train = subject.trained.first else { return [] }
    var sources: [String: SourceRange?] = [:]
    for number in train.layers {
      guard let (source, place) = source(of: train.node(number)) else { continue }
      sources[source] = .some(place)
    }
    // A second test net may well look at how training does, beside one with data of its own.
    let hasOwn = subject.tested.contains { test in
      let named = test.layers.compactMap { source(of: test.node($0))?.0 }
      return !named.isEmpty && named.allSatisfy { sources[$0] == nil }
    }
    if hasOwn { return [] }
    return subject.tested.flatMap { test in
      test.layers.compactMap { number in
        guard let (source, place) = source(of: test.node(number)), let other = sources[source]
        else { return nil }
        return Finding(
          "\(test.title(number)) tests on '\(source)', which is trained on too", at: place,
          notes: [Note("for training, it is named here", at: other)])
      }
    }
  }

  /// What a data layer reads, and where that is said.
  static func source(of node: Node) -> (String, SourceRange?)? {
    let fields = imageLayers.merging(["HDF5Data": "hdf5_data_param"]) { first, _ in first }
    guard let field = fields[node.spec.type] else { return nil }
    let parameters = node.spec.message.message(field)
    return (parameters.string("source"), parameters.location("source"))
  }
}
