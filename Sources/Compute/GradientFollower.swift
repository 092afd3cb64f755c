/// Moves the values of a parameter by their gradient, piece by piece, while a layer computes it.
///
/// The gradient of a large matrix need not be stored then: a part of it is computed, and the values
/// follow while both are in the core's cache.
public protocol GradientFollower: AnyObject, Sendable {
  /// What is read and written beside the values, place by place, so that it can be fetched early.
  var companion: UnsafePointer<Float>? { get }

  /// Whether every gradient since the pass began was a finite number.
  var isFinite: Bool { get }

  /// Takes the gradients of `count` values from `start` on, and moves the values.
  ///
  /// Comes once in a pass for each value, from any thread; nobody reads these values any more.
  func follow(_ gradient: UnsafePointer<Float>, from start: Int, count: Int)
}

/// Where a layer's gradient by a parameter goes.
public enum GradientTarget {
  /// Nowhere.
  case none
  /// It is added to what is there.
  case sum(UnsafeMutablePointer<Float>)
  /// The values follow it at once.
  case follower(any GradientFollower)
}
