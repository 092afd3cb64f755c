import Compute
import Layers
import Nets
import Prototxt
import Schema
import TestSupport
import Testing

/// What is said of parameters and shapes that activations and utility layers cannot take, and where.
@Suite struct UtilityLayerDiagnosticTests {
  typealias Mistake = LayerDiagnosticTests.Mistake

  static let mistakes: [Mistake] = [
    Mistake(
      [[2, 3]], "type: 'AbsVal' bottom: 'x0' top: 1️⃣'x0'",
      "cannot work in place: top 'x0' is its own bottom, and y does not tell which sign x had"),
    Mistake(
      [[2]], "type: 1️⃣'PReLU' bottom: 'x0' top: 'y'",
      "needs a bottom with at least two axes, the channels along axis 1, not 2"),
    Mistake(
      [[2]], "type: 'ELU' bottom: 'x0' top: 'x0' elu_param { alpha: 1️⃣-1 }",
      "cannot run in place with an alpha below 0"),
    Mistake(
      [[2]], "type: 'Exp' bottom: 'x0' top: 'y' exp_param { base: 1️⃣0 }",
      "base is 0.0, but must be above 0 and finite"),
    Mistake(
      [[2]], "type: 'Log' bottom: 'x0' top: 'y' log_param { base: 1️⃣-2 }",
      "base is -2.0, but must be above 0 and finite"),
    Mistake(
      [[2]], "type: 'Log' bottom: 'x0' top: 'y' log_param { base: 1️⃣1 }",
      "base is 1, and no power of 1 is anything else"),
    Mistake(
      [[2]], "type: 'Clip' bottom: 'x0' top: 'y' clip_param { min: 1️⃣2 max: 1 }",
      "min is 2.0 and max is 1.0, but min must not be above max"),
    Mistake([[2]], "type: 'Clip' bottom: 'x0' top: 'y'", "min is missing"),
    Mistake(
      [[2, 3]],
      "type: 'Reshape' bottom: 'x0' top: 'y' reshape_param { shape { dim: -1 dim: 1️⃣-1 } }",
      "two sizes are -1, so neither can be inferred"),
    Mistake(
      [[2, 3]], "type: 'Reshape' bottom: 'x0' top: 'y' reshape_param { shape { dim: 1️⃣-2 } }",
      "a size of -2"),
    Mistake(
      [[2, 3]],
      "type: 'Reshape' bottom: 'x0' top: 'y' reshape_param { shape { dim: 4 dim: 1️⃣-1 } }",
      "the -1 cannot be inferred: 6 values of the bottom (2×3) cannot be divided among 4"),
    Mistake(
      [[2, 3]],
      "type: 'Reshape' bottom: 'x0' top: 'y' reshape_param { 1️⃣shape { dim: 4 dim: 5 } }",
      "the bottom (2×3) has 6 values, which do not make a blob of 4×5"),
    Mistake(
      [[2, 3]],
      "type: 'Reshape' bottom: 'x0' top: 'y' "
        + "reshape_param { shape { dim: 2 dim: 3 dim: 1️⃣0 } }",
      "the 0 would copy axis 2 of the bottom, which has 2 axes (2×3)"),
    Mistake(
      [[2, 3]],
      "type: 'Reshape' bottom: 'x0' top: 'y' reshape_param { axis: 1️⃣-4 shape { dim: 6 } }",
      "axis -4 of a blob with 2 axes (2×3)"),
    Mistake(
      [[2, 3]],
      "type: 'Reshape' bottom: 'x0' top: 'y' "
        + "reshape_param { axis: 1 num_axes: 1️⃣2 shape { dim: 6 } }",
      "num_axes is 2, but only 1 axes follow from axis 1 on (2×3)"),
    Mistake(
      [[2, 3]], "type: 1️⃣'Slice' bottom: 'x0' top: 'a' top: 'b'",
      "axis 1 of the bottom (2×3) has 3 values, which cannot be cut in 2 equal parts"),
    Mistake(
      [[2, 3]],
      "type: 'Slice' bottom: 'x0' top: 'a' top: 'b' top: 'c' "
        + "slice_param { slice_point: 2 slice_point: 1️⃣2 }", "slice_point 2 must be above 2"),
    Mistake(
      [[2, 3]],
      "type: 'Slice' bottom: 'x0' top: 'a' top: 'b' slice_param { slice_point: 1️⃣4 }",
      "slice_point 4 is beyond axis 1 of the bottom (2×3)"),
    Mistake(
      [[2, 3]],
      "type: 'Slice' bottom: 'x0' top: 'a' top: 'b' top: 'c' slice_param { slice_point: 1️⃣1 }",
      "has 3 tops, but 1 values of slice_point"),
    Mistake(
      [[2, 3]],
      "type: 'Slice' bottom: 'x0' top: 'a' slice_param { axis: 1 slice_dim: 1️⃣1 }",
      "has both axis and slice_dim"),
    Mistake([[2]], "type: 'Tile' bottom: 'x0' top: 'y'", "tiles is missing"),
    Mistake(
      [[2, 3]], "type: 'Tile' bottom: 'x0' top: 'y' tile_param { tiles: 1️⃣2000000000 }",
      "a top of 2×2000000000×3 would have more than 2147483647 values"),
    Mistake(
      [[2, 3]], "type: 'Reduction' bottom: 'x0' top: 'y' reduction_param { axis: 1️⃣2 }",
      "axis 2 of a blob with 2 axes (2×3)"),
    Mistake(
      [[2, 3]], "type: 'ArgMax' bottom: 'x0' top: 'y' argmax_param { top_k: 1️⃣4 }",
      "top_k is 4, but there are only 3 values in an item of the bottom (2×3)"),
    Mistake(
      [[2, 3]], "type: 'ArgMax' bottom: 'x0' top: 'y' argmax_param { top_k: 1️⃣0 }",
      "top_k is 0, but must be above 0"),
    Mistake(
      [[2, 3], [2, 1]], "type: 'BatchReindex' bottom: 'x0' bottom: 1️⃣'x1' top: 'y'",
      "the indices must have one axis, not 2×1"),
    Mistake(
      [[2, 3], [3]], "type: 'Filter' bottom: 1️⃣'x0' bottom: 'x1' top: 'y'",
      "'x0' (2×3) and the selector 'x1' (3) must have as many items"),
    Mistake(
      [[2, 3], [2, 2]], "type: 'Filter' bottom: 'x0' bottom: 1️⃣'x1' top: 'y'",
      "the selector 'x1' must have a single value for each item, but is 2×2"),
    Mistake(
      [[2, 3], [2]], "type: 'Filter' bottom: 'x0' bottom: 'x1' top: 'y' top: 1️⃣'z'",
      "has 2 bottoms and 2 tops, but the last bottom is the selector, so there must be one top for "
        + "each other bottom"),
    Mistake(
      [[2, 3]], "type: 1️⃣'Im2col' bottom: 'x0' top: 'y' convolution_param { kernel_size: 1 }",
      "needs a spatial axis behind the channels' axis 1, but the bottom is 2×3"),
    Mistake(
      [[2, 3, 4, 9]],
      "type: 'Im2col' bottom: 'x0' top: 'y' convolution_param { kernel_size: 1️⃣5 }",
      "the output is empty: axis 2 of the bottom (2×3×4×9) has 4 values, but the kernel spans 5"),
    Mistake(
      [[1, 1, 8, 3]],
      "type: 'SPP' bottom: 'x0' top: 'y' spp_param { pyramid_height: 1️⃣3 }",
      "a width of 3 cannot be pooled to 4 bins: windows of 1 would need a pad of 1, which must be "
        + "smaller"),
    Mistake(
      [[1, 1, 3, 4]],
      "type: 'SPP' bottom: 'x0' top: 'y' spp_param { pyramid_height: 2 pool: 1️⃣STOCHASTIC }",
      "stochastic pooling takes no pad, but an image of 3 × 4 needs one for 2 bins"),
    Mistake([[1, 1, 3, 4]], "type: 'SPP' bottom: 'x0' top: 'y'", "pyramid_height is missing"),
    Mistake(
      [[1, 2, 4, 4], [1, 2, 3, 5]], "type: 'Crop' bottom: 'x0' bottom: 1️⃣'x1' top: 'y'",
      "cannot cut 5 of the 4 values along axis 3 from 0 on: 'x0' is 1×2×4×4 and 'x1' is 1×2×3×5"),
    Mistake(
      [[1, 2, 4, 4], [1, 2, 3, 3]],
      "type: 'Crop' bottom: 'x0' bottom: 'x1' top: 'y' crop_param { offset: 0 offset: 1️⃣2 }",
      "cannot cut 3 of the 4 values along axis 3 from 2 on: 'x0' is 1×2×4×4 and 'x1' is 1×2×3×3"),
    Mistake(
      [[1, 2, 4, 4], [1, 2, 3, 3]],
      "type: 'Crop' bottom: 'x0' bottom: 'x1' top: 'y' "
        + "crop_param { axis: 1 offset: 0 offset: 1️⃣2 }",
      "has 2 offsets, but cuts 3 axes from axis 1 on (1×2×4×4)"),
    Mistake(
      [[1, 2, 4, 4], [4, 4]], "type: 'Crop' bottom: 'x0' bottom: 1️⃣'x1' top: 'y'",
      "'x0' is 1×2×4×4 and 'x1' is 4×4, but the second must have as many axes as the first"),
    Mistake(
      [[2]], "type: 'Embed' bottom: 'x0' top: 'y' embed_param { num_output: 1️⃣0 input_dim: 3 }",
      "num_output is 0, but must be above 0"),
    Mistake(
      [[2]],
      "type: 'Embed' bottom: 'x0' top: 'y' "
        + "embed_param { num_output: 100000 input_dim: 1️⃣100000 }",
      "weights of 100000×100000 would have more than 2147483647 values"),
  ]

  @Test("a mistake is named and shown", arguments: mistakes)
  func mistake(_ mistake: Mistake) throws {
    try LayerDiagnosticTests().mistake(mistake)
  }
}
