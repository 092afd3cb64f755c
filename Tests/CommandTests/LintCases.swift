import Testing

/// For each lint, what makes it find something in a net and solver that are right, and what does not.
struct LintCase: Sendable, CustomTestStringConvertible {
  /// What is replaced in the texts, and by what.
  typealias Changes = [String: String]

  let lint: String
  /// Changes after which the lint finds something, on the line that has `line`.
  let bad: Changes
  let line: String
  /// Changes that are close to it, but all right.
  let good: Changes
  /// Whether labels are read.
  var readsLabels = false
  /// Weights of the net without changes, given in both cases or only in the good one.
  var weights: String?
  var goodWeights: String?

  init(
    _ lint: String, _ bad: Changes, at line: String, good: Changes, readsLabels: Bool = false,
    weights: String? = nil, goodWeights: String? = nil
  ) {
    self.lint = lint
    self.bad = bad
    self.line = line
    self.good = good
    self.readsLabels = readsLabels
    self.weights = weights
    self.goodWeights = goodWeights ?? weights
  }

  var testDescription: String { lint }

  /// A net that no lint minds.
  static let netText = """
    name: "right"
    layer { name: "digits" type: "Data" top: "data" top: "label" # for training
      include { phase: TRAIN }
      transform_param { scale: 0.00390625 } # training's
      data_param { source: "train_lmdb" batch_size: 32 backend: LMDB } }
    layer { name: "digits" type: "Data" top: "data" top: "label" # for tests
      include { phase: TEST }
      transform_param { scale: 0.00390625 } # the tests'
      data_param { source: "test_lmdb" batch_size: 64 backend: LMDB } }
    layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
      convolution_param { num_output: 4 kernel_size: 5 bias_term: false
        weight_filler { type: "msra" } } }
    layer { name: "norm" type: "BatchNorm" bottom: "conv" top: "norm"
      batch_norm_param { } }
    layer { name: "scale" type: "Scale" bottom: "norm" top: "norm"
      scale_param { bias_term: true } }
    layer { name: "relu" type: "ReLU" bottom: "norm" top: "norm" }
    layer { name: "pool" type: "Pooling" bottom: "norm" top: "pool"
      pooling_param { kernel_size: 2 stride: 2 } }
    layer { name: "ip1" type: "InnerProduct" bottom: "pool" top: "ip1"
      inner_product_param { num_output: 8 weight_filler { type: "xavier" } } }
    layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
    layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
      inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
    # more
    layer { name: "right" type: "Accuracy" bottom: "ip2" bottom: "label" top: "right"
      include { phase: TEST } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
    """

  /// A solver that no lint minds.
  static let solverText = """
    net: "net.txt"
    test_iter: 8
    test_interval: 50
    base_lr: 0.01
    lr_policy: "multistep"
    gamma: 0.1
    stepvalue: 50
    momentum: 0.9
    max_iter: 100
    snapshot: 50
    """

  /// Training on a list of images.
  private static func list(_ name: String, _ more: String = "") -> Changes {
    [
      "type: \"Data\" top: \"data\" top: \"label\" # for training":
        "type: \"ImageData\" top: \"data\" top: \"label\" # listed",
      "data_param { source: \"train_lmdb\" batch_size: 32 backend: LMDB }":
        "image_data_param { source: \"\(name)\" batch_size: 2 is_color: false new_height: 28 "
        + "new_width: 28 \(more) }",
    ]
  }

  static let all: [LintCase] = [weightsAndData, batchNorm, graph, tests, rates, labels].flatMap {
    $0
  }

  private static let weightsAndData: [LintCase] = [
    LintCase(
      "constant-weights", ["weight_filler { type: \"msra\" }": ""], at: "name: \"conv\"",
      // Zeros in the last layer alone are no harm.
      good: ["num_output: 10 weight_filler { type: \"xavier\" }": "num_output: 10"]),
    LintCase(
      "zero-scale",
      ["scale_param { bias_term: true }": "scale_param { filler { type: \"constant\" } }"],
      at: "scale_param",
      good: ["scale_param { bias_term: true }": "scale_param { filler { value: 1 } }"]
    ),
    LintCase(
      "never-learns",
      [
        "# more":
          "layer { name: 'lost' type: 'InnerProduct' bottom: 'pool' top: 'lost'\n"
          + "inner_product_param { num_output: 2 weight_filler { type: 'xavier' } } }"
      ], at: "name: 'lost'",
      good: [
        "# more":
          "layer { name: 'lost' type: 'InnerProduct' bottom: 'pool' top: 'lost'\n"
          + "param { lr_mult: 0 } param { lr_mult: 0 } inner_product_param { num_output: 2 } }"
      ]),
    LintCase(
      "nothing-learns",
      [
        "inner_product_param": "param { lr_mult: 0 } param { lr_mult: 0 } inner_product_param",
        "convolution_param": "param { lr_mult: 0 } convolution_param",
        "scale_param": "param { lr_mult: 0 } param { lr_mult: 0 } scale_param",
      ], at: "convolution_param",
      good: ["convolution_param": "param { lr_mult: 0 } convolution_param"]),
    LintCase(
      "fresh-layers", ["\"ip2\" type": "\"ip3\" type"], at: "name: \"ip3\"", good: [:],
      weights: "right.caffemodel"),
    LintCase(
      "unused-weights", ["\"ip2\" type": "\"ip3\" type"], at: "", good: [:],
      weights: "right.caffemodel"),
    LintCase(
      "unscaled-input", ["{ scale: 0.00390625 } # training's": "{ mirror: true }"],
      at: "mirror: true",
      good: [
        "{ scale: 0.00390625 } # training's": "{ mean_value: 33 }",
        "{ scale: 0.00390625 } # the tests'": "{ mean_value: 33 }",
      ]),
    LintCase(
      "ignored-transform", ["batch_size: 32": "batch_size: 32 mirror: true"], at: "batch_size: 32",
      good: ["} # training's": "mirror: true }"]),
    LintCase(
      "mirror-in-test", ["} # the tests'": "mirror: true }"], at: "mirror",
      good: ["} # training's": "mirror: true }"]),
    LintCase(
      "phases-differ", ["{ scale: 0.00390625 } # the tests'": "{ scale: 0.004 }"],
      at: "scale: 0.004", good: ["0.00390625": "0.004", "} # the tests'": "crop_size: 28 }"]),
    LintCase(
      "same-source", ["test_lmdb": "train_lmdb"], at: "batch_size: 64",
      // Another test net has data of its own.
      good: [
        "type: \"Data\" top: \"data\" top: \"label\" # for tests\n  include { phase: TEST }": """
        type: "Data" top: "data" top: "label" include { phase: TEST stage: "train" }
          transform_param { scale: 0.00390625 }
          data_param { source: "train_lmdb" batch_size: 64 backend: LMDB } }
        layer { name: "digits" type: "Data" top: "data" top: "label"
          include { phase: TEST not_stage: "train" }
        """,
        "test_iter: 8": "test_iter: 8 test_iter: 8 test_state { } test_state { stage: 'train' }",
      ]),
  ]

  private static let batchNorm: [LintCase] = [
    LintCase(
      "batchnorm-without-scale",
      ["layer { name: \"scale\" type: \"Scale\"": "layer { name: \"scale\" type: \"TanH\""],
      at: "name: \"norm\"", good: ["batch_norm_param { }": "batch_norm_param { scale_bias: true }"]),
    LintCase(
      "batchnorm-global-stats",
      ["batch_norm_param { }": "batch_norm_param { use_global_stats: true }"],
      at: "use_global_stats",
      good: ["batch_norm_param { }": "batch_norm_param { use_global_stats: true }"],
      goodWeights: "right.caffemodel"),
    LintCase(
      "batchnorm-batch-stats",
      ["batch_norm_param { }": "batch_norm_param { use_global_stats: false }"],
      at: "use_global_stats", good: ["batch_norm_param { }": "batch_norm_param { eps: 0.001 }"]),
    LintCase(
      "batchnorm-tiny-batch",
      [
        "batch_size: 32": "batch_size: 2",
        "# more": """
        layer { name: 'n' type: 'BatchNorm' bottom: 'ip1' top: 'n' }
        layer { name: 's' type: 'Scale' bottom: 'n' top: 'n' scale_param { bias_term: true } }
        layer { name: 'l' type: 'Reduction' bottom: 'n' top: 'l' loss_weight: 0.1 }
        """,
      ], at: "name: 'n'", good: ["batch_size: 32": "batch_size: 2"]),
  ]

  private static let graph: [LintCase] = [
    LintCase(
      "dangling-top", ["bottom: \"ip1\" top: \"ip1\"": "bottom: \"ip1\" top: \"relu1\""],
      at: "top: \"relu1\"",
      good: [
        "# more": "layer { name: 'p' type: 'Softmax' bottom: 'ip2' top: 'p' }"
      ]),
    LintCase(
      "unused-data-top",
      [
        "type: \"SoftmaxWithLoss\" bottom: \"ip2\" bottom: \"label\"":
          "type: \"EuclideanLoss\" bottom: \"ip2\" bottom: \"ip2\""
      ],
      at: "for training",
      good: [
        "type: \"SoftmaxWithLoss\" bottom: \"ip2\" bottom: \"label\"":
          "type: \"EuclideanLoss\" bottom: \"ip2\" bottom: \"ip2\"",
        "# more": "layer { name: 's' type: 'Silence' bottom: 'label' }",
      ]),
    LintCase(
      "loss-on-probabilities",
      [
        "# more": "layer { name: 'p' type: 'Softmax' bottom: 'ip2' top: 'p' }",
        "\"SoftmaxWithLoss\" bottom: \"ip2\"": "\"SoftmaxWithLoss\" bottom: \"p\"",
      ], at: "SoftmaxWithLoss",
      good: ["# more": "layer { name: 'p' type: 'Softmax' bottom: 'ip2' top: 'p' }"]),
    LintCase(
      "loss-without-softmax", ["SoftmaxWithLoss": "MultinomialLogisticLoss"], at: "Multinomial",
      good: [
        "# more": "layer { name: 'p' type: 'Softmax' bottom: 'ip2' top: 'p' }",
        "\"SoftmaxWithLoss\" bottom: \"ip2\"": "\"MultinomialLogisticLoss\" bottom: \"p\"",
      ]),
    LintCase(
      "rectified-scores",
      ["# more": "layer { name: 'r' type: 'ReLU' bottom: 'ip2' top: 'ip2' }"], at: "name: 'r'",
      good: [
        "# more":
          "layer { name: 'r' type: 'ReLU' bottom: 'ip2' top: 'ip2' relu_param { negative_slope: 0.1 } }"
      ]),
    LintCase(
      "one-class", ["num_output: 10": "num_output: 1"], at: "SoftmaxWithLoss",
      good: ["num_output: 10": "num_output: 11"]),
    LintCase(
      "linear-stack", ["layer { name: \"relu1\" type: \"ReLU\" bottom: \"ip1\" top: \"ip1\" }": ""],
      at: "name: \"ip2\"", good: ["\"relu1\" type: \"ReLU\"": "\"relu1\" type: \"TanH\""]),
    LintCase(
      "partial-pooling-window", ["kernel_size: 2 stride: 2": "kernel_size: 3 stride: 2"],
      at: "name: \"pool\"",
      good: ["kernel_size: 2 stride: 2": "kernel_size: 3 stride: 2 round_mode: FLOOR"]),
    LintCase(
      "dropped-columns", ["kernel_size: 5": "kernel_size: 5 stride: 2"], at: "name: \"conv\"",
      good: ["kernel_size: 5": "kernel_size: 5 stride: 2 pad: 1"]),
  ]

  private static let tests: [LintCase] = [
    LintCase(
      "test-iterations", ["test_iter: 8": "test_iter: 5"], at: "test_iter",
      good: ["test_iter: 8": "test_iter: 16", "batch_size: 64": "batch_size: 32"]),
    LintCase(
      "silent-test",
      [
        "layer { name: \"right\" type: \"Accuracy\" bottom: \"ip2\" bottom: \"label\" top: \"right\"":
          "layer { name: \"s\" type: \"Silence\" bottom: \"ip2\" bottom: \"label\"",
        "top: \"loss\" }": "top: \"loss\" include { phase: TRAIN } }",
      ], at: "for tests", good: ["top: \"loss\" }": "top: \"loss\" include { phase: TRAIN } }"]),
    LintCase(
      "no-loss", ["top: \"loss\" }": "top: \"loss\" include { phase: TEST } }"], at: "net:",
      good: ["top: \"loss\" }": "top: \"loss\" include { phase: TRAIN } }"]),
    LintCase(
      "unmatched-stage", ["snapshot: 50": "snapshot: 50\ntrain_state { stage: 'depe' }"],
      at: "depe",
      good: [
        "snapshot: 50": "snapshot: 50\ntrain_state { stage: 'deep' }",
        "top: \"norm\" }": "top: \"norm\" exclude { stage: 'deep' } }",
      ]),
    LintCase(
      "tests-never-come", ["test_interval: 50": "test_interval: 101"], at: "test_interval",
      good: ["test_interval: 50": "test_interval: 101 test_initialization: false"]),
    LintCase(
      "untested-end", ["test_interval: 50": "test_interval: 30"], at: "test_interval",
      good: ["test_interval: 50": "test_interval: 25"]),
    LintCase(
      "unseen-records", ["max_iter: 100": "max_iter: 15"], at: "max_iter",
      good: ["max_iter: 100": "max_iter: 8 iter_size: 2"]),
    LintCase(
      "nothing-saved", ["snapshot: 50": "snapshot_after_train: false"], at: "snapshot_after_train",
      good: ["snapshot: 50": "snapshot: 50 snapshot_after_train: false"]),
    LintCase(
      "one-snapshot", ["snapshot: 50": "", "max_iter: 100": "max_iter: 10000"], at: "max_iter",
      good: ["max_iter: 100": "max_iter: 10000"]),
  ]

  private static let rates: [LintCase] = [
    LintCase("zero-rate", ["base_lr: 0.01": "base_lr: 0"], at: "base_lr", good: ["0.01": "1e-9"]),
    LintCase(
      "unreached-step", ["stepvalue: 50": "stepvalue: 50 stepvalue: 100"], at: "stepvalue",
      good: ["stepvalue: 50": "stepvalue: 50 stepvalue: 99"]),
    LintCase(
      "policy-field", ["stepvalue: 50": "stepvalue: 50\nstepsize: 20"], at: "stepsize",
      good: ["\"multistep\"": "\"step\"", "stepvalue: 50": "stepsize: 20"]),
    LintCase(
      "odd-gamma", ["gamma: 0.1": "gamma: 1"], at: "gamma", good: ["gamma: 0.1": "gamma: 0.999"]),
    LintCase(
      "adam-without-momentum", ["momentum: 0.9": "type: 'Adam'"], at: "Adam",
      good: ["momentum: 0.9": "type: 'Adam' momentum: 0.9"]),
    LintCase(
      "no-momentum", ["momentum: 0.9": ""], at: "base_lr",
      good: ["momentum: 0.9": "type: 'RMSProp'"]),
    LintCase(
      "momentum-diverges", ["momentum: 0.9": "momentum: 1"], at: "momentum",
      good: ["momentum: 0.9": "momentum: 0.99"]),
    LintCase(
      "zero-clip", ["gamma: 0.1": "gamma: 0.1\nclip_gradients: 0"], at: "clip_gradients",
      good: ["gamma: 0.1": "gamma: 0.1\nclip_gradients: 1"]),
  ]

  private static let labels: [LintCase] = [
    LintCase(
      "unused-outputs", ["num_output: 10": "num_output: 12"], at: "name: \"ip2\"",
      good: ["num_output: 10": "num_output: 10"], readsLabels: true),
    LintCase(
      "sorted-labels", list("sorted.txt"), at: "sorted.txt",
      good: list("sorted.txt", "shuffle: true"), readsLabels: true),
    LintCase(
      "rare-classes", list("rare.txt"), at: "rare.txt", good: list("sorted.txt"),
      readsLabels: true),
  ]
}
