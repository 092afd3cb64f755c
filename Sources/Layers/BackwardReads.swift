/// Which values a layer's backward pass reads: those must be kept until then.
///
/// What is not among them may hold anything by the time of the backward pass, and a net may give its
/// memory to others. A layer that works in place has one blob as bottom and top: it counts as read if
/// either is.
public struct BackwardReads: Sendable, Equatable {
  private let bottoms: UInt64
  private let tops: UInt64

  private init(bottoms: UInt64, tops: UInt64) {
    self.bottoms = bottoms
    self.tops = tops
  }

  /// The values of all bottoms and tops.
  public static let everything = BackwardReads(bottoms: .max, tops: .max)
  /// No values.
  public static let nothing = BackwardReads(bottoms: 0, tops: 0)
  /// The values of the bottoms.
  public static let bottoms = BackwardReads(bottoms: .max, tops: 0)
  /// The values of the tops.
  public static let tops = BackwardReads(bottoms: 0, tops: .max)

  /// The values of these bottoms, which are among the first 63.
  public static func bottoms(_ places: Int...) -> BackwardReads {
    BackwardReads(bottoms: places.reduce(0) { $0 | 1 << UInt64($1) }, tops: 0)
  }

  /// Whether the values of a bottom are read.
  public func reads(bottom: Int) -> Bool { bottoms & (1 << UInt64(min(bottom, 63))) != 0 }

  /// Whether the values of a top are read.
  public func reads(top: Int) -> Bool { tops & (1 << UInt64(min(top, 63))) != 0 }
}
