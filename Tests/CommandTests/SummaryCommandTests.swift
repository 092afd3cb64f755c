import Compute
import Foundation
import Layers
import Nets
import Prototxt
import Schema
import Testing

@testable import netrun

@Suite("netrun summary")
struct SummaryCommandTests {
  private let folder: TemporaryFolder
  private static let goldens = LogLines.folder.deletingLastPathComponent()
    .deletingLastPathComponent()

  init() throws {
    folder = try TemporaryFolder()
    try folder.write(Self.net, "model.txt")
    try folder.write(Self.solver, "solver.txt")
  }

  private static let net = """
    name: "Le"
    layer { name: "d" type: "Data" top: "data" top: "label"
      data_param { source: "nowhere" batch_size: 64 backend: LMDB } }
    layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
      convolution_param { num_output: 20 kernel_size: 5 } }
    layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
      inner_product_param { num_output: 10 } }
    layer { name: "acc" type: "Accuracy" bottom: "ip" bottom: "label" top: "acc"
      include { phase: TEST stage: "deep" } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
    """
  private static let solver = """
    net: "model.txt" base_lr: 1 lr_policy: "fixed" max_iter: 1 test_iter: 1 test_interval: 1
    test_state { stage: "deep" }
    """

  private func run(_ arguments: String) throws -> Program.Result {
    try Program.run("summary \(arguments)", in: folder.url)
  }

  private func object(_ result: Program.Result) throws -> [String: Any] {
    try #require(
      JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any],
      "\(result.errors)")
  }

  @Test("Shapes, parameters, arithmetic and memory, layer by layer and in all")
  func numbers() throws {
    let json = try object(try run("model.txt --shape data=8,1,28,28 --json"))
    #expect(json["name"] as? String == "Le" && json["phase"] as? String == "TRAIN")
    let layers = try #require(json["layers"] as? [[String: Any]])
    #expect(layers.map { $0["name"] as? String } == ["d", "conv", "ip", "loss"])
    #expect(layers.map { $0["parameters"] as? Int } == [0, 520, 115_210, 0])
    #expect(layers.map { $0["macs"] as? Int } == [0, 8 * 288_000, 8 * 115_200, 0])
    let top = (layers[1]["tops"] as? [[String: Any]])?.first
    #expect(top?["shape"] as? [Int] == [8, 20, 24, 24])
    let memory = try #require(layers[1]["memory"] as? [String: Int])
    let values = 4 * 8 * 20 * 24 * 24
    #expect(
      memory == [
        "activations": values, "activation_gradients": values, "parameters": 4 * 520,
        "parameter_gradients": 4 * 520,
      ])
    let total = try #require(json["total"] as? [String: Any])
    #expect(total["parameters"] as? Int == 115_730)
    #expect(total["macs"] as? Int == 8 * 403_200)
    let all = try #require(total["memory"] as? [String: Int])
    #expect(all["parameter_gradients"] == 4 * 115_730)
    #expect(all["total"] == all.filter { $0.key != "total" }.values.reduce(0, +))
  }

  @Test("The table for people")
  func table() throws {
    let result = try run("model.txt --shape data=8x1x28x28")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.out.hasPrefix("Le, model.txt, TRAIN, batches of 64\n"))
    let lines = result.out.split(separator: "\n").map {
      $0.split(separator: " ").joined(separator: " ")
    }
    #expect(lines.contains("d Data 8×1×28×28, 8 – – 25 kB –"))
    #expect(lines.contains { $0.hasPrefix("conv Convolution 8×20×24×24 520 ") })
    #expect(lines.contains { $0.hasPrefix("total 4 layers 115,730 ") })
    #expect(lines.last?.hasPrefix("memory: ") == true)
  }

  @Test("Where blobs lie, and when")
  func memory() throws {
    let text = """
      layer { name: 'in' type: 'Input' top: 'x' top: 'label'
        input_param { shape { dim: 16 dim: 1 dim: 8 dim: 8 } shape { dim: 16 } } }
      layer { name: 'conv' type: 'Convolution' bottom: 'x' top: 'conv'
        convolution_param { num_output: 4 kernel_size: 3 } }
      layer { name: 'relu' type: 'ReLU' bottom: 'conv' top: 'conv' }
      layer { name: 'pool' type: 'Pooling' bottom: 'conv' top: 'pool'
        pooling_param { kernel_size: 2 stride: 2 } }
      layer { name: 'ip' type: 'InnerProduct' bottom: 'pool' top: 'ip'
        inner_product_param { num_output: 3 } }
      layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' top: 'loss' }
      """
    try folder.write(text, "small.txt")
    let result = try run("small.txt --memory")
    #expect(result.status == 0, "\(result.errors)")
    let lines = result.out.split(separator: "\n").map {
      $0.split(separator: " ").joined(separator: " ")
    }
    #expect(lines == Self.memoryOfSmall)
    try folder.write(
      "net: 'small.txt' base_lr: 1 lr_policy: 'fixed' max_iter: 1 type: 'Adam'", "s.txt")
    let json = try object(try run("s.txt --memory --json"))
    let net = try #require((json["nets"] as? [[String: Any]])?.first)
    #expect(net["history"] as? Int == 2 * 4 * (4 * 9 + 4 + 3 * 36 + 3))
    let blobs = try #require(net["blobs"] as? [[String: Any]])
    #expect(blobs.contains { $0["place"] as? String == "pool" && $0["offset"] as? Int != nil })
    let test = try run("small.txt --memory --phase TEST")
    #expect(!test.out.contains("backward") && !test.out.contains("their gradients"))
  }

  private static let memoryOfSmall = [
    "small.txt, TRAIN",
    "blob of size from to place at",
    "label values 64 bytes in loss, backward own –",
    "x values 4.1 kB in conv, backward own –",
    "pool values 2.3 kB pool ip, backward pool 9.3 kB",
    "conv values 9.2 kB conv relu, backward pool 0 bytes",
    "ip values 192 bytes ip loss, backward pool 12 kB",
    "loss values 4 bytes loss loss own –",
    "loss gradients 4 bytes loss, backward loss, backward own –",
    "ip gradients 192 bytes loss, backward ip, backward pool 14 kB",
    "pool gradients 2.3 kB ip, backward pool, backward pool 12 kB",
    "conv gradients 9.2 kB pool, backward conv, backward thread, 2 samples 0 bytes",
    "total size",
    "values and gradients 20 kB 28 kB apart",
    "own 4.2 kB what comes in, losses, outputs",
    "pool 14 kB what crosses segments",
    "thread 1.2 kB of each thread, what a chunk needs",
    "parameters 604 bytes",
    "their gradients 604 bytes",
    "work 12 kB sums of chunks, scratch of a thread",
    "all 33 kB with one thread",
  ]

  @Test("What cannot be known is asked for, in words that can be typed")
  func unknown() throws {
    let data = try run("model.txt")
    #expect(data.status == 65 && data.out.isEmpty)
    #expect(data.errors.contains("model.txt:2:37: error: layer 'd' (Data)"))
    #expect(data.errors.contains("--shape data=64,CHANNELS,HEIGHT,WIDTH"))
    try folder.write("layer { name: 'in' type: 'Input' top: 'x' top: 'y' }", "input.txt")
    let input = try run("input.txt")
    #expect(input.status == 65)
    #expect(input.errors.contains("--shape x=1,") && input.errors.contains("--shape y=1,"))
    #expect(try run("input.txt --shape x=2,3 --shape y=4").out.contains("2×3, 4"))
  }

  @Test("Shapes that are mistyped or lead nowhere are refused")
  func wrongShapes() throws {
    let unused = try run("model.txt --shape dat=1,1,28,28")
    #expect(unused.status == 64 && unused.errors.contains("did you mean 'data'?"))
    for text in ["data", "data=", "data=1,,2", "data=1,-1", "data=a,b", "=1,2", "data=0"] {
      #expect(try run("model.txt --shape \(text)").status == 64, "\(text)")
    }
    #expect(try run("model.txt --phase NO").status == 64)
    #expect(try run("nowhere.txt").status == 66)
  }

  @Test("Data that are here need no words")
  func present() throws {
    let database = Self.goldens.appending(path: "solvers/digits_lmdb").path
    try folder.write(Self.net.replacing("nowhere", with: database), "here.txt")
    let json = try object(try run("here.txt --json"))
    let layers = try #require(json["layers"] as? [[String: Any]])
    let top = (layers.first?["tops"] as? [[String: Any]])?.first
    #expect((top?["shape"] as? [Int])?.first == 64)
  }

  @Test("Of a solver, its training net and its test nets, in their states")
  func solver() throws {
    let json = try object(try run("solver.txt --shape data=8,1,28,28 --json"))
    let nets = try #require(json["nets"] as? [[String: Any]])
    #expect(nets.map { $0["net"] as? String } == ["training net", "test net #0"])
    #expect(nets.map { $0["phase"] as? String } == ["TRAIN", "TEST"])
    #expect(nets.map { ($0["layers"] as? [Any])?.count } == [4, 5])
    let test = try run("solver.txt --shape data=8,1,28,28 --phase test")
    #expect(test.out.hasPrefix("Le, test net #0, model.txt, TEST, stage deep, batches of 64\n"))
    // By itself the net is shown as its own file says.
    let plain = try object(try run("model.txt --shape data=8,1,28,28 --phase TEST --json"))
    #expect((plain["layers"] as? [Any])?.count == 4)
    let staged = try object(
      try run("model.txt --shape data=8,1,28,28 --phase TEST --stage deep --json"))
    #expect((staged["layers"] as? [Any])?.count == 5)
  }

  @Test("Parameters that layers share count once")
  func shared() throws {
    let product = { (name: String, bottom: String) in
      """
      layer { name: '\(name)' type: 'InnerProduct' bottom: '\(bottom)' top: '\(name)'
        param { name: 'w' } inner_product_param { num_output: 6 } }

      """
    }
    try folder.write(
      "layer { name: 'in' type: 'Input' top: 'x' input_param { shape { dim: 2 dim: 6 } } }\n"
        + product("a", "x") + product("b", "a"), "shared.txt")
    let json = try object(try run("shared.txt --json"))
    let layers = try #require(json["layers"] as? [[String: Any]])
    #expect(layers.map { $0["parameters"] as? Int } == [0, 42, 6])
    #expect(layers.last?["shares_with"] as? [String] == ["a"])
    #expect((json["total"] as? [String: Any])?["parameters"] as? Int == 48)
    #expect(try run("shared.txt").out.contains("6, else as a"))
  }

  @Test("Nets of earlier years")
  func old() throws {
    let upgrade = Self.goldens.appending(path: "legacy/upgrade")
    for name in ["v0_deploy", "v1_types"] {
      let old = try object(try run("\(upgrade.path)/\(name).prototxt --json"))
      let new = try object(try run("\(upgrade.path)/\(name).upgraded.prototxt --json"))
      #expect(old["layers"] as? NSArray == new["layers"] as? NSArray)
    }
  }

  /// AlexNet as it is deployed, in the form of 2014, with the sizes of its paper.
  private static let alexnet: String = {
    func conv(_ number: Int, _ bottom: String, _ outputs: Int, _ rest: String) -> String {
      "layers { name: 'conv\(number)' type: CONVOLUTION bottom: '\(bottom)' top: 'conv\(number)' "
        + "convolution_param { num_output: \(outputs) \(rest) } }\n"
        + "layers { name: 'relu\(number)' type: RELU bottom: 'conv\(number)' top: 'conv\(number)' }\n"
    }
    func pool(_ number: Int, _ bottom: String) -> String {
      "layers { name: 'pool\(number)' type: POOLING bottom: '\(bottom)' top: 'pool\(number)' "
        + "pooling_param { pool: MAX kernel_size: 3 stride: 2 } }\n"
    }
    func norm(_ number: Int) -> String {
      "layers { name: 'norm\(number)' type: LRN bottom: 'conv\(number)' top: 'norm\(number)' "
        + "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 } }\n"
    }
    func full(_ number: Int, _ bottom: String, _ outputs: Int) -> String {
      "layers { name: 'fc\(number)' type: INNER_PRODUCT bottom: '\(bottom)' top: 'fc\(number)' "
        + "inner_product_param { num_output: \(outputs) } }\n"
    }
    return
      "name: 'AlexNet' input: 'data' input_dim: 10 input_dim: 3 input_dim: 227 input_dim: 227\n"
      + conv(1, "data", 96, "kernel_size: 11 stride: 4") + norm(1) + pool(1, "norm1")
      + conv(2, "pool1", 256, "kernel_size: 5 pad: 2 group: 2") + norm(2) + pool(2, "norm2")
      + conv(3, "pool2", 384, "kernel_size: 3 pad: 1")
      + conv(4, "conv3", 384, "kernel_size: 3 pad: 1 group: 2")
      + conv(5, "conv4", 256, "kernel_size: 3 pad: 1 group: 2") + pool(5, "conv5")
      + full(6, "pool5", 4096) + full(7, "fc6", 4096) + full(8, "fc7", 1000)
  }()

  @Test("AlexNet has the numbers that the literature tells of it")
  func alexnet() throws {
    try folder.write(Self.alexnet, "alexnet.txt")
    let json = try object(try run("alexnet.txt --json"))
    let layers = try #require(json["layers"] as? [[String: Any]])
    let macs = layers.compactMap { $0["macs"] as? Int }.filter { $0 > 0 }
    #expect(
      macs == [
        1_054_152_000, 2_239_488_000, 1_495_203_840, 1_121_402_880, 747_601_920, 377_487_360,
        167_772_160, 40_960_000,
      ])
    let total = try #require(json["total"] as? [String: Any])
    #expect(total["parameters"] as? Int == 60_965_224)
    #expect(total["macs"] as? Int == 7_244_068_160)
    let text = try run("alexnet.txt")
    #expect(text.out.contains("724.41 M"), "\(text.out)")
    // Any other size by the same option as for data.
    let one = try object(try run("alexnet.txt --shape data=1,3,227,227 --json"))
    #expect((one["total"] as? [String: Any])?["macs"] as? Int == 724_406_816)
  }

  @Test("A net of Caffe's reference runs looks the same whether it is built or only looked at")
  func sketches() throws {
    let nets = Self.goldens.appending(path: "nets")
    let names = try FileManager.default.contentsOfDirectory(atPath: nets.path)
      .filter { $0.hasSuffix(".prototxt") }
    try #require(names.count > 40)
    for name in names {
      let description = try NetDescription.load(nets.appending(path: name).path).net
      let state = NetState(phase: .train)
      var options = Net.Options(state: state, context: LayerContext(workers: Workers(count: 1)))
      options.keeps = .only([])
      let real = try Net(description, options: options)
      let console = Console(
        out: StringSink(), chatter: StringSink(), outTerminal: nil, chatterTerminal: nil)
      let sketch = try NetSketch(shapes: [], console: console)
        .build(description, folder: nil, state: real.state)
      #expect(sketch.nodes.map { $0.tops.map(\.shape) } == real.nodes.map { $0.tops.map(\.shape) })
      #expect(sketch.memory == real.memory, "\(name)")
      #expect(sketch.parameters.map(\.blob.shape) == real.parameters.map(\.blob.shape))
    }
  }

  @Test("A net that is larger than the machine can be looked at")
  func huge() throws {
    let count = min(Int(Int32.max), Memory.physicalFloats) / 2
    let layers = Memory.physicalFloats / count * 2 + 2
    var text = ""
    for index in 0...layers {
      text +=
        "layer { name: 'in\(index)' type: 'Input' top: 'x\(index)' "
        + "input_param { shape { dim: \(count) } } }\n"
    }
    // One after the other these would need as much, but they share it.
    for index in 1...layers {
      text +=
        "layer { name: 'r\(index)' type: 'ReLU' bottom: '\(index > 1 ? "y\(index - 1)" : "x0")' "
        + "top: 'y\(index)' }\n"
    }
    try folder.write(text, "huge.txt")
    let total = try object(try run("huge.txt --json"))["total"] as? [String: Any]
    let memory = try #require(total?["memory"] as? [String: Int])
    // The inputs and the last top.
    #expect(memory["activations"] == 4 * count * (layers + 2))
    #expect((memory["shared"] ?? 0) < 4 * count)
    #expect((memory["total"] ?? 0) > 2 * Memory.physicalBytes)
    #expect(try run("huge.txt").out.contains("TB") || Memory.physicalBytes < 300_000_000_000)
  }
}
