import Synchronization

/// A named block of numbers with a shape: the values, and the gradient of the loss by them.
///
/// Caffe calls the two `data` and `diff`. Memory is taken when a blob first needs it, aligned
/// to 64 bytes, and kept: a smaller shape later reuses it. A blob is handed to several threads at
/// once, which write disjoint parts; the net's plan sees to that.
public final class Blob: @unchecked Sendable {
  /// The blob's name in the net, or what it is for where it has none.
  public let name: String
  /// The size along each axis.
  public private(set) var shape: Shape
  var valueStorage: Storage
  var gradientStorage: Storage?

  /// Makes a blob of zeros.
  public init(_ name: String = "", shape: Shape = [0]) {
    self.name = name
    self.shape = shape
    valueStorage = Storage(capacity: shape.count)
  }

  /// The number of values.
  public var count: Int { shape.count }

  /// The values; Caffe's `data`.
  ///
  /// Asking for them counts as a change: do not keep the pointer of a parameter to write later.
  public var values: UnsafeMutablePointer<Float> {
    valueStorage.changes.wrappingAdd(1, ordering: .relaxed)
    return valueStorage.pointer
  }

  /// The values, to be read only.
  public var reading: UnsafePointer<Float> { UnsafePointer(valueStorage.pointer) }

  /// Which memory the values are in, and how often somebody has asked to write there.
  public struct Version: Equatable, Sendable {
    fileprivate let memory: ObjectIdentifier
    fileprivate let changes: Int
  }

  /// Differs from an earlier one where the values may have changed since.
  public var version: Version {
    Version(
      memory: ObjectIdentifier(valueStorage),
      changes: valueStorage.changes.load(ordering: .relaxed))
  }

  /// The gradient of the loss by the values; Caffe's `diff`.
  ///
  /// Its memory is taken, as zeros, at first use.
  public var gradient: UnsafeMutablePointer<Float> {
    if let gradientStorage { return gradientStorage.pointer }
    let storage = Storage(capacity: shape.count)
    gradientStorage = storage
    return storage.pointer
  }

  /// Whether memory for the gradient has been taken.
  public var hasGradient: Bool { gradientStorage != nil }

  /// Gives the memory of the gradient back; it is taken anew, as zeros, when it is next used.
  public func dropGradient() { gradientStorage = nil }

  /// Gives the blob another shape; the values are undefined if it grows.
  public func reshape(_ shape: Shape) {
    self.shape = shape
    valueStorage.reserve(shape.count)
    gradientStorage?.reserve(shape.count)
  }

  /// Makes this blob's values those of another, which must have as many.
  public func shareValues(with other: Blob) {
    valueStorage = other.valueStorage
  }

  /// Makes this blob's gradient that of another, which must have as many values.
  public func shareGradient(with other: Blob) {
    _ = other.gradient
    gradientStorage = other.gradientStorage
  }

  /// Makes a blob of the same shape in the same memory, whose places may then be changed alone.
  public init(likewise other: Blob) {
    name = other.name
    shape = other.shape
    valueStorage = other.valueStorage
    gradientStorage = other.gradientStorage
  }

  /// Exchanges the values, and the shape, with another blob, without copying.
  public func exchangeValues(with other: Blob) {
    valueStorage.exchange(with: other.valueStorage)
    swap(&shape, &other.shape)
  }

  /// Whether both blobs have their values in the same memory.
  public func sharesValues(with other: Blob) -> Bool {
    valueStorage === other.valueStorage
  }

  /// The bytes of its own that it has taken for values and gradient.
  public var bytes: Int {
    [valueStorage, gradientStorage].reduce(0) { sum, storage in
      guard let storage, !storage.isLent else { return sum }
      return sum + storage.capacity * MemoryLayout<Float>.stride
    }
  }

  /// The values as an array.
  public var array: [Float] {
    Array(UnsafeBufferPointer(start: values, count: count))
  }

  /// The gradient as an array.
  public var gradientArray: [Float] {
    Array(UnsafeBufferPointer(start: gradient, count: count))
  }

  /// Copies the first `count` of the given values in; there must be at least as many.
  public func assign(_ newValues: [Float]) {
    precondition(newValues.count >= count, "too few values for \(shape)")
    newValues.withUnsafeBufferPointer { source in
      guard let base = source.baseAddress else { return }
      values.update(from: base, count: count)
    }
  }
}

extension Blob {
  /// The places of the values of a range of samples, where the blob holds `sampleCount` of them.
  public func part(_ samples: Range<Int>, of sampleCount: Int) -> Range<Int> {
    let size = sampleCount > 0 ? count / sampleCount : 0
    return samples.lowerBound * size..<samples.upperBound * size
  }
}
