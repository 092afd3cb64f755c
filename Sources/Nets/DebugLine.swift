import CKernels
import Compute
import Layers

/// A line of `debug_info`: the mean magnitude of a blob in a pass.
public struct DebugLine: Sendable {
  /// The text, as Caffe words it.
  public let text: String
  /// Whether Caffe logs it as an error, as it does with the norms of all parameters.
  public let isSummary: Bool

  /// Makes a line.
  public init(text: String, isSummary: Bool) {
    self.text = text
    self.isSummary = isSummary
  }
}

extension Net {
  /// What Caffe logs of a layer after its forward pass.
  func debugForward(_ number: Int, _ tell: (DebugLine) -> Void) {
    let node = nodes[number]
    let layer = "    [Forward] Layer \(node.name)"
    for (top, name) in zip(node.tops, node.topNames) {
      let mean = Net.meanMagnitude(top.values, top.count)
      tell(DebugLine(text: "\(layer), top blob \(name) data: \(mean)", isSummary: false))
    }
    for (index, blob) in node.layer.parameters.enumerated() {
      let shared = parameters[parameterIndices[number][index]].name
      let title = shared.isEmpty ? "\(index)" : shared
      let mean = Net.meanMagnitude(blob.values, blob.count)
      tell(DebugLine(text: "\(layer), param blob \(title) data: \(mean)", isSummary: false))
    }
  }

  /// What Caffe logs of a layer after its backward pass.
  func debugBackward(_ number: Int, _ tell: (DebugLine) -> Void) {
    let node = nodes[number]
    let layer = "    [Backward] Layer \(node.name)"
    for (index, bottom) in node.bottoms.enumerated() where node.propagates[index] {
      let mean = Net.meanMagnitude(bottom.gradient, bottom.count)
      tell(DebugLine(text: "\(layer), bottom blob \(bottom.name) diff: \(mean)", isSummary: false))
    }
    for (index, blob) in node.layer.parameters.enumerated() where node.learns[index] {
      let mean = Net.meanMagnitude(blob.gradient, blob.count)
      tell(DebugLine(text: "\(layer), param blob \(index) diff: \(mean)", isSummary: false))
    }
  }

  /// What Caffe logs of all parameters after a backward pass.
  func debugNorms(_ tell: (DebugLine) -> Void) {
    var sums = (data: 0.0, diff: 0.0)
    var squares = (data: 0.0, diff: 0.0)
    for blob in parameters.map(\.blob) {
      sums.data += nk_sum_of_magnitudes(blob.values, blob.count)
      squares.data += nk_sum_of_squares(blob.values, blob.count)
      guard blob.hasGradient else { continue }
      sums.diff += nk_sum_of_magnitudes(blob.gradient, blob.count)
      squares.diff += nk_sum_of_squares(blob.gradient, blob.count)
    }
    let l1 = "(\(shortNumber(sums.data)), \(shortNumber(sums.diff)))"
    let l2 =
      "(\(shortNumber(squares.data.squareRoot())), \(shortNumber(squares.diff.squareRoot())))"
    tell(
      DebugLine(
        text: "    [Backward] All net params (data, diff): L1 norm = \(l1); L2 norm = \(l2)",
        isSummary: true))
  }

  private static func meanMagnitude(_ values: UnsafePointer<Float>, _ count: Int) -> String {
    shortNumber(nk_sum_of_magnitudes(values, count) / Double(max(1, count)))
  }
}
