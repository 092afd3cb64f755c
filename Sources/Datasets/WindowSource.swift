internal import CKernels
public import Compute
internal import Glibc
public import Prototxt

/// Fills batches with windows of images, drawn at random: some of objects, the rest of background.
public final class WindowSource: RecordSource {
  /// How windows are chosen and cut.
  public struct Settings: Sendable {
    /// What is put in front of each image's path, as it is.
    public var root = ""
    /// The side of a crop.
    public var crop = 0
    /// Pixels of surroundings on each side of a crop.
    public var padding = 0
    /// Whether windows are made squares first.
    public var isSquare = false
    /// Whether one half of the crops is mirrored.
    public var mirrors = false
    /// From which overlap on a window shows an object.
    public var foreground: Float = 0.5
    /// Below which overlap a window shows background.
    public var background: Float = 0.5
    /// The share of a batch that shows objects.
    public var foregroundShare: Float = 0.25
    /// What values are multiplied by.
    public var scale: Float = 1
    /// What is subtracted: nothing, one value, or one for each channel.
    public var meanValues: [Float] = []
    /// What is subtracted pixel by pixel; its middle is taken.
    public var meanImage: MeanImage?

    /// Whole images without surroundings; `crop` must be set.
    public init() {}
  }

  /// There is no last window.
  public var count: Int? { nil }
  /// A single pass is refused when the next batch is due.
  public var wraps = true

  private let list: WindowList
  private let settings: Settings
  private let batchSize: Int
  private let owner: String
  private let files: @Sendable (String) -> [String]
  private let loader = ImageLoader(.color)
  private let resizer = ImageResizer()
  private let means: Blob
  private var mirrored: [UInt8]
  /// The windows of background and those of objects.
  private var kinds: [[WindowList.Window]] = [[], []]
  private var random: RandomStream

  private static let channels = 3

  /// Makes a source.
  ///
  /// - Throws: what does not fit in the list.
  public init(
    _ list: WindowList, _ settings: Settings, batchSize: Int, random: RandomStream, owner: String,
    files: @escaping @Sendable (String) -> [String]
  ) throws(Diagnostics) {
    self.list = list
    self.settings = settings
    self.batchSize = batchSize
    self.random = random
    self.owner = owner
    self.files = files
    means = Blob("mean values", shape: [settings.meanValues.count])
    means.assign(settings.meanValues)
    mirrored = Array(repeating: 0, count: settings.crop)
    try sortWindows()
  }

  /// Sorts windows by what they show; what shows neither enough nor little of an object is left out.
  private func sortWindows() throws(Diagnostics) {
    var problems = Diagnostics()
    for var window in list.windows {
      if window.overlap >= settings.foreground {
        if window.label <= 0, problems.all.count < 20 {
          problems.append(
            .error(
              "\(owner): a window of class \(window.label) has an overlap of \(window.overlap), "
                + "which makes it an object", path: list.place(window),
              help: "classes of objects are above 0"))
        }
        kinds[1].append(window)
      } else if window.overlap < settings.background {
        window.label = 0
        kinds[0].append(window)
      }
    }
    for (kind, need) in zip(["background", "objects"], [batchSize - objects, objects])
    where need > 0 && kinds[kind == "objects" ? 1 : 0].isEmpty {
      problems.append(
        .error(
          "\(owner): no window shows \(kind), but \(need) of a batch should", path: list.path,
          help: "see fg_threshold, bg_threshold and fg_fraction"))
    }
    try problems.throwIfErrors()
  }

  /// How many windows of a batch show objects.
  private var objects: Int { Int(Float(batchSize) * settings.foregroundShare) }

  // MARK: Batches

  /// Fills a batch with windows: first background, then objects, as in Caffe.
  public func fill(_ batch: Batch) throws -> Bool {
    guard wraps else {
      throw Diagnostic.error(
        "\(owner): windows are drawn at random, so that one pass over them has no end",
        path: list.path, help: "say how many batches: --iterations N", kind: .usage)
    }
    batch.names.removeAll()
    let crop = settings.crop
    if batch.blobs[0].count != batchSize * Self.channels * crop * crop {
      batch.blobs[0].reshape([batchSize, Self.channels, crop, crop])
      if batch.blobs.count > 1 { batch.blobs[1].reshape([batchSize]) }
    }
    batch.blobs[0].values.update(repeating: 0, count: batch.blobs[0].count)
    for number in 0..<batchSize {
      let isObject = number >= batchSize - objects
      let windows = kinds[isObject ? 1 : 0]
      let window = windows[random.below(windows.count)]
      let isMirrored = settings.mirrors && random.below(2) == 1
      do throws(DatumFault) {
        try cut(
          window, isMirrored,
          to: batch.blobs[0].values + number * Self.channels * crop * crop)
      } catch {
        throw Diagnostic.error(
          "\(owner): image '\(settings.root + list.images[window.image])': \(error.message)",
          path: list.place(window), help: error.help)
      }
      if batch.blobs.count > 1 { batch.blobs[1].values[number] = Float(window.label) }
      var name = "\(list.images[window.image]), line \(window.line)"
      name.withUTF8 { batch.names.append(UnsafeRawBufferPointer($0)) }
    }
    batch.count = batchSize
    batch.counters.removeAll(keepingCapacity: true)
    batch.counters.append(random.key)
    batch.counters.append(random.counter)
    return true
  }

  private func cut(
    _ window: WindowList.Window, _ isMirrored: Bool, to target: UnsafeMutablePointer<Float>
  ) throws(DatumFault) {
    let name = settings.root + list.images[window.image]
    let path = access(name, F_OK) == 0 ? name : files(name).first { access($0, F_OK) == 0 } ?? name
    let image = try loader.load(path)
    let place = try WindowPlacement(
      window, in: image.size, crop: settings.crop, padding: settings.padding,
      isSquare: settings.isSquare, isMirrored: isMirrored)
    let (pixels, size) = resizer.resize(
      image.pixels, image.size, rows: place.rows, columns: place.columns, place.height,
      place.width)
    for channel in 0..<size.channels {
      for row in 0..<size.height {
        let source = pixels + (channel * size.height + row) * size.width
        let start = (channel * settings.crop + place.top + row) * settings.crop + place.left
        copy(source, size.width, isMirrored, channel, place.top + row, place.left, target + start)
      }
    }
  }

  /// Copies a row to where it goes; the mean is that of the place in the crop.
  private func copy(
    _ source: UnsafePointer<UInt8>, _ count: Int, _ isMirrored: Bool, _ channel: Int, _ row: Int,
    _ column: Int, _ target: UnsafeMutablePointer<Float>
  ) {
    var kernel = nk_transform()
    kernel.channels = 1
    kernel.height = 1
    kernel.width = count
    kernel.crop_height = 1
    kernel.crop_width = count
    kernel.scale = settings.scale
    if let mean = settings.meanImage {
      let top = (mean.size.height - settings.crop) / 2 + row
      let left = (mean.size.width - settings.crop) / 2 + column
      kernel.mean_image = mean.values + (channel * mean.size.height + top) * mean.size.width + left
    } else if means.count > 0 {
      kernel.mean_count = 1
      kernel.mean_values = UnsafePointer(means.values + (means.count == 1 ? 0 : channel))
    }
    guard isMirrored else { return nk_transform_bytes(target, source, &kernel) }
    mirrored.withUnsafeMutableBufferPointer { mirrored in
      guard let base = mirrored.baseAddress else { return }
      for index in 0..<count { base[index] = source[count - 1 - index] }
      nk_transform_bytes(target, base, &kernel)
    }
  }

  // MARK: Place

  /// What to save to draw the same windows again.
  public var startCounters: [UInt64] { [random.key, random.counter] }

  /// Draws go on where saved numbers say.
  public func rewind(drawingFrom counters: [UInt64]) {
    guard counters.count == 2 else { return }
    random = RandomStream(key: counters[0], counter: counters[1])
  }

  /// Draws go on where saved numbers say.
  public func restore(_ counters: [UInt64]) throws(Diagnostic) -> String? {
    guard counters.count == 2 else {
      throw .error("\(owner): what was saved of its draws makes no sense", path: list.path)
    }
    rewind(drawingFrom: counters)
    return nil
  }
}
