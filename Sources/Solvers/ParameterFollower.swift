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
  /// Set before a pass, on the thread that begins it; read by all that take part.
  private nonisolated(unsafe) var step = nk_update()

  init(
    _ blob: Blob, _ first: Blob, _ second: Blob?, _ rule: any UpdateRule, _ allowsNonFinite: Bool
  ) {
    self.allowsNonFinite = allowsNonFinite
    self.blob = blob
    self.first = first
    self.second = second
    self.rule = rule
  }

  /// Begins a pass in which the parameter is to take this step.
  func begin(_ step: nk_update) {
    self.step = step
    sawNonFinite.store(false, ordering: .relaxed)
  }

  var companion: UnsafePointer<Float>? { UnsafePointer(first.values) }

  var isFinite: Bool { !sawNonFinite.load(ordering: .relaxed) }

  func follow(_ gradient: UnsafePointer<Float>, from start: Int, count: Int) {
    if nk_all_finite(gradient, count) == 0 {
      sawNonFinite.store(true, ordering: .relaxed)
      // Whoever looks for the cause is to find the weights of before.
      guard allowsNonFinite else { return }
    }
    rule.update(
      blob.values + start, gradient, (first.values + start, second.map { $0.values + start }), step,
      count: count)
  }
}
