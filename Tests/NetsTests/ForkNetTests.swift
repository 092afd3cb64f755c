import Compute
import Foundation
import Layers
import Nets
import Prototxt
import Schema
import Testing

/// Small nets of the families that need layers of Caffe's forks: they build, run and learn.
@Suite("Nets of Caffe's forks")
struct ForkNetTests {
  // MARK: Texts

  private static func input(_ name: String, _ sizes: [Int]) -> String {
    let dims = sizes.map { "dim: \($0) " }.joined()
    return Graph.layer("Input", name, [], [name], "input_param { shape { \(dims)} }")
  }

  private static func conv(
    _ name: String, _ bottom: String, _ fields: String, type: String = "Convolution"
  ) -> String {
    Graph.layer(
      type, name, [bottom], [name],
      "convolution_param { \(fields) weight_filler { type: 'msra' } }")
  }

  private static func classifier(_ bottom: String) -> String {
    Graph.layer(
      "Pooling", "mean", [bottom], ["mean"], "pooling_param { pool: AVE global_pooling: true }")
      + Graph.product("scores", "mean", "scores", 3)
      + Graph.softmaxLoss("loss", ["scores", "label"])
  }

  private static let images = input("x", [4, 3, 8, 8]) + input("label", [4])

  private static func relu(_ blob: String) -> String {
    Graph.layer("ReLU", "relu-\(blob)", [blob], [blob])
  }

  // MARK: Training

  /// Fills the inputs: random images that are brighter the higher their label, labels in turn.
  private func fill(_ net: Net, classes: Int = 3) {
    for blob in net.inputs {
      var random = RandomStream(seed: 5, purpose: blob.name)
      let isLabel = blob.name.hasPrefix("label")
      blob.assign(
        (0..<blob.count).map { index in
          let sample = index / max(1, blob.count / blob.shape.leadingCount)
          let base = blob.name == "x" ? 0.5 * Double(sample * 7 / 3 % classes) : 0
          return isLabel
            ? Float(index * 7 / 3 % classes) : Float(2 * random.unit() - 1 + base)
        })
    }
  }

  /// Goes down the slope on one batch; the losses.
  private func train(_ net: Net, steps: Int = 40, rate: Float = 0.1) throws -> [Float] {
    try (0..<steps).map { _ in
      let loss = try net.forward()
      net.clearParameterGradients()
      net.backward()
      for parameter in net.parameters where parameter.rate != 0 {
        for index in 0..<parameter.blob.count {
          parameter.blob.values[index] -= rate * parameter.blob.gradient[index]
        }
      }
      return loss
    }
  }

  private func expectLearns(_ text: String, by factor: Float = 0.7, rate: Float = 0.1) throws {
    let net = try Graph.net(text)
    fill(net)
    let losses = try train(net, rate: rate)
    let (first, last) = (try #require(losses.first), try #require(losses.last))
    #expect(losses.allSatisfy(\.isFinite) && last < factor * first, "from \(first) to \(last)")
  }

  @Test("A MobileNet block learns")
  func mobileNet() throws {
    try expectLearns(
      Self.images + Self.conv("a", "x", "num_output: 6 kernel_size: 3 pad: 1 stride: 2")
        + Graph.layer("ReLU6", "ra", ["a"], ["a"])
        + Self.conv(
          "b", "a", "num_output: 6 kernel_size: 3 pad: 1 group: 6 bias_term: false",
          type: "DepthwiseConvolution")
        + Graph.layer("BatchNorm", "bn", ["b"], ["b"], "batch_norm_param { scale_bias: true }")
        + Graph.layer("ReLU6", "rb", ["b"], ["b"])
        + Self.conv("c", "b", "num_output: 8 kernel_size: 1")
        + Self.classifier("c"))
  }

  @Test("A ShuffleNet unit learns")
  func shuffleNet() throws {
    try expectLearns(
      Self.images + Self.conv("a", "x", "num_output: 8 kernel_size: 3 pad: 1") + Self.relu("a")
        + Self.conv("b", "a", "num_output: 8 kernel_size: 1 group: 4")
        + Graph.layer("ShuffleChannel", "s", ["b"], ["s"], "shuffle_channel_param { group: 4 }")
        + Self.conv("d", "s", "num_output: 8 kernel_size: 3 pad: 1", type: "ConvolutionDepthwise")
        + Self.conv("e", "d", "num_output: 8 kernel_size: 1 group: 4")
        + Graph.layer("Eltwise", "sum", ["a", "e"], ["sum"]) + Self.relu("sum")
        + Self.classifier("sum"), rate: 0.3)
  }

  @Test("A SENet block learns")
  func senet() throws {
    try expectLearns(
      Self.images + Self.conv("a", "x", "num_output: 6 kernel_size: 3 pad: 1") + Self.relu("a")
        + Self.conv("b", "a", "num_output: 6 kernel_size: 3 pad: 1")
        + Graph.layer(
          "Pooling", "squeeze", ["b"], ["squeeze"],
          "pooling_param { pool: AVE global_pooling: true }")
        + Self.conv("down", "squeeze", "num_output: 2 kernel_size: 1") + Self.relu("down")
        + Self.conv("up", "down", "num_output: 6 kernel_size: 1")
        + Graph.layer("Sigmoid", "gate", ["up"], ["gate"])
        + Graph.layer("Axpy", "axpy", ["gate", "b", "a"], ["sum"]) + Self.classifier("sum"),
      rate: 0.3)
  }

  private static let segmented =
    input("x", [2, 3, 9, 8]) + input("label", [2, 1, 9, 8])

  @Test("A SegNet pair of pooling and upsampling learns, with weights for classes")
  func segNet() throws {
    try expectLearns(
      Self.segmented + Self.conv("a", "x", "num_output: 8 kernel_size: 3 pad: 1")
        + Graph.layer(
          "BN", "bn", ["a"], ["a"],
          "bn_param { scale_filler { value: 1 } shift_filler { value: 0.001 } }")
        + Self.relu("a")
        + Graph.layer(
          "Pooling", "pool", ["a"], ["pool", "mask"],
          "pooling_param { pool: MAX kernel_size: 2 stride: 2 }")
        + Self.conv("b", "pool", "num_output: 8 kernel_size: 3 pad: 1") + Self.relu("b")
        + Graph.layer(
          "Upsample", "up", ["b", "mask"], ["up"], "upsample_param { scale: 2 pad_out_h: true }")
        + Self.conv("c", "up", "num_output: 3 kernel_size: 3 pad: 1")
        + Graph.layer(
          "SoftmaxWithLoss", "loss", ["c", "label"], ["loss"],
          "loss_param { weight_by_label_freqs: true class_weighting: 0.5 class_weighting: 2 "
            + "class_weighting: 1 }"), by: 0.95, rate: 0.3)
  }

  @Test("A PSPNet pyramid learns")
  func pspNet() throws {
    let bn = "bn_param { slope_filler { value: 1 } bias_filler { value: 0 } momentum: 0.95 }"
    var text =
      Self.segmented + Self.conv("a", "x", "num_output: 6 kernel_size: 3 pad: 1 bias_term: false")
      + Graph.layer("BN", "a/bn", ["a"], ["a"], bn) + Self.relu("a")
    for kernel in [8, 4, 2] {
      text += Graph.layer(
        "Pooling", "p\(kernel)", ["a"], ["p\(kernel)"],
        "pooling_param { pool: AVE kernel_size: \(kernel) stride: \(kernel) }")
      text += Self.conv("c\(kernel)", "p\(kernel)", "num_output: 2 kernel_size: 1")
      text += Graph.layer("BN", "c\(kernel)/bn", ["c\(kernel)"], ["c\(kernel)"], bn)
      text += Graph.layer(
        "Interp", "i\(kernel)", ["c\(kernel)"], ["i\(kernel)"],
        "interp_param { height: 9 width: 8 }")
    }
    text += Graph.layer("Concat", "all", ["a", "i8", "i4", "i2"], ["all"])
    text += Self.conv("scores", "all", "num_output: 3 kernel_size: 3 pad: 1")
    text += Graph.softmaxLoss("loss", ["scores", "label"])
    try expectLearns(text, by: 0.95, rate: 0.3)
  }

  // MARK: Detection

  private static let ssd =
    input("image", [2, 3, 48, 48]) + conv("a", "image", "num_output: 4 kernel_size: 8 stride: 8")
    + Graph.layer(
      "Normalize", "norm", ["a"], ["norm"],
      "norm_param { across_spatial: false channel_shared: false scale_filler { value: 20 } }")
    + conv("loc", "norm", "num_output: 16 kernel_size: 3 pad: 1")
    + Graph.layer(
      "Permute", "loc_p", ["loc"], ["loc_p"],
      "permute_param { order: 0 order: 2 order: 3 order: 1 }")
    + Graph.layer("Flatten", "loc_f", ["loc_p"], ["loc_f"])
    + conv("conf", "norm", "num_output: 12 kernel_size: 3 pad: 1")
    + Graph.layer(
      "Permute", "conf_p", ["conf"], ["conf_p"],
      "permute_param { order: 0 order: 2 order: 3 order: 1 }")
    + Graph.layer("Flatten", "conf_f", ["conf_p"], ["conf_f"])
    + Graph.layer(
      "PriorBox", "prior", ["norm", "image"], ["prior"],
      "prior_box_param { min_size: 12 max_size: 20 aspect_ratio: 2 variance: 0.1 variance: 0.1 "
        + "variance: 0.2 variance: 0.2 }")
    + Graph.layer(
      "Reshape", "conf_r", ["conf_f"], ["conf_r"],
      "reshape_param { shape { dim: 0 dim: -1 dim: 3 } }")
    + Graph.layer("Softmax", "conf_s", ["conf_r"], ["conf_s"], "softmax_param { axis: 2 }")
    + Graph.layer("Flatten", "conf_out", ["conf_s"], ["conf_out"])

  @Test("An SSD head finds boxes, the best of each class first, and no two that overlap much")
  func ssdHead() throws {
    let text =
      Self.ssd
      + Graph.layer(
        "DetectionOutput", "out", ["loc_f", "conf_out", "prior"], ["out"],
        "detection_output_param { num_classes: 3 code_type: CENTER_SIZE keep_top_k: 20 "
          + "confidence_threshold: 0.3 nms_param { nms_threshold: 0.45 top_k: 30 } }")
    let net = try Graph.net(text, .test)
    fill(net)
    try net.forward()
    let out = try #require(net.blob("out"))
    #expect(net.blob("prior")?.shape == [1, 2, 6 * 6 * 4 * 4])
    let rows = (0..<out.count / 7).map { Array(out.array[$0 * 7..<$0 * 7 + 7]) }
    #expect(out.shape == [1, 1, rows.count, 7] && (3...40).contains(rows.count))
    for (a, b) in zip(rows, rows.dropFirst()) where a[0] == b[0] && a[1] == b[1] {
      #expect(a[2] >= b[2])
    }
    for a in rows {
      #expect([0, 1].contains(a[0]) && [1, 2].contains(a[1]) && a[2] > 0.3)
      for b in rows where a != b && a[0] == b[0] && a[1] == b[1] {
        #expect(Self.overlap(Array(a[3...]), Array(b[3...])) <= 0.4501)
      }
    }
    // The same again with other numbers: the shape of the top follows.
    for blob in net.inputs { blob.assign([Float](repeating: 0, count: blob.count)) }
    try net.forward()
    #expect(net.blob("out")?.count ?? 0 > 0)
  }

  private static func overlap(_ a: [Float], _ b: [Float]) -> Float {
    let width = min(a[2], b[2]) - max(a[0], b[0])
    let height = min(a[3], b[3]) - max(a[1], b[1])
    guard width > 0, height > 0 else { return 0 }
    let areas = [a, b].map { ($0[2] - $0[0]) * ($0[3] - $0[1]) }
    return width * height / (areas[0] + areas[1] - width * height)
  }

  @Test("An SSD head learns boxes")
  func ssdLearns() throws {
    try expectLearns(
      Self.ssd + Self.input("target", [2, 6 * 6 * 16])
        + Graph.layer("Silence", "rest", ["conf_out", "prior"])
        + Graph.layer("SmoothL1Loss", "loss", ["loc_f", "target"], ["loss"]), by: 0.9, rate: 0.0005)
  }

  @Test("Faster R-CNN's Python layer is Proposal, and regions of it are pooled")
  func fasterRCNN() throws {
    let python = """
      python_param { module: 'rpn.proposal_layer' layer: 'ProposalLayer'
        param_str: "'feat_stride': 8\\n'scales': [1, 2]" }
      """
    let text =
      Self.input("image", [1, 3, 64, 48]) + Self.input("info", [1, 3])
      + Self.conv("a", "image", "num_output: 6 kernel_size: 8 stride: 8")
      + Self.conv("cls", "a", "num_output: 12 kernel_size: 1")
      + Self.conv("box", "a", "num_output: 24 kernel_size: 1")
      + Graph.layer("Python", "proposal", ["cls", "box", "info"], ["rois"], python)
      + Graph.layer(
        "ROIPooling", "pool", ["a", "rois"], ["pool"],
        "roi_pooling_param { pooled_h: 3 pooled_w: 3 spatial_scale: 0.125 }")
      + Graph.product("scores", "pool", "scores", 4)
    let net = try Graph.net(text, .test)
    fill(net)
    net.blob("info")?.assign([64, 48, 1])
    try net.forward()
    let rois = try #require(net.blob("rois"))
    #expect(rois.shape[0] > 0 && rois.shape[0] <= 300 && rois.shape[1] == 5)
    #expect(net.blob("scores")?.shape == [rois.shape[0], 4])
    for row in 0..<rois.shape[0] {
      let box = Array(rois.array[row * 5..<row * 5 + 5])
      #expect(box[0] == 0 && box[1] >= 0 && box[2] >= 0 && box[3] <= 47 && box[4] <= 63)
      #expect(box[3] - box[1] + 1 >= 16 && box[4] - box[2] + 1 >= 16)
    }
  }

  @Test("Linear regression's Python layer is EuclideanLoss, and another one is refused with advice")
  func pythonLayers() throws {
    func text(_ layer: String) -> String {
      Self.input("a", [2, 3]) + Self.input("b", [2, 3])
        + Graph.layer(
          "Python", "loss", ["a", "b"], ["loss"],
          "python_param { module: 'pyloss' layer: '\(layer)' } loss_weight: 1")
    }
    let net = try Graph.net(text("EuclideanLossLayer"))
    net.blob("a")?.assign([1, 2, 3, 4, 5, 6])
    net.blob("b")?.assign([1, 2, 3, 4, 5, 4])
    #expect(try net.forward() == 1)
    let found = #expect(throws: Diagnostics.self) { _ = try Graph.net(text("Other")) }
    #expect(found?.all.first?.help?.contains("rpn.proposal_layer") == true)
  }

  @Test(
    "Layers of forks that are not here are known by name",
    arguments: [
      "MultiBoxLoss", "AnnotatedData", "Correlation", "FlowWarp", "RegionLoss", "FocalLoss",
    ])
  func advice(_ type: String) throws {
    let found = #expect(throws: Diagnostics.self) {
      _ = try Graph.net(Self.input("a", [2, 3]) + Graph.layer(type, "l", ["a"], ["b"]))
    }
    let help = try #require(found?.all.first?.help)
    #expect(help.contains("a layer of"))
  }

  @Test("Fields of layers that are not here name the fork, and where there is more advice")
  func fieldAdvice() throws {
    let found = #expect(throws: Diagnostics.self) {
      _ = try Graph.net(
        Self.input("a", [2, 3])
          + Graph.layer("MultiBoxLoss", "l", ["a"], ["b"], "multibox_loss_param { num_classes: 2 }")
      )
    }
    let first = try #require(found?.all.first)
    #expect(first.message == "unknown field 'multibox_loss_param' in LayerParameter")
    #expect(first.help?.contains("SSD's layer MultiBoxLoss") == true)
  }

  // MARK: Weights

  @Test("Depthwise weights go to Convolution by name, and give the same values")
  func depthwiseAsConvolution() throws {
    let fields = "num_output: 5 kernel_size: 3 pad: 1 stride: 2 group: 5"
    let input = Self.input("x", [2, 5, 9, 12])
    let own = try Graph.net(input + Self.conv("c", "x", fields, type: "DepthwiseConv"))
    let plain = try Graph.net(input + Self.conv("c", "x", fields), seed: 8)
    let path = FileManager.default.temporaryDirectory.appending(path: "depthwise-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try own.writeWeights(to: path)
    try plain.loadWeights(path: path)
    for net in [own, plain] {
      fill(net)
      try net.forward()
    }
    let (a, b) = (try #require(own.blob("c")), try #require(plain.blob("c")))
    #expect(a.shape == b.shape)
    for (x, y) in zip(a.array, b.array) { #expect(abs(x - y) <= 1e-5 * max(1, abs(y))) }
  }

  @Test("NVCaffe's five blobs of BatchNorm load with scale_bias, and without it the help says so")
  func nvcaffe() throws {
    func text(_ rest: String) -> String {
      Self.input("x", [2, 3, 2, 2]) + Graph.layer("BatchNorm", "bn", ["x"], ["y"], rest)
    }
    let path = FileManager.default.temporaryDirectory.appending(path: "nvcaffe-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let source = try Graph.net(text("batch_norm_param { scale_bias: true }"))
    let values: [[Float]] = [[1, 2, 3], [4, 5, 6], [1], [7, 8, 9], [0.5, 0.25, 0.125]]
    for (parameter, value) in zip(source.parameters, values) { parameter.blob.assign(value) }
    try source.writeWeights(to: path)
    let net = try Graph.net(text("batch_norm_param { scale_bias: true }"), .test)
    try net.loadWeights(path: path)
    #expect(net.parameters.map(\.blob.array) == values)
    let found = #expect(throws: Diagnostics.self) {
      try Graph.net(text("")).loadWeights(path: path)
    }
    #expect(found?.all.first?.help?.contains("scale_bias: true") == true)
  }

  // MARK: What is refused

  @Test(
    "Wrong fields are refused with the place and what to do",
    arguments: [
      ("BN", "bn_param { frozen: true scale_filler { value: 1 } }", "different forks"),
      ("Permute", "permute_param { order: 1 order: 1 }", "named twice"),
      ("Permute", "permute_param { order: 7 }", "axis 7"),
      ("Interp", "interp_param { height: 3 }", "no size"),
      ("Interp", "interp_param { zoom_factor: 2 pad_beg: 1 }", "0 or below"),
      ("Reorg", "reorg_param { stride: 2 }", "cannot be reorganised"),
      ("ShuffleChannel", "shuffle_channel_param { group: 2 }", "groups"),
      ("Upsample", "upsample_param { pad_out_h: true }", "mask"),
      ("DepthwiseConvolution", "convolution_param { num_output: 4 kernel_size: 1 }", "channels"),
      ("DepthwiseConvolution", "convolution_param { kernel_size: 1 group: 2 }", "group"),
      ("Normalize", "norm_param { eps: -1 }", "0 or more"),
    ])
  func refuses(_ type: String, _ rest: String, _ words: String) throws {
    let found = #expect(throws: Diagnostics.self) {
      _ = try Graph.net(Self.input("x", [2, 3, 5, 4]) + Graph.layer(type, "l", ["x"], ["y"], rest))
    }
    let messages = found?.all.map(\.message) ?? []
    #expect(messages.contains { $0.contains(words) }, "\(messages)")
  }

  @Test(
    "Terms of the softmax loss are checked, and other losses have none",
    arguments: [
      ("SoftmaxWithLoss", "class_weighting: 1 class_weighting: 2", "3 classes"),
      ("SoftmaxWithLoss", "class_weighting: -1", "0 or more"),
      ("SoftmaxWithLoss", "label_smoothing: 1", "from 0 up to 1"),
      ("SoftmaxWithLoss", "label_smoothing: 0.1 focal_gamma: 2", "pull against"),
      ("SigmoidCrossEntropyLoss", "focal_gamma: 2", "SoftmaxWithLoss only"),
    ])
  func refusesTerms(_ type: String, _ fields: String, _ words: String) throws {
    let labels = type == "SoftmaxWithLoss" ? [4] : [4, 3]
    let found = #expect(throws: Diagnostics.self) {
      _ = try Graph.net(
        Self.input("x", [4, 3]) + Self.input("label", labels)
          + Graph.layer(type, "l", ["x", "label"], ["y"], "loss_param { \(fields) }"))
    }
    let messages = found?.all.map(\.message) ?? []
    #expect(messages.contains { $0.contains(words) }, "\(messages)")
  }

  @Test("A mask or a region that points outside is an error, with its place")
  func pointsOutside() throws {
    let unpool = try Graph.net(
      Self.input("x", [2, 1, 1, 2]) + Self.input("mask", [2, 1, 1, 2])
        + Graph.layer("Upsample", "up", ["x", "mask"], ["y"]))
    unpool.blob("mask")?.assign([0, 1, 2, 8])
    let first = #expect(throws: Diagnostic.self) { try unpool.forward() }
    #expect(first?.message.contains("the mask has place 8.0") == true)
    let pool = try Graph.net(
      Self.input("x", [2, 1, 3, 3]) + Self.input("rois", [1, 5])
        + Graph.layer(
          "ROIPooling", "pool", ["x", "rois"], ["y"],
          "roi_pooling_param { pooled_h: 1 pooled_w: 1 }"))
    pool.blob("rois")?.assign([2, 0, 0, 1, 1])
    let second = #expect(throws: Diagnostic.self) { try pool.forward() }
    #expect(second?.message.contains("region 0 is of image 2.0, but the batch has 2") == true)
  }
}
