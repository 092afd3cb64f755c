import CKernels
import Compute
import Synchronization

/// Moves a parameter by its gradient as the backward pass tells it.
final class ParameterFollower: GradientFollower {
  private let blob: Blob
  private let first: Blob
  private let second: Blob?
  private let rule: any UpdateRule
  private let allowsNonFinite: Bool
  private let sawNonFinite = Atomic(false)
  /// Set before a pass, on the thread that begins it; read by all that take part. Threads that asked the
  /// blobs for places would wait for each other at the counts of changes.
  private nonisolated(unsafe) var step = nk_update()
  private nonisolated(unsafe) var places: Places

  private struct Places {
    let values: UnsafeMutablePointer<Float>
    let first: UnsafeMutablePointer<Float>
    let second: UnsafeMutablePointer<Float>?
  }

  init(
    _ blob: Blob, _ first: Blob, _ second: Blob?, _ rule: any UpdateRule, _ allowsNonFinite: Bool
  ) {
    self.allowsNonFinite = allowsNonFinite
    self.blob = blob
    self.first = first
    self.second = second
    self.rule = rule
    places = Places(values: blob.values, first: first.values, second: second?.values)
  }

  /// Begins a pass in which the parameter is to take this step.
  func begin(_ step: nk_update) {
    self.step = step
    places = Places(values: blob.values, first: first.values, second: second?.values)
    sawNonFinite.store(false, ordering: .relaxed)
  }

  var companion: UnsafePointer<Float>? { UnsafePointer(places.first) }

  var isFinite: Bool { !sawNonFinite.load(ordering: .relaxed) }

  func follow(_ gradient: UnsafePointer<Float>, from start: Int, count: Int) {
    if nk_all_finite(gradient, count) == 0 {
      sawNonFinite.store(true, ordering: .relaxed)
      // Whoever looks for the cause is to find the weights of before.
      guard allowsNonFinite else { return }
    }
    rule.update(
      places.values + start, gradient, (places.first + start, places.second.map { $0 + start }),
      step, count: count)
  }
}
