internal import Compute
internal import Glibc
public import Prototxt

/// Image files and their labels, from a list or from a folder with a folder for each class.
public struct ImageCollection: Sendable {
  /// One image.
  public struct Item: Sendable, Equatable {
    /// The file's path.
    public var path: String
    /// What stands in the record's key.
    public var name: String
    /// The class.
    public var label: Int32
    /// The place in a list that names it, for messages.
    public var place: String?
  }

  /// The images, in order.
  public var items: [Item]
  /// The names of the classes, if they are known.
  public var classNames: [Int32: String] = [:]
  /// Files that were passed over, since their names end like no image.
  public var otherFiles = 0

  /// The images that a list names, as Caffe's convert_imageset takes them.
  ///
  /// - Parameters:
  ///   - root: What is put in front of each name; a slash is put between if `root` is a folder.
  ///   - path: The path of the list.
  /// - Throws: all lines that cannot be understood.
  public init(root: String, list path: String) throws(Diagnostics) {
    let list = try ImageList(path: path)
    var info = stat()
    let isFolder = stat(root, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
    let prefix = isFolder && !root.hasSuffix("/") ? root + "/" : root
    items = (0..<list.count).map { index in
      let name = list.name(index)
      return Item(
        path: prefix + name, name: name, label: list.label(index), place: list.place(index))
    }
  }

  /// The images in the folders of a folder: each is a class.
  ///
  /// If all of the folders' names are whole numbers, these are the labels; else labels count up in
  /// the order of the names.
  /// - Throws: a diagnostic if there are no images.
  public init(folder: String) throws(Diagnostics) {
    guard access(folder, F_OK) == 0 else {
      throw Diagnostics(
        .error(
          "there is no such folder", path: folder, help: similarName(to: folder),
          kind: .missingInput))
    }
    let base = folder.hasSuffix("/") ? folder : folder + "/"
    let names = folderNames(folder).filter { !$0.hasPrefix(".") && Self.isFolder(base + $0) }
    guard !names.isEmpty else {
      throw Diagnostics(
        .error(
          "has no folders in it", path: folder,
          help: "give a folder that has a folder of images for each class; or give a root and a "
            + "list: netrun convert images ROOT LIST DATABASE"))
    }
    let numbers = names.compactMap { Int32($0) }.filter { $0 >= 0 }
    let areNumbers = numbers.count == names.count && Set(numbers).count == names.count
    items = []
    for (index, name) in names.enumerated() {
      let label = areNumbers ? numbers[index] : Int32(index)
      classNames[label] = name
      add(base, name, label)
    }
    if areNumbers { items.sort { ($0.label, $0.name) < ($1.label, $1.name) } }
    guard !items.isEmpty else {
      throw Diagnostics(
        .error(
          "its folders have no images", path: folder,
          help: "images end in .png, .jpg or .jpeg"))
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var info = stat()
    return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
  }

  private mutating func add(_ base: String, _ folder: String, _ label: Int32, depth: Int = 0) {
    for name in folderNames(base + folder) where !name.hasPrefix(".") {
      let inner = "\(folder)/\(name)"
      if Self.isFolder(base + inner) {
        // A link may lead back upwards.
        if depth < 16 { add(base, inner, label, depth: depth + 1) }
      } else if ImageFormat(path: name) != nil {
        items.append(Item(path: base + inner, name: inner, label: label))
      } else {
        otherFiles += 1
      }
    }
  }

  // MARK: Order

  /// Brings the images into an order drawn at random.
  public mutating func shuffle(seed: UInt64) {
    var random = RandomStream(seed: seed, purpose: "order of images")
    for index in items.indices.dropLast() {
      items.swapAt(index, index + random.below(items.count - index))
    }
  }

  /// Splits each class, by chance, in two; the order stays.
  ///
  /// A class of two images or more has one at least in each part.
  /// - Parameters:
  ///   - share: The share of the first part, between 0 and 1.
  ///   - seed: What the draws derive from.
  /// - Returns: The two parts.
  public func split(_ share: Double, seed: UInt64) -> (ImageCollection, ImageCollection) {
    var random = RandomStream(seed: seed, purpose: "split of images")
    var indices: [Int32: [Int]] = [:]
    for (index, item) in items.enumerated() { indices[item.label, default: []].append(index) }
    var isFirst = [Bool](repeating: true, count: items.count)
    for label in indices.keys.sorted() {
      var members = indices[label] ?? []
      for place in members.indices.dropLast() {
        members.swapAt(place, place + random.below(members.count - place))
      }
      let wanted = Int((share * Double(members.count)).rounded())
      let kept = members.count < 2 ? members.count : min(max(1, wanted), members.count - 1)
      for index in members.dropFirst(kept) { isFirst[index] = false }
    }
    var (first, second) = (self, self)
    first.items = zip(items, isFirst).filter(\.1).map(\.0)
    second.items = zip(items, isFirst).filter { !$0.1 }.map(\.0)
    return (first, second)
  }
}
