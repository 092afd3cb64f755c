/// The extent of a blob along each of its axes, outermost first.
///
/// An image batch is `N C H W`; a scalar has no axes and one value.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  /// The most axes that a blob may have, as in Caffe.
  public static let maximumAxes = 32

  /// The size along each axis.
  public var dimensions: [Int]

  /// Makes a shape of the given sizes, all of them 0 or more.
  public init(_ dimensions: [Int]) {
    precondition(dimensions.allSatisfy { $0 >= 0 }, "a negative dimension")
    self.dimensions = dimensions
  }

  /// Makes a shape of the given sizes.
  public init(arrayLiteral elements: Int...) {
    self.init(elements)
  }

  /// The shape without axes, of one value.
  public static let scalar = Shape([])

  /// The number of axes.
  public var axes: Int { dimensions.count }

  /// The number of values.
  public var count: Int { dimensions.reduce(1, *) }

  /// The size along one axis, counted from 0.
  public subscript(axis: Int) -> Int {
    get { dimensions[axis] }
    set { dimensions[axis] = newValue }
  }

  /// The number of values that the axes from `start` up to, not including, `end` span.
  public func count(from start: Int, to end: Int? = nil) -> Int {
    dimensions[start..<(end ?? axes)].reduce(1, *)
  }

  /// The axis that `axis` means, where a negative number counts from the end; `nil` outside.
  public func axis(_ axis: Int) -> Int? {
    let resolved = axis < 0 ? axis + axes : axis
    return (0..<axes).contains(resolved) ? resolved : nil
  }

  /// The size along an axis of the four-axis form with leading ones that older files use.
  public func legacy(_ index: Int) -> Int {
    let position = index - (4 - axes)
    return position >= 0 && position < axes ? dimensions[position] : 1
  }

  /// The sizes as Caffe prints them, such as `64 1 28 28 (50176)`.
  public var description: String {
    dimensions.map { "\($0) " }.joined() + "(\(count))"
  }

  /// The sizes joined by `×`, such as `64×1×28×28`; `scalar` without axes.
  public var display: String {
    dimensions.isEmpty ? "scalar" : dimensions.map(String.init).joined(separator: "×")
  }

  /// The shape of `dimensions` unless one is negative or the number of values does not fit.
  public static func checked(_ dimensions: [Int]) -> Shape? {
    guard dimensions.count <= maximumAxes else { return nil }
    var count = 1
    for dimension in dimensions {
      guard dimension >= 0 else { return nil }
      // An axis of size 0 must not hide others whose product would not fit.
      let (product, overflow) = count.multipliedReportingOverflow(by: max(1, dimension))
      guard !overflow, product <= Int.max / 16 else { return nil }
      count = product
    }
    return Shape(dimensions)
  }
}

extension Shape {
  /// The size along the first axis, 1 for a scalar: how many samples a blob usually holds.
  public var leadingCount: Int { axes > 0 ? self[0] : 1 }
}
