internal import CHDF5
internal import Glibc
public import Prototxt

/// What a path in an HDF5 file stands for.
public enum HDF5Object: Sendable, Equatable {
  /// A group of other objects.
  case group
  /// Numbers of any size, whole or not.
  case numbers(shape: [Int])
  /// A text.
  case text
  /// Something that Caffe's files do not have.
  case other
}

extension HDF5File {
  /// What is at a path; `nil` if nothing is.
  ///
  /// - Throws: what is wrong, also if a data set cannot have as many values as it says.
  public func object(_ name: String) throws(Diagnostic) -> HDF5Object? {
    var object = nh_object()
    try reading("'\(name)'") { nh_look($0, name, &object, &$1) }
    switch object.kind {
    case nh_kind_nothing: return nil
    case nh_kind_group: return .group
    case nh_kind_text: return .text
    case nh_kind_floats, nh_kind_integers: return .numbers(shape: try shape(object, name))
    default: return .other
    }
  }

  /// The sizes of a data set's axes.
  ///
  /// A damaged file can claim any. What is not compressed must be there; what may be cannot be larger
  /// than what memory holds.
  private func shape(_ object: nh_object, _ name: String) throws(Diagnostic) -> [Int] {
    let claimed = withUnsafeBytes(of: object.sizes) { bytes in
      Array(bytes.bindMemory(to: UInt64.self).prefix(Int(object.axes)))
    }
    var bytes = max(object.value_bytes, 4)
    var shape: [Int] = []
    for size in claimed {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: max(size, 1))
      guard !overflow, product < UInt64(Int.max) else { throw impossible(claimed, name) }
      bytes = product
      shape.append(Int(size))
    }
    guard !shape.contains(0) else { return shape }
    let values = bytes / max(object.value_bytes, 4)
    let isThere = object.stored_bytes / max(object.value_bytes, 1) >= values
    if !isThere, object.is_chunked == 0 {
      throw .error(
        "'\(name)' has the shape \(shape), that is \(values) values, but holds "
          + "\(object.stored_bytes) bytes", path: path, help: "the file is damaged or cut off")
    }
    return shape
  }

  private func impossible(_ sizes: [UInt64], _ name: String) -> Diagnostic {
    .error("'\(name)' has the impossible shape \(sizes)", path: path, help: "the file is damaged")
  }

  /// The names of what is in a group, in the order of their bytes.
  public func names(in group: String) throws(Diagnostic) -> [String] {
    var count: UInt64 = 0
    try reading("'\(group)'") { nh_count($0, group, &count, &$1) }
    var names: [String] = []
    var buffer = [CChar](repeating: 0, count: 1024)
    for place in 0..<count {
      try reading("'\(group)'") { nh_name($0, group, place, &buffer, buffer.count, &$1) }
      names.append(
        String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
    return names
  }

  /// Reads all values of a data set of numbers, rounded to float32.
  public func floats(_ name: String, count: Int) throws(Diagnostic) -> [Float] {
    guard let object = try object(name), case .numbers(let shape) = object,
      shape.reduce(1, *) == count
    else { throw .error("'\(name)' is no data set of \(count) numbers", path: path) }
    try requireMemory(count, name)
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: count)
    defer { memory.deallocate() }
    if count > 0 {
      try read(name, rows: 0..<(shape.first ?? 1), into: memory, count: count)
    }
    return Array(UnsafeBufferPointer(start: memory, count: count))
  }

  /// Refuses what no memory can hold.
  public func requireMemory(_ count: Int, _ name: String) throws(Diagnostic) {
    let memory = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    guard memory > 0, count > max(memory, 1 << 30) / 8 else { return }
    throw .error("'\(name)' has \(count) values, more than fit into memory", path: path)
  }

  /// Reads rows, parts along the first axis, of a data set of numbers.
  ///
  /// - Parameters:
  ///   - name: The data set.
  ///   - rows: Which rows; all of a data set without axes are read, whatever this says.
  ///   - memory: Where the values go.
  ///   - count: How many values there is room for, which must be as many as the rows have.
  /// - Throws: what is wrong with the data set.
  public func read(
    _ name: String, rows: Range<Int>, into memory: UnsafeMutablePointer<Float>, count: Int
  ) throws(Diagnostic) {
    try reading("'\(name)'") {
      nh_read_floats(
        $0, name, UInt64(rows.lowerBound), UInt64(rows.count), memory, UInt64(count), &$1)
    }
  }

  /// Reads a data set of one whole number.
  public func integer(_ name: String) throws(Diagnostic) -> Int {
    var value: Int32 = 0
    try reading("'\(name)'") { nh_read_integer($0, name, &value, &$1) }
    return Int(value)
  }

  /// Reads a data set of one text.
  public func text(_ name: String) throws(Diagnostic) -> String {
    var buffer = [CChar](repeating: 0, count: 1 << 16)
    try reading("'\(name)'") { nh_read_text($0, name, &buffer, buffer.count, &$1) }
    let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
