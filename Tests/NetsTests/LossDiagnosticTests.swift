import Testing

/// What is said of bottoms and parameters that losses, normalisation and recurrent layers cannot take.
@Suite struct LossDiagnosticTests {
  private typealias Mistake = LayerDiagnosticTests.Mistake

  static let losses: [LayerDiagnosticTests.Mistake] = [
    Mistake(
      [[4, 3], [3, 4]], "type: 'EuclideanLoss' bottom: 'x0' bottom: 1️⃣'x1' top: 'y'",
      "'x0' is 4×3 and 'x1' is 3×4, but the first axes must be alike"),
    Mistake(
      [[4, 3], [4, 2]], "type: 'SigmoidCrossEntropyLoss' bottom: 'x0' bottom: 1️⃣'x1' top: 'y'",
      "'x0' (4×3) holds 12 values, but 'x1' (4×2) holds 8"),
    Mistake(
      [[], []], "type: 'EuclideanLoss' bottom: 'x0' bottom: 1️⃣'x1' top: 'y'",
      "'x0' is scalar and 'x1' is scalar, but the first axes must be alike"),
    Mistake(
      [[4, 3], [4, 2]], "type: 'HingeLoss' bottom: 'x0' bottom: 1️⃣'x1' top: 'y'",
      "'x1' (4×2) holds 8 labels for the 4 samples of 'x0' (4×3)"),
    Mistake(
      [[4, 3, 2, 2], [4, 2, 2]],
      "type: 'MultinomialLogisticLoss' bottom: 'x0' bottom: 1️⃣'x1' top: 'y'",
      "'x1' (4×2×2) holds 16 labels for the 4 samples of 'x0' (4×3×2×2)"),
    Mistake(
      [[4, 3, 2], [4, 3, 2], [4]],
      "type: 'ContrastiveLoss' bottom: 1️⃣'x0' bottom: 'x1' bottom: 'x2' top: 'y'",
      "'x0' is 4×3×2, but must hold one vector for each sample"),
    Mistake(
      [[4, 3], [4, 3], [4, 2]],
      "type: 'ContrastiveLoss' bottom: 'x0' bottom: 'x1' bottom: 1️⃣'x2' top: 'y'",
      "'x2' is 4×2, but must hold one number for each of the 4 pairs of 'x0' (4×3)"),
    Mistake(
      [[4, 3], [4], [3, 2]],
      "type: 'InfogainLoss' bottom: 'x0' bottom: 'x1' bottom: 1️⃣'x2' top: 'y'",
      "H is 3×2, but 'x0' (4×3) has 3 classes along axis 1"),
    Mistake(
      [[4, 3], [4]], "type: 'InfogainLoss' bottom: 'x0' bottom: 'x1' top: 'y'",
      "has no matrix H"),
    Mistake(
      [[4, 3], [4]],
      "type: 'InfogainLoss' bottom: 'x0' bottom: 'x1' top: 'y' "
        + "infogain_loss_param { source: 1️⃣'no such file' }",
      "source 'no such file' is not there"),
    Mistake(
      [[4, 3], [4], [3, 3]],
      "type: 'InfogainLoss' bottom: 'x0' bottom: 'x1' bottom: 'x2' top: 'y' "
        + "loss_param { normalize: 1️⃣true }",
      "takes no normalize"),
  ]

  static let common: [LayerDiagnosticTests.Mistake] = [
    Mistake(
      [[4]], "type: 'BatchNorm' bottom: 1️⃣'x0' top: 'y'",
      "needs a bottom of samples and channels, but it is 4"),
    Mistake(
      [[4, 2]], "type: 'BatchNorm' bottom: 'x0' top: 'y' batch_norm_param { eps: 1️⃣-1 }",
      "eps is -1.0, but must be 0 or more"),
    Mistake(
      [[4, 2]],
      "type: 'BatchNorm' bottom: 'x0' top: 'y' "
        + "batch_norm_param { moving_average_fraction: 1️⃣nan }",
      "moving_average_fraction is nan, but must lie between 0 and 1"),
    Mistake(
      [[4, 2]],
      "type: 'BatchNorm' bottom: 'x0' top: 'y' param { lr_mult: 0 } param { lr_mult: 1️⃣2 }",
      "has a learning rate (lr_mult is 2.0) for its statistics"),
    Mistake(
      [[4, 2]], "type: 'BatchNorm' bottom: 'x0' top: 'y' 1️⃣param { decay_mult: 0 }",
      "has a learning rate (lr_mult is 1, the default) for its statistics"),
    Mistake(
      [[4, 2]], "type: 'Scale' bottom: 'x0' top: 'y' scale_param { axis: 1️⃣2 }",
      "axis 2 of a blob with 2 axes (4×2)"),
    Mistake(
      [[4, 2]], "type: 'Scale' bottom: 'x0' top: 'y' scale_param { num_axes: 1️⃣2 }",
      "num_axes is 2, but the bottom (4×2) has only 1 axes from axis 1 on"),
    Mistake(
      [[4, 2]], "type: 'Bias' bottom: 'x0' top: 'y' bias_param { num_axes: 1️⃣-2 }",
      "num_axes is -2, but must be -1 or more"),
    Mistake(
      [[4, 2, 3], [4]], "type: 'Scale' bottom: 'x0' bottom: 1️⃣'x1' top: 'y'",
      "'x1' is 4, which is not the part of 'x0' (4×2×3) from axis 1 on"),
    Mistake(
      [[4, 2], [2, 1]], "type: 'Bias' bottom: 'x0' bottom: 1️⃣'x1' top: 'y'",
      "'x1' is 2×1, which is not the part of 'x0' (4×2) from axis 1 on"),
    Mistake(
      [[1, 2, 3, 4, 5]], "type: 'MVN' bottom: 1️⃣'x0' top: 'y'",
      "takes one to four axes, but the bottom has 5 (1×2×3×4×5)"),
    Mistake(
      [[1, 3, 2, 9]],
      "type: 'Deconvolution' bottom: 'x0' top: 'y' "
        + "convolution_param { num_output: 2 kernel_size: 1️⃣2 pad: 2 }",
      "the output is empty: axis 2 of the bottom (1×3×2×9) has 2 values, with stride 1, a kernel "
        + "that spans 2 and pad 2"),
  ]

  static let recurrent: [LayerDiagnosticTests.Mistake] = [
    Mistake(
      [[3, 2, 4], [3, 2]], "type: 'LSTM' bottom: 'x0' bottom: 'x1' top: 'y'",
      "num_output is missing"),
    Mistake(
      [[3, 2], [3, 2]],
      "type: 'RNN' bottom: 1️⃣'x0' bottom: 'x1' top: 'y' recurrent_param { num_output: 2 }",
      "'x0' is 3×2, but needs three axes or more: time, sequences, and the values of a step"),
    Mistake(
      [[3, 2, 4], [2, 3]],
      "type: 'LSTM' bottom: 'x0' bottom: 1️⃣'x1' top: 'y' recurrent_param { num_output: 2 }",
      "'x1' is 2×3, but 'x0' is 3×2×4, so it must be 3×2"),
    Mistake(
      [[3, 2, 4], [3, 2], [3, 5]],
      "type: 'LSTM' bottom: 'x0' bottom: 'x1' bottom: 1️⃣'x2' top: 'y' "
        + "recurrent_param { num_output: 2 }",
      "the static input 'x2' is 3×5, but must have the 2 sequences of 'x0' (3×2×4), then their "
        + "values"),
    Mistake(
      [[3, 2, 4], [3, 2], [1, 2, 2]],
      "type: 'LSTM' bottom: 'x0' bottom: 'x1' bottom: 'x2' top: 'y' "
        + "recurrent_param { num_output: 2 expose_hidden: 1️⃣true }",
      "has 3 bottoms, but with expose_hidden takes 4 or 5"),
    Mistake(
      [[3, 2, 4], [3, 2], [1, 2, 3]],
      "type: 'RNN' bottom: 'x0' bottom: 'x1' bottom: 1️⃣'x2' top: 'y' top: 'h' "
        + "recurrent_param { num_output: 2 expose_hidden: true }",
      "'x2' is 1×2×3, but 'x0' is 3×2×4, so it must be 1×2×2"),
    Mistake(
      [[3, 2, 4], [3, 2]],
      "type: 'RNN' bottom: 'x0' bottom: 'x1' top: 'y' top: 1️⃣'h' recurrent_param { num_output: 2 }",
      "has 2 tops, but without expose_hidden makes 1"),
    Mistake(
      [[1, 2, 3], [1, 2, 9], [1, 2]],
      "type: 'LSTMUnit' bottom: 'x0' bottom: 1️⃣'x1' bottom: 'x2' top: 'c' top: 'h'",
      "'x1' is 1×2×9, but 'x0' is 1×2×3, so it must be 1×2×12"),
  ]

  @Test("a mistake is named and shown", arguments: losses + common + recurrent)
  func mistake(_ mistake: LayerDiagnosticTests.Mistake) throws {
    try LayerDiagnosticTests().mistake(mistake)
  }
}
