import CKernels
import Compute

/// The gradient of a layer whose top does not change with small changes of its bottom: 0.
///
/// Caffe stops where it is asked for. Here training goes on, and the user is told once.
final class ZeroGradient {
  private let spec: LayerSpec
  private let remark: @Sendable (String) -> Void
  private var isTold = false

  init(_ spec: LayerSpec, _ context: LayerContext) {
    self.spec = spec
    remark = context.remark
  }

  /// Says at the first backward pass that something waits for a gradient in vain.
  func begin(_ pass: BackwardPass) {
    guard pass.propagate[0], !isTold else { return }
    isTold = true
    remark(
      "layer '\(spec.name)' (\(spec.type)): its gradient is 0, so that layers below learn nothing "
        + "through it")
  }

  /// Writes a part of the bottom's gradient.
  func write(_ bottom: Blob, _ part: Range<Int>, _ pass: BackwardPass) {
    guard pass.propagate[0] else { return }
    nk_fill(bottom.gradient + part.lowerBound, 0, part.count)
  }
}
