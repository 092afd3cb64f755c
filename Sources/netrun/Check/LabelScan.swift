import Compute
import Datasets
import Layers
import Nets
import Prototxt
import Schema

/// The labels that a data layer brings in, all of them.
struct LabelScan {
  /// The net, and the data layer in it.
  let net: CheckedNet
  let layer: Int
  /// How many records there are.
  private(set) var records = 0
  /// How many records have each label.
  private(set) var counts: [Int: Int] = [:]
  /// How often a label is another than the one before.
  private(set) var changes = 0
  /// How many outputs the layer has that takes the labels, and which label it leaves out.
  let classes: Int
  let ignored: Int?
  /// The layer that takes them, and the one that makes the outputs.
  let taker: Int
  /// The first records that no output is for.
  private(set) var outside: [(key: String, label: String)] = []
  private(set) var outsideCount = 0
  private var last: Int?

  /// The scans that a net asks for, with no records yet: one for each data layer whose labels are taken
  /// as numbers of classes.
  static func needed(_ net: CheckedNet) -> [LabelScan] {
    net.layers.filter { net.node($0).layer is any SourceLayer }.compactMap { layer in
      for index in net.readers[layer].indices {
        for reader in net.readers[layer][index] {
          guard let scan = LabelScan(net, layer, top: index, reader: reader) else { continue }
          return scan
        }
      }
      return nil
    }
  }

  /// Which top holds the labels.
  private let top: Int

  private init?(_ net: CheckedNet, _ layer: Int, top: Int, reader: Int) {
    let takers = [
      "SoftmaxWithLoss": "softmax_param", "Accuracy": "accuracy_param", "HingeLoss": nil,
      "MultinomialLogisticLoss": nil, "InfogainLoss": "infogain_loss_param",
    ]
    let node = net.node(reader)
    guard let field = takers[node.spec.type], net.sources[reader].count > 1,
      net.sources[reader][1] == CheckedNet.Top(node: layer, index: top),
      let shape = node.bottoms.first?.shape
    else { return nil }
    let message = node.spec.message
    let axis = shape.axis(field.map { message.message($0).int("axis") } ?? 1)
    guard let axis else { return nil }
    let rule = message.message(node.spec.type == "Accuracy" ? "accuracy_param" : "loss_param")
    self.net = net
    self.layer = layer
    self.top = top
    taker = reader
    classes = shape[axis]
    ignored = rule.optionalInt("ignore_label")
  }

  // MARK: Reading

  /// Reads all labels.
  ///
  /// - Throws: what is wrong with a record, or that a signal has asked to stop.
  mutating func read(_ console: Console) throws {
    let progress = ProgressLine(console, of: "records")
    defer { progress.finish() }
    let node = net.node(layer)
    let files = FileResolver(folder: net.folder)
    switch node.spec.type {
    case "Data":
      let name = node.spec.message.message("data_param").string("source")
      let database = try Database(path: files.existing(name) ?? name)
      while let label = try database.nextLabel() {
        add(Float(label.value), label.key)
        if records % 4096 == 0 { try progress.update(records, database.count) }
      }
    case "ImageData":
      let name = node.spec.message.message("image_data_param").string("source")
      let list = try ImageList(path: files.existing(name) ?? name)
      for index in 0..<list.count { add(Float(list.label(index)), list.place(index)) }
    default:
      try readBatches(node, progress)
    }
  }

  /// Reads labels through the layer itself, with all that comes with them.
  private mutating func readBatches(_ node: Node, _ progress: ProgressLine) throws {
    guard let source = node.source, let all = source.recordCount else { return }
    source.beginSinglePass()
    let tops = node.spec.tops.map { Blob($0) }
    do {
      while records < all {
        let shapes = try source.nextShapes([])
        for (top, shape) in zip(tops, shapes) { top.reshape(shape) }
        try source.forward([], tops)
        let labels = tops[top]
        for sample in 0..<labels.count {
          let key = source.recordName(sample: sample) ?? "sample \(records)"
          add(labels.values[sample], key)
        }
        try progress.update(records, all)
      }
    } catch is EndOfData {}
  }

  private mutating func add(_ value: Float, _ key: @autoclosure () -> String) {
    records += 1
    let label = Int(exactly: value.rounded(.towardZero)) ?? Int.min
    counts[label, default: 0] += 1
    if let last, last != label { changes += 1 }
    last = label
    if label == ignored || (0..<classes).contains(label) { return }
    outsideCount += 1
    if outside.count < 3 { outside.append((key(), Numbers.general(value))) }
  }

  // MARK: What is wrong

  /// The error that labels without an output make; training ends at the first of them.
  var problem: Diagnostic? {
    guard let first = outside.first else { return nil }
    let used = counts.keys.filter { $0 != ignored && $0 != Int.min }
    let startsAtOne = used.min() == 1 && used.max() == classes
    let more =
      outsideCount > 1 ? ", as are those of \(Numbers.count(outsideCount - 1, "more record"))" : ""
    return .error(
      "\(net.title(layer)): label \(first.label) of record \(first.key) is outside the "
        + "\(Numbers.count(classes, "output")) of \(net.title(maker))\(more)",
      at: net.node(layer).spec.message.location("top", top),
      notes: outside.dropFirst().map { Note("label \($0.label) of record \($0.key)") }
        + [Note("labels are taken here", at: net.place(taker))],
      help: startsAtOne
        ? "labels here count from 1, but Caffe counts from 0: make the data again with labels from 0"
        : "give the layer an output for each label from 0 to \(used.max() ?? 0), or correct the labels"
    )
  }

  /// The layer that decides how many outputs there are.
  var maker: Int {
    var maker = net.source(of: taker) ?? taker
    while net.node(maker).layer.parameters.isEmpty, let below = net.source(of: maker) {
      maker = below
    }
    return maker
  }

  /// The numbers of records of the labels that are used.
  var used: [Int: Int] { counts.filter { $0.key != ignored } }
  /// Where the labels come from.
  var place: SourceRange? {
    Lint.source(of: net.node(layer))?.1 ?? net.place(layer)
  }
}
