import Compute
import Datasets
import Layers
import Nets
import Prototxt
import Schema

/// Replays samples of the test data through the net for use, and compares with the test net.
struct SelfTest {
  /// How a blob differs between the nets.
  struct Difference {
    let name: String
    var largest: Float = 0
    var size: Float = 0

    /// Whether it is more than rounding.
    var isDrift: Bool { !(largest <= 1e-5 * max(1, size)) }
  }

  private(set) var samples = 0
  /// The input, then what both nets have, in the order of computation.
  private(set) var differences: [Difference] = []
  /// What makes the difference, if there is one.
  private(set) var hint: String?

  var hasDrift: Bool { differences.contains(where: \.isDrift) }

  /// The input, the first blob that differs, and the last one that both nets have.
  var shown: [Difference] {
    let places = [0, differences.firstIndex(where: \.isDrift) ?? 0, differences.count - 1]
    return Set(places).sorted().filter(differences.indices.contains).map { differences[$0] }
  }

  /// Runs both nets.
  ///
  /// - Parameters:
  ///   - deploy: The net for use, with how images become its input.
  ///   - test: The net that is tested, from which samples come.
  ///   - weights: The files of weights.
  ///   - count: How many samples.
  ///   - threads: How many threads compute.
  ///   - console: Where remarks go.
  /// - Throws: what keeps either net from running.
  init(
    _ deploy: DeployLoading, against test: DeployLoading, weights: [String], count: Int,
    threads: Int?, _ console: Console
  ) throws {
    let tested = try SelfTest.build(test, threads, console)
    guard let inputName = deploy.input?.strings("top").first else {
      throw Diagnostic.error("the net for use takes no images", path: deploy.path)
    }
    guard let node = tested.sources.first(where: { ["Data", "ImageData"].contains($0.spec.type) }),
      let data = node.tops.first, let source = node.source
    else {
      throw Diagnostic.error(
        "the test net has no layer of type Data or ImageData, from which to take images",
        path: test.path)
    }
    let net = try deploy.build(
      batchSize: source.batchSize, threads: threads, keeps: .all, console)
    guard let input = net.blob(inputName) else { return }
    for file in weights {
      try tested.loadWeights(path: file)
      try net.loadWeights(path: file)
    }
    let feed = try ImageFeed(
      deploy.recipe, into: input, isTenCrop: false, workers: net.context.workers,
      path: deploy.path)
    let images = try RawImages(node.spec.message, folder: test.folder)
    let pairs = SelfTest.pairs(tested, data, net, input)
    differences = pairs.map { Difference(name: $0.1.name) }
    var moments = Moments()
    // Once through the records shows all that there is to see.
    let wanted = min(count, source.recordCount ?? count)
    while samples < wanted {
      _ = try tested.forward()
      let number = min(source.batchSize, wanted - samples)
      try images.next(number) { sources throws(Diagnostic) in
        if let fault = feed.fill(sources).lazy.compactMap({ $0 }).first {
          throw .error(
            "a record of the test data: \(fault.message)", path: test.path, help: fault.help)
        }
      }
      _ = try net.forward()
      for (index, (expected, found)) in pairs.enumerated() {
        compare(expected, found, number, source.batchSize, &differences[index])
      }
      moments.add(expected: data, found: input, samples: number)
      samples += number
    }
    hint = explain(data, input, moments, net)
  }

  private static func build(
    _ loading: DeployLoading, _ threads: Int?, _ console: Console
  ) throws -> Net {
    var description = loading.original
    // What is drawn at random cannot be replayed.
    let layers = description.messages("layer").map { layer in
      var layer = layer.inOrder
      if layer.message("transform_param").bool("mirror"), loading.state.includes(layer) {
        var transform = layer.message("transform_param")
        transform.clear("mirror")
        layer.set("transform_param", message: transform)
      }
      return layer
    }
    description.set("layer", messages: layers)
    let context = LayerContext(
      workers: Workers(count: threads ?? Workers.available),
      files: FileResolver(folder: loading.folder), remark: RemarkPrinter(console).remark)
    var options = Net.Options(state: loading.state, context: context)
    options.mergesState = false
    options.runsBackward = false
    return try Net(description, options: options)
  }

  /// The blobs that both nets have, the input first.
  private static func pairs(
    _ tested: Net, _ data: Blob, _ net: Net, _ input: Blob
  ) -> [(Blob, Blob)] {
    var result = [(data, input)]
    for name in net.blobNames where name != input.name {
      guard let found = net.blob(name), let expected = tested.blob(name),
        expected.count == found.count
      else { continue }
      result.append((expected, found))
    }
    return result
  }

  private func compare(
    _ expected: Blob, _ found: Blob, _ samples: Int, _ batch: Int, _ result: inout Difference
  ) {
    guard expected.count == found.count else {
      result.largest = .infinity
      return
    }
    let count = expected.count % batch == 0 ? expected.count / batch * samples : expected.count
    let (a, b) = (expected.reading, found.reading)
    for index in 0..<count {
      let difference = abs(a[index] - b[index])
      // Not a number counts as infinitely far from a number.
      let isBad = difference.isNaN && !(a[index].isNaN && b[index].isNaN)
      result.largest = max(result.largest, isBad ? .infinity : difference.isNaN ? 0 : difference)
      result.size = max(result.size, abs(a[index]))
    }
  }

  // MARK: Why

  private func explain(_ data: Blob, _ input: Blob, _ moments: Moments, _ net: Net) -> String? {
    guard let first = differences.firstIndex(where: \.isDrift) else { return nil }
    guard first == 0 else {
      let name = differences[first].name
      let layer = net.nodes.last { $0.tops.contains { $0.name == name } }
      return "the inputs are equal, but '\(name)' is not: look at layer "
        + "'\(layer?.name ?? name)' (\(layer?.spec.type ?? "")) in both nets, and at the weights"
    }
    guard data.count == input.count else {
      return "the input is \(input.shape.display), but the test net's data are "
        + "\(data.shape.display): look at crop_size and new_height, new_width"
    }
    let (factor, offset, rest) = moments.line
    guard rest < 0.01 else {
      return "the inputs differ in more than scale and mean: look at crop_size, new_height, "
        + "new_width, is_color, the mean image, and whether the images were compressed"
    }
    var parts: [String] = []
    if abs(factor - 1) > 1e-3 { parts.append("scale: \(Numbers.general(factor)) times as large") }
    if abs(offset) > 1e-3 * max(1, Double(differences[0].size)) {
      parts.append("mean: \(Numbers.general(offset)) more")
    }
    return "the test net's input is that of the net for use, but for "
      + (parts.isEmpty ? "small differences" : parts.joined(separator: "; "))
      + ": compare transform_param of both"
  }
}

/// What tells whether one of two inputs is the other times a number, plus a number.
private struct Moments {
  private var n = 0.0
  private var x = 0.0
  private var y = 0.0
  private var xx = 0.0
  private var xy = 0.0
  private var yy = 0.0

  mutating func add(expected: Blob, found: Blob, samples: Int) {
    guard expected.count == found.count else { return }
    let count = expected.count / max(1, expected.shape.leadingCount) * samples
    for index in 0..<count {
      let (a, b) = (Double(found.reading[index]), Double(expected.reading[index]))
      n += 1
      x += a
      y += b
      xx += a * a
      xy += a * b
      yy += b * b
    }
  }

  /// The line through the pairs, and the share of the spread that it leaves.
  var line: (factor: Double, offset: Double, rest: Double) {
    let (spreadX, spreadY) = (xx - x * x / n, yy - y * y / n)
    guard n > 0, spreadX > 0, spreadY > 0 else { return (1, n > 0 ? (y - x) / n : 0, 0) }
    let both = xy - x * y / n
    let factor = both / spreadX
    return (factor, (y - factor * x) / n, max(0, 1 - both * both / (spreadX * spreadY)))
  }
}

/// The images of a layer of data as they are stored, before any transform.
private final class RawImages {
  private var reader: LMDBReader?
  private var files: [String] = []
  private var place = 0
  private let path: String

  init(_ layer: Message, folder: String?) throws {
    let resolver = FileResolver(folder: folder)
    let isList = layer.string("type") == "ImageData"
    let parameters = layer.message(isList ? "image_data_param" : "data_param")
    path = resolver.existing(parameters.string("source")) ?? parameters.string("source")
    guard isList else {
      reader = try LMDBReader(path: path)
      return
    }
    let list = try ImageList(path: path)
    let root = parameters.string("root_folder")
    let listFolder = FileResolver.folder(of: path)
    files = (0..<list.count).map { index in
      let name = root + list.name(index)
      return resolver.existing(name) ?? FilePath.join(listFolder, name)
    }
  }

  /// Hands the next images over, at the end from the first on.
  func next(
    _ count: Int, _ body: ([ImageFeed.Source]) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    guard let reader else {
      let sources = (0..<count).map { ImageFeed.Source.file(files[(place + $0) % files.count]) }
      place += count
      return try body(sources)
    }
    var sources: [ImageFeed.Source] = []
    for _ in 0..<count {
      var record = try reader.next()
      if record == nil { record = try reader.first() }
      guard let record else { throw .error("the LMDB has no records", path: path) }
      // The records of a mapped database stay where they are.
      do throws(DatumFault) {
        sources.append(try RawImages.image(record))
      } catch { throw .error("a record: \(error.message)", path: path, help: error.help) }
    }
    try body(sources)
  }

  private static func image(_ record: LMDBRecord) throws(DatumFault) -> ImageFeed.Source {
    let datum = try Datum(record.value)
    if datum.isEncoded { return .encoded(datum.data) }
    _ = try datum.checkedCount()
    guard let start = datum.data.baseAddress, !datum.data.isEmpty else {
      throw DatumFault("it holds floats, no image")
    }
    return .planes(
      start.assumingMemoryBound(to: UInt8.self),
      ImageSize(channels: datum.channels, height: datum.height, width: datum.width))
  }
}
