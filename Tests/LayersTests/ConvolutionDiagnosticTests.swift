import Compute
import Testing

@testable import Layers

@Suite("What is wrong with a convolution")
struct ConvolutionDiagnosticTests {
  private func expect(
    _ fields: String, shapes: [Shape] = [[2, 4, 6, 6]], _ messages: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expectProblems(
      "name: 'c' type: 'Convolution' convolution_param { \(fields) }", shapes, tops: shapes.count,
      messages.map { "layer 'c' (Convolution): \($0)" }, sourceLocation: sourceLocation)
  }

  @Test("Sizes that are missing, zero or too large, all at once")
  func sizes() {
    expect(
      "num_output: 1️⃣0 group: 2️⃣0 kernel_size: 3️⃣0 stride: 4️⃣0 dilation: 5️⃣0",
      "num_output is 0, but must be above 0", "group is 0, but must be above 0",
      "kernel_size is 0, but must be above 0", "stride is 0, but must be above 0",
      "dilation is 0, but must be above 0")
    expect("kernel_size: 3", "num_output is missing | add num_output: …")
    expect("num_output: 3", "kernel_size is missing | add kernel_size: …")
    expect(
      "num_output: 3 kernel_size: 3 pad: 1️⃣4000000000",
      "pad is 4000000000, but sizes end at 2147483647")
    expect(
      "num_output: 1️⃣2000000000 kernel_size: 3",
      "weights of 2000000000×4×3×3 would have more than 2147483647 values"
        + " | choose smaller sizes, or more groups")
    expect(
      "num_output: 1️⃣1 kernel_size: 3 pad: 2147483647", shapes: [[0, 4, 6, 6]],
      "a top of 0×1×4294967298×4294967298 would have more than 2147483647 values"
        + " | choose smaller sizes, or more groups")
  }

  @Test("Forms that exclude each other")
  func forms() {
    expect(
      "num_output: 3 kernel_size: 3 kernel_h: 1️⃣3 kernel_w: 3",
      "kernel_size and kernel_h are both given | kernel_size is here"
        + " | keep kernel_size, or kernel_h and kernel_w")
    expect(
      "num_output: 3 kernel_w: 1️⃣3",
      "kernel_w is given without kernel_h | add kernel_h: …, or give kernel_size for both")
    expect(
      "num_output: 3 kernel_size: 3 pad: 1 pad_h: 2️⃣1 stride: 1 stride_h: 1️⃣2 stride_w: 2",
      "stride and stride_h are both given | stride is here"
        + " | keep stride, or stride_h and stride_w",
      "pad and pad_h are both given | pad is here | keep pad, or pad_h and pad_w")
  }

  @Test("Counts that do not go with the bottom's axes")
  func counts() {
    expect(
      "num_output: 3 kernel_size: 1️⃣3 kernel_size: 3 kernel_size: 3",
      "kernel_size is given 3 times, but the bottom (2×4×6×6) has 2 spatial axes"
        + " | give it once for all axes, or once for each")
    expect(
      "num_output: 3 kernel_h: 1️⃣3 kernel_w: 3", shapes: [[2, 4, 6]],
      "kernel_h/kernel_w goes with 2 spatial axes, but the bottom (2×4×6) has 1"
        + " | give one value for all axes, or one for each, without _h and _w")
    expect(
      "num_output: 3 kernel_size: 3 axis: 1️⃣4", "axis 4 of a blob with 4 axes (2×4×6×6)")
  }

  @Test("Groups that do not divide channels or outputs")
  func groups() {
    expect(
      "num_output: 3 group: 1️⃣2 kernel_size: 1",
      "num_output is 3, which cannot be split in 2 groups | num_output must be a multiple of group")
    expect(
      "num_output: 3 group: 1️⃣3 kernel_size: 1",
      "the bottom (2×4×6×6) has 4 channels, which cannot be split in 3 groups"
        + " | the number of channels must be a multiple of group")
  }

  @Test("Windows that do not fit")
  func windows() {
    expect(
      "num_output: 3 kernel_size: 1️⃣9 pad: 1 pad: 2", shapes: [[2, 4, 6, 5]],
      "the output is empty: axis 2 of the bottom (2×4×6×5) has 6 values (8 with pad), but the "
        + "kernel spans 9 | use a smaller kernel, more pad or larger images")
    expect(
      "num_output: 3 kernel_size: 1️⃣3 dilation: 3", shapes: [[2, 4, 7, 6]],
      "the output is empty: axis 3 of the bottom (2×4×7×6) has 6 values, but the kernel spans 7 "
        + "(kernel 3, dilation 3) | use a smaller kernel, more pad or larger images")
  }

  @Test("Bottoms of two shapes, and a top that is the bottom")
  func bottoms() {
    expect(
      "num_output: 3 kernel_size: 3", shapes: [[2, 4, 6, 6], [1, 4, 6, 6]],
      "bottom 1 is 1×4×6×6, but bottom 0 is 2×4×6×6"
        + " | all bottoms of a convolution must have one shape, since they share its weights")
    expectProblems(
      "name: 'c' type: 'Convolution' bottom: 'x' top: 1️⃣'x' "
        + "convolution_param { num_output: 4 kernel_size: 1 }", [[2, 4, 6, 6]],
      [
        "layer 'c' (Convolution): cannot work in place: top 'x' is its own bottom, and each output "
          + "needs inputs that others would have overwritten | give the top a name of its own"
      ])
  }
}
