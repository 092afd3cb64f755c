public import Compute
internal import Glibc
public import Prototxt

/// Fills batches with the images that a list names, round and round.
public final class ImageListSource: RecordSource {
  /// Which images, and how they are loaded.
  public struct Settings: Sendable {
    /// What is put in front of each name, as it is.
    public var root = ""
    /// The rows of all images; 0 leaves them.
    public var height = 0
    /// The columns of all images; 0 leaves them.
    public var width = 0
    /// How many channels images get.
    public var color = ImageColor.color
    /// Whether each pass over the list has an order of its own, drawn at random.
    public var shuffles = false
    /// If above 0, up to as many images less one, drawn at random, are left out at the start.
    public var skip = 0

    /// All images as they are, in three channels.
    public init() {}
  }

  /// How many images there are.
  public var count: Int? { list.count }
  /// Whether each pass over the list has an order of its own.
  public var shuffles: Bool { settings.shuffles }
  /// Whether the walk goes on at the first image after the last.
  public var wraps = true

  private let list: ImageList
  private let settings: Settings
  private let owner: String
  private let files: @Sendable (String) -> [String]
  private let assembler: BatchAssembler
  private let loader: ImageLoader
  /// What stands in front of `root`, where the first image was found.
  private var prefix: String
  /// The order of the current pass; empty for that of the list.
  private var order: [Int32] = []
  private var position = 0
  /// Draws the orders.
  private var random: RandomStream
  /// Where `random` stood before it drew the current order.
  private var orderCounter: UInt64 = 0

  private var transform: ImageTransform { assembler.transform }

  /// Makes a source.
  ///
  /// - Parameters:
  ///   - list: What to load.
  ///   - settings: How.
  ///   - batchSize: How many images a batch has.
  ///   - transform: What is done with them.
  ///   - random: Where orders are drawn from.
  ///   - owner: What messages begin with, such as `layer 'data' (ImageData)`.
  ///   - files: The paths to try for a path.
  public init(
    _ list: ImageList, _ settings: Settings, batchSize: Int, transform: ImageTransform,
    random: RandomStream, owner: String, files: @escaping @Sendable (String) -> [String]
  ) {
    self.list = list
    self.settings = settings
    self.owner = owner
    self.files = files
    self.random = random
    assembler = BatchAssembler(
      transform, batchSize: batchSize,
      sizeHelp: "set new_height and new_width, crop_size, or batch_size: 1")
    loader = ImageLoader(settings.color, height: settings.height, width: settings.width)
    prefix = ""
    let first = settings.root + list.name(0)
    if let found = files(first).first(where: { access($0, F_OK) == 0 }), found.hasSuffix(first) {
      prefix = String(found.dropLast(first.count))
    }
    // Before the order is drawn, so that an order always follows where its counter says.
    if settings.skip > 0 { position = self.random.below(min(settings.skip, list.count)) }
    beginOrder()
  }

  /// The path at which the first image was found, if it is not the one that is written.
  public var foundElsewhere: (written: String, found: String)? {
    let first = settings.root + list.name(0)
    return prefix.isEmpty ? nil : (first, prefix + first)
  }

  /// The size of the first image after the transform.
  public func look() throws(Diagnostic) -> ImageSize {
    let index = index(at: position)
    do throws(DatumFault) {
      let output = try transform.settings.outputSize(load(index).size)
      try assembler.checkMemory(output)
      return output
    } catch { throw diagnostic(error, index) }
  }

  /// How many batches of images of a size may be held at once, of as many as are wanted.
  public func depth(_ wanted: Int, for size: ImageSize) -> Int {
    assembler.depth(wanted, for: size)
  }

  // MARK: Batches

  /// Fills a batch with the next images.
  public func fill(_ batch: Batch) throws -> Bool {
    batch.names.removeAll()
    var number = 0
    while number < assembler.batchSize {
      if position == list.count {
        guard wraps else { break }
        position = 0
        beginOrder()
      }
      let index = index(at: position)
      do throws(DatumFault) {
        let image = try load(index)
        try assembler.add(
          .bytes(image.pixels), image.size, label: list.label(index), number: number, to: batch)
      } catch { throw diagnostic(error, index) }
      batch.names.append(list.nameBytes(index))
      position += 1
      number += 1
    }
    guard number > 0 else { return false }
    assembler.finish(batch, count: number)
    batch.counters.removeAll(keepingCapacity: true)
    append(position: position, to: &batch.counters)
    return true
  }

  private func load(_ index: Int) throws(DatumFault) -> ImageLoader.Image {
    let name = settings.root + list.name(index)
    let path = prefix + name
    if access(path, F_OK) == 0 { return try loader.load(path) }
    return try loader.load(files(name).first { access($0, F_OK) == 0 } ?? path)
  }

  private func diagnostic(_ fault: DatumFault, _ index: Int) -> Diagnostic {
    .error(
      "\(owner): image '\(settings.root + list.name(index))': \(fault.message)",
      path: list.place(index), help: fault.help)
  }

  // MARK: Order

  private func index(at position: Int) -> Int {
    order.isEmpty ? position : Int(order[position])
  }

  /// Draws the order of a pass; a single pass has the list's.
  private func beginOrder() {
    orderCounter = random.counter
    guard settings.shuffles, wraps else { return order.removeAll(keepingCapacity: true) }
    if order.count != list.count { order = Array(repeating: 0, count: list.count) }
    for index in order.indices { order[index] = Int32(index) }
    for index in order.indices.dropLast() {
      order.swapAt(index, index + random.below(order.count - index))
    }
  }

  // MARK: Place

  private func append(position: Int, to counters: inout [UInt64]) {
    counters.append(UInt64(position))
    counters.append(transform.random.key)
    counters.append(transform.random.counter)
    counters.append(random.key)
    counters.append(orderCounter)
  }

  /// What to save to begin at the first image, or behind those that are left out.
  public var startCounters: [UInt64] {
    var counters: [UInt64] = []
    append(position: position, to: &counters)
    return counters
  }

  /// Goes back before the first image; draws go on where saved numbers say.
  public func rewind(drawingFrom counters: [UInt64]) {
    position = 0
    guard counters.count == 5 else { return }
    transform.random = RandomStream(key: counters[1], counter: counters[2])
    random = RandomStream(key: counters[3], counter: counters[4])
    beginOrder()
  }

  /// Goes to where saved numbers say.
  public func restore(_ counters: [UInt64]) throws(Diagnostic) -> String? {
    guard counters.count == 5, let saved = Int(exactly: counters[0]) else {
      throw .error(
        "\(owner): what was saved of the place in the list makes no sense", path: list.path)
    }
    rewind(drawingFrom: counters)
    position = min(saved, list.count)
    guard saved > list.count else { return nil }
    return "\(owner): '\(list.path)' has only \(list.count) images, fewer than \(saved), after "
      + "which to go on; begins again"
  }
}
